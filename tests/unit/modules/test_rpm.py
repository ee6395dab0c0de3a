"""Packages of rpm and their repositories: what can be told without a host that has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from clusterbook.modules import dnf, registry, yum_repository
from clusterbook.modules.parameters import coerce
from clusterbook.modules.system import System
from clusterbook.modules.system.commands import Completed
from tests.unit.modules.conftest import Do

INSTALLED = "bash\t5.2-1\tx86_64\nvim-data\t2:9.0-3\tnoarch\n"


@pytest.mark.parametrize(
    ("asked", "fits"),
    [
        ("bash", True), ("bash-5.2", True), ("bash-5.2-1", True), ("bash.x86_64", True), ("bash-5.2-1.x86_64", True),
        ("b*", True), ("bas", False), ("bash-5.1", False), ("bash.noarch", False),
    ],
)
def test_a_package_is_meant_by_its_name_and_more(asked: str, fits: bool) -> None:
    assert dnf.fits(asked, ("bash", "5.2-1", "x86_64")) is fits


def test_a_version_may_have_an_epoch_or_not() -> None:
    package = ("vim-data", "2:9.0-3", "noarch")
    assert all(dnf.fits(asked, package) for asked in ("vim-data-9.0", "vim-data-9.0-3", "vim-data-2:9.0-3"))


def test_only_what_is_missing_is_installed_and_only_what_is_there_removed(host: System, do: Do) -> None:
    ran: list[list[str]] = []
    state = {"text": INSTALLED}

    def answer(argv: list[str], **options: Any) -> Completed:
        if argv[0] == "dnf":
            ran.append(argv)
            state["text"] = INSTALLED + "git\t2-1\tx86_64\n" if "install" in argv else ""
        code = 1 if "--whatprovides" in argv else 0
        return Completed(tuple(argv), code, state["text"] if "-qa" in argv else "", "", 0.0, 0.0)

    host.query = host.execute = answer  # type: ignore[method-assign, assignment]
    assert not do("dnf", name=["bash", "vim-data"]).changed and ran == []
    assert do("dnf", name=["bash", "git"], enablerepo=["a", "b"], install_weak_deps=False).changed
    assert ran == [["dnf", "-y", "--enablerepo=a,b", "--setopt=install_weak_deps=False", "install", "git"]]
    assert do("yum", name="bash", state="removed").values["results"] == ["Removed: bash"]
    assert do("dnf", list="installed").values["results"] == []


def test_groups_are_refused(host: System, do: Do) -> None:
    host.query = lambda argv, **options: Completed(tuple(argv), 0, "", "", 0.0, 0.0)  # type: ignore[method-assign]
    assert do("dnf5", name="@tools").message == "name has '@tools': groups are not supported"


def test_options_of_a_repository_are_written_as_dnf_reads_them() -> None:
    ready = coerce(registry.specification("ansible.builtin.yum_repository"), {
        "name": "r", "description": "d", "baseurl": ["http://a", "http://b"], "enabled": False, "gpgcheck": True,
        "exclude": ["x", "y"]})
    text = yum_repository.written({"r": yum_repository.options(ready)})
    assert text == ("[r]\nbaseurl = http://a\n  http://b\nenabled = 0\nexclude = x y\ngpgcheck = 1\nname = d\n\n")
    assert yum_repository.written(yum_repository.parse(text)) == text


def test_a_repository_is_written_beside_others_and_removed(do: Do, place: Path) -> None:
    common = {"reposdir": str(place), "file": "f"}
    for name in ("b", "a"):
        assert do("yum_repository", name=name, description=name, baseurl="http://x", mode="0640", **common).changed
        assert not do("yum_repository", name=name, description=name, baseurl="http://x", **common).changed
    path = place / "f.repo"
    assert [line for line in path.read_text().splitlines() if line.startswith("[")] == ["[a]", "[b]"]
    assert do("yum_repository", name="a", state="absent", **common).changed and "[b]" in path.read_text()
    assert do("yum_repository", name="b", state="absent", **common).changed and not path.exists()


def test_a_password_of_a_repository_is_never_shown(do: Do, place: Path) -> None:
    outcome = do("yum_repository", name="r", description="d", baseurl="http://x", password="s3cret!",
                 reposdir=str(place))
    assert outcome.changed and "s3cret!" not in str((outcome.changes, outcome.values))
