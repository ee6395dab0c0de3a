"""Working copies of real repositories."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.unit.modules.conftest import Do


def git(place: Path, *words: str) -> str:
    settings = ("-c", "user.name=n", "-c", "user.email=n@example", "-c", "commit.gpgsign=false")
    argv = ["git", *settings, "-C", str(place), *words]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def commit(place: Path, text: str) -> str:
    (place / "f").write_text(text)
    git(place, "add", "f")
    git(place, "commit", "-q", "-m", text)
    return git(place, "rev-parse", "HEAD").strip()


@pytest.fixture
def repository(place: Path) -> Path:
    """A repository of two commits; the first is v1."""
    path = place / "repository"
    path.mkdir()
    git(path, "init", "-q", "-b", "main")
    commit(path, "one")
    git(path, "tag", "-a", "v1", "-m", "v1")
    commit(path, "two")
    return path


def test_a_working_copy_follows_the_version(do: Do, place: Path, repository: Path) -> None:
    copy = place / "copy"
    first = do("git", repo=str(repository), dest=str(copy), version="v1")
    assert first.changed and first.values["before"] is None and (copy / "f").read_text() == "one"
    assert not do("git", repo=str(repository), dest=str(copy), version="v1").changed
    second = do("git", repo=str(repository), dest=str(copy))
    assert second.changed and second.values["before"] == first.values["after"] and (copy / "f").read_text() == "two"
    new = commit(repository, "three")
    assert not do("git", repo=str(repository), dest=str(copy), update=False).changed
    assert do("git", repo=str(repository), dest=str(copy), version="main").values["after"] == new
    assert git(copy, "branch", "--show-current").strip() == "main"
    assert do("git", repo=str(repository), dest=str(copy), version=first.values["after"]).changed


def test_a_branch_is_switched_to_also_where_its_commit_is_checked_out_already(
    do: Do, place: Path, repository: Path
) -> None:
    copy = place / "copy"
    git(repository, "branch", "side", "v1")
    do("git", repo=str(repository), dest=str(copy), version="v1")
    found = do("git", repo=str(repository), dest=str(copy), version="side")
    assert [change.what for change in found.changes] == ["branch"]
    assert git(copy, "branch", "--show-current").strip() == "side"
    assert not do("git", repo=str(repository), dest=str(copy), version="side").changed


def test_the_address_of_a_path_begins_with_file(do: Do, place: Path, repository: Path) -> None:
    copy = place / "copy"
    do("git", repo=str(repository), dest=str(copy))
    assert git(copy, "remote", "get-url", "origin").strip() == f"file://{repository}"


def test_local_changes_are_kept_unless_forced(do: Do, place: Path, repository: Path) -> None:
    copy = place / "copy"
    do("git", repo=str(repository), dest=str(copy))
    (copy / "f").write_text("mine")
    assert do("git", repo=str(repository), dest=str(copy)).message.startswith("Local modifications exist")
    assert (copy / "f").read_text() == "mine"
    assert do("git", repo=str(repository), dest=str(copy), force=True).changed
    assert (copy / "f").read_text() == "two"


def test_another_address_of_the_repository_is_taken_over(do: Do, place: Path, repository: Path) -> None:
    copy = place / "copy"
    do("git", repo=str(repository), dest=str(copy))
    moved = place / "moved"
    repository.rename(moved)
    outcome = do("git", repo=str(moved), dest=str(copy))
    assert outcome.changed and outcome.values["remote_url_changed"]
    assert not do("git", repo=str(moved), dest=str(copy)).changed


def test_shallow_bare_and_absent_copies(do: Do, place: Path, repository: Path) -> None:
    address = f"file://{repository}"
    assert do("git", repo=address, dest=str(place / "s"), depth=1, version="main").changed
    assert git(place / "s", "rev-list", "--count", "HEAD").strip() == "1"
    assert not do("git", repo=address, dest=str(place / "s"), depth=1, version="main").changed
    assert do("git", repo=address, dest=str(place / "b"), bare=True).changed and (place / "b/HEAD").exists()
    assert not do("git", repo=address, dest=str(place / "b"), bare=True).changed
    assert not do("git", repo=address, dest=str(place / "none"), clone=False).changed


def test_what_the_repository_does_not_have_is_named(do: Do, place: Path, repository: Path) -> None:
    outcome = do("git", repo=str(repository), dest=str(place / "c"), version="no-such")
    assert outcome.message == f"version is 'no-such', which {repository} does not have"
    assert do("git", repo=str(place / "nothing"), dest=str(place / "c")).message.startswith(f"{place / 'nothing'} does")


def test_a_plan_clones_nothing_and_knows_nothing_of_the_copy(plan: Do, place: Path, repository: Path) -> None:
    copy = place / "copy"
    assert plan("git", repo=str(repository), dest=str(copy)).changed
    assert plan("file", path=str(copy / "f"), state="absent").unknown and not copy.exists()
