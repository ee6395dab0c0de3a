"""`diff` among a step's return keys, as Ansible's modules give it, for steps that want it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from clusterbook.modules.system import System
from tests.unit.modules.conftest import Do

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIzlnSq5ESxLgW0avvPk3j7zLV59hcAPkxrMNdnZMKP2"


@pytest.fixture(autouse=True)
def telling(host: System) -> None:
    """The step says `diff: true`."""
    host.tells_difference = True


def test_a_step_that_does_not_want_it_gets_no_difference(do: Do, host: System, place: Path) -> None:
    host.tells_difference = False
    assert "diff" not in do("file", path=str(place / "a"), state="touch").values


def test_a_file_tells_its_path_always_and_what_differs(do: Do, place: Path) -> None:
    path = str(place / "a")
    made = do("file", path=path, state="touch", mode="0644").values["diff"]
    assert made["before"]["state"] == "absent" and made["after"]["state"] == "file"
    told = do("file", path=path, mode="0600").values["diff"]
    assert told == {"before": {"path": path, "mode": "0644"}, "after": {"path": path, "mode": "0600"}}
    assert do("file", path=path, mode="0600").values["diff"] == {"before": {"path": path}, "after": {"path": path}}


def test_a_link_tells_where_it_led(do: Do, place: Path) -> None:
    (place / "one").write_text("")
    (place / "two").write_text("")
    link = {"path": str(place / "link"), "state": "link"}
    assert do("file", src="one", **link).values["diff"]["after"]["state"] == "link"
    told = do("file", src="two", **link).values["diff"]
    assert (told["before"]["src"], told["after"]["src"]) == ("one", "two")


def test_a_directory_that_goes_tells_what_goes_with_it(do: Do, place: Path) -> None:
    (place / "d/e").mkdir(parents=True)
    (place / "d/e/f").write_text("")
    told = do("file", path=str(place / "d"), state="absent").values["diff"]["before"]["path_content"]
    assert told == {"directories": [str(place / "d/e")], "files": [str(place / "d/e/f")]}


@pytest.mark.parametrize(
    ("module", "arguments"),
    [("lineinfile", {"line": "b"}), ("blockinfile", {"block": "b"})],
)
def test_modules_for_lines_tell_the_text_and_then_the_attributes(
    module: str, arguments: dict[str, Any], do: Do, place: Path
) -> None:
    path = place / "x"
    path.write_text("a\n")
    path.chmod(0o644)
    text, attributes = do(module, path=str(path), mode="0600", **arguments).values["diff"]
    assert text["before"] == "a\n" and text["after"] == path.read_text()
    assert text["before_header"] == f"{path} (content)"
    assert attributes["after"] == {"mode": "0600"} and attributes["after_header"] == f"{path} (file attributes)"


def test_replace_and_assemble_tell_the_text_alone(do: Do, place: Path) -> None:
    path = place / "x"
    path.write_text("a\n")
    told = do("replace", path=str(path), regexp="a", replace="b").values["diff"]
    assert told == {"before": "a\n", "after": "b\n", "before_header": str(path), "after_header": str(path)}
    (place / "parts").mkdir()
    (place / "parts/1").write_text("one\n")
    told = do("assemble", src=str(place / "parts"), dest=str(place / "whole")).values["diff"]
    assert (told["before"], told["after"]) == ("", "one\n")


def test_copies_tell_each_file_that_differs(do: Do, place: Path, sources: Path) -> None:
    told = do("copy", content="x\n", dest=str(place / "x")).values["diff"]
    assert [(one["before"], one["after"], one["after_header"]) for one in told] == [("", "x\n", str(place / "x"))]
    (sources / "d").mkdir()
    (sources / "d/1").write_text("one")
    (sources / "d/2").write_text("two")
    assert [one["after"] for one in do("copy", src="d", dest=str(place)).values["diff"]] == ["one", "two"]
    assert "diff" not in do("copy", src="d", dest=str(place)).values


def test_known_hosts_tells_it_unasked(do: Do, host: System, place: Path) -> None:
    host.tells_difference = False
    told = do("known_hosts", path=str(place / "known"), name="a", key=f"a {KEY}").values["diff"]
    assert (told["before_header"], told["before"], told["after"]) == ("/dev/null", "", f"a {KEY}\n")
    told = do("known_hosts", path=str(place / "known"), name="a", key=f"a {KEY}").values["diff"]
    assert told["before"] == told["after"] and told["before_header"] == str(place / "known")


def test_other_modules_tell_what_they_compare_by_name(do: Do, place: Path) -> None:
    told = do("ini_file", path=str(place / "i"), section="s", option="o", value="v").values["diff"]
    assert told["before"] == "" and "[s]" in told["after"]
