"""Files that hosts hand over go where the play says, and nowhere else."""

from __future__ import annotations

import base64
import hashlib
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from clusterbook.execute.fetched import Fetched, destination
from clusterbook.execute.session import Refusal
from clusterbook.language.values import Template
from tests.unit.execute.test_run import play, run, step

FETCH = "ansible.builtin.fetch"


@pytest.mark.parametrize(
    ("dest", "flat", "source", "goes"),
    [
        ("out", False, "/etc/hosts", "out/h/etc/hosts"),
        ("out/", False, "/etc/hosts", "out/h/etc/hosts"),
        ("out/", True, "/etc/hosts", "out/hosts"),
        ("name", True, "/etc/hosts", "name"),
        ("out", False, "/a/../../../../etc/hosts", "out/h/etc/hosts"),
        ("out/", True, "/..", "out/"),
    ],
)
def test_a_file_goes_below_the_destination_and_its_host(
    tmp_path: Path, dest: str, flat: bool, source: str, goes: str
) -> None:
    assert destination("h", source, {"dest": dest, "flat": flat}, tmp_path) == tmp_path / goes


def test_a_host_cannot_leave_the_destination_by_a_link(tmp_path: Path) -> None:
    (tmp_path / "out" / "h").mkdir(parents=True)
    (tmp_path / "out" / "h" / "etc").symlink_to("/etc")
    with pytest.raises(Refusal, match="would be written outside"):
        destination("h", "/etc/passwd", {"dest": "out", "flat": False}, tmp_path)


def test_an_existing_directory_needs_a_final_slash(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(Refusal, match="end it with a slash"):
        destination("h", "/a", {"dest": "out", "flat": True}, tmp_path)


def offer(fetched: Fetched, content: bytes) -> dict[str, Any]:
    return fetched({"src": "/a", "sha1": hashlib.sha1(content).hexdigest(), "size": len(content)})


def test_content_is_put_into_place_with_its_last_block_only(tmp_path: Path) -> None:
    fetched = Fetched("h", lambda question: ({"dest": "out", "flat": False}, tmp_path))
    path = tmp_path / "out/h/a"
    assert offer(fetched, b"onetwo") == {"dest": str(path), "same": False}
    fetched({"src": "/a", "offset": 0, "data": base64.b64encode(b"one").decode(), "last": False})
    assert not path.exists()
    with pytest.raises(Refusal, match="out of order"):
        fetched({"src": "/a", "offset": 9, "data": "", "last": True})
    fetched({"src": "/a", "offset": 3, "data": base64.b64encode(b"two").decode(), "last": True})
    assert path.read_bytes() == b"onetwo" and [item.name for item in path.parent.iterdir()] == ["a"]
    assert offer(fetched, b"onetwo")["same"] is True


def test_a_fetched_file_arrives_and_a_second_run_brings_nothing(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"\0" * 3_000_000)
    arguments = {"src": str(tmp_path / "f"), "dest": Template("{{ where }}/", "play.yml", 1, 1), "flat": True}
    plan = play("a", (step(1, FETCH, arguments),), variables={"where": "out"}, bases=(str(tmp_path),))
    first, _ = run(plan)
    assert first.counts["a"]["changed"] == 1 and (tmp_path / "out/f").read_bytes() == b"\0" * 3_000_000
    assert run(plan)[0].counts["a"]["changed"] == 0


def test_a_destination_that_a_host_chooses_is_refused(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("x")
    steps = (
        step(1, "ansible.builtin.set_fact", {"where": str(tmp_path / "out")}),
        step(2, FETCH, {"src": str(tmp_path / "f"), "dest": Template("{{ where }}", "play.yml", 1, 1)}),
    )
    outcome, recorder = run(play("a", steps, modules=(FETCH,), bases=(str(tmp_path),)))
    assert outcome.counts["a"]["failed"] == 1 and not (tmp_path / "out").exists()
    assert "must come from the inventory or the play alone" in str(recorder.of("result")[-1])


def test_a_missing_file_is_an_error_unless_it_may_be(tmp_path: Path) -> None:
    arguments = {"src": str(tmp_path / "none"), "dest": "out"}
    assert run(play("a", (step(1, FETCH, arguments),), bases=(str(tmp_path),)))[0].counts["a"]["failed"] == 1
    kind = {**arguments, "fail_on_missing": False}
    assert run(play("a", (step(1, FETCH, kind),), bases=(str(tmp_path),)))[0].counts["a"]["failed"] == 0


@pytest.mark.parametrize(("mode", "there", "gets"), [
    (None, None, 0o640),  # as any new file under this umask
    (0o600, None, 0o600), (0o4777, None, 0o750), (0o444, None, 0o640),
    (0o666, 0o600, 0o600), (None, 0o664, 0o664),
])  # fmt: skip
def test_a_new_file_has_the_mode_that_the_umask_allows_and_one_that_is_replaced_keeps_its_own(
    tmp_path: Path, mode: int | None, there: int | None, gets: int
) -> None:
    path = tmp_path / "out"
    if there is not None:
        path.write_text("old")
        path.chmod(there)
    fetched = Fetched("h", lambda question: ({"dest": "out", "flat": True}, tmp_path))
    told = {} if mode is None else {"mode": mode}
    before = os.umask(0o027)
    try:
        fetched({"src": "/a", "offset": 0, "data": base64.b64encode(b"new").decode(), "last": True, **told})
    finally:
        os.umask(before)
    assert path.read_text() == "new" and stat.S_IMODE(path.stat().st_mode) == gets


def test_of_a_file_of_this_machine_only_the_content_counts(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("x")
    (tmp_path / "f").chmod(0o711)
    arguments = {"src": str(tmp_path / "f"), "dest": "out/", "flat": True}
    run(play("a", (step(1, FETCH, arguments),), bases=(str(tmp_path),)))
    (tmp_path / "new").touch()
    assert (tmp_path / "out/f").stat().st_mode == (tmp_path / "new").stat().st_mode
