"""Sources of Debian packages, their keys, answers to questions, selections."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clusterbook.modules import apt_repository, apt_sources, deb822_repository, debconf, registry
from clusterbook.modules.contract import Arguments, Change
from clusterbook.modules.parameters import coerce
from clusterbook.modules.system import System
from clusterbook.modules.system.commands import Completed
from tests.unit.modules.conftest import Do, Web

SOURCE = "deb http://a.example/debian stable main"
KEY = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nabc\n-----END PGP PUBLIC KEY BLOCK-----\n"


def ready(module: str, **given: Any) -> Arguments:
    return coerce(registry.specification(f"ansible.builtin.{module}"), given)


@pytest.fixture
def apt(place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The directory of sources, in the place of the host's own."""
    (place / "sources.list.d").mkdir()
    monkeypatch.setattr(apt_sources, "DIRECTORY", str(place / "sources.list.d"))
    monkeypatch.setattr(apt_repository, "MAIN", str(place / "sources.list"))
    monkeypatch.setattr(deb822_repository, "KEYRINGS", str(place / "keyrings"))
    yield place


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"repo": "deb http://a.example/debian stable main"}, "a_example_debian.list"),
        ({"repo": "deb [arch=amd64 signed-by=/k] https://u:p@a.example/x stable main"}, "a_example_x.list"),
        ({"repo": SOURCE, "filename": "mine"}, "mine.list"),
    ],
)
def test_the_file_of_a_source_is_called_after_its_address(apt: Path, given: dict[str, Any], path: str) -> None:
    assert apt_repository.target_path(ready("apt_repository", **given)) == str(apt / "sources.list.d" / path)


def test_a_source_is_added_found_again_and_removed_with_its_file(do: Do, apt: Path) -> None:
    file = apt / "sources.list.d/a_example_debian.list"
    first = do("apt_repository", repo=SOURCE, update_cache=False, mode="0640")
    assert first.changed and first.values["sources_added"] == [str(file)]
    assert file.read_text() == SOURCE + "\n" and file.stat().st_mode & 0o777 == 0o640
    assert not do("apt_repository", repo=SOURCE.replace(" stable", "   stable"), update_cache=False).changed
    assert do("apt_repository", repo=SOURCE, state="absent", update_cache=False).changed and not file.exists()
    assert not do("apt_repository", repo=SOURCE, state="absent", update_cache=False).changed


def test_a_source_that_is_commented_out_comes_into_force_where_it_stands(do: Do, apt: Path) -> None:
    (apt / "sources.list").write_text(f"# mine\n# {SOURCE}\n")
    assert do("apt_repository", repo=SOURCE, update_cache=False).changed
    assert (apt / "sources.list").read_text() == f"# mine\n{SOURCE}\n"
    assert do("apt_repository", repo=SOURCE, state="absent", update_cache=False).changed
    assert (apt / "sources.list").read_text() == "# mine\n"


def test_what_is_no_source_is_refused(do: Do, apt: Path) -> None:
    assert do("apt_repository", repo="http://a.example").message == (
        "repo is 'http://a.example', expected: deb ADDRESS SUITE COMPONENT")
    outcome = do("apt_repository", repo="ppa:some/one")
    assert outcome.message == "repo is 'ppa:some/one': ppa: addresses are not supported"
    assert outcome.next_step.startswith("Use deb822_repository")


def test_lists_that_cannot_be_fetched_put_the_old_files_back(host: System, do: Do, apt: Path) -> None:
    host.packages.execute = lambda argv, **options: Completed(tuple(argv), 100, "", "no route", 0.0, 0.0)
    assert do("apt_repository", repo=SOURCE, update_cache_retries=1).failed
    assert list((apt / "sources.list.d").iterdir()) == []


def test_a_source_in_the_newer_form_has_a_field_a_line(do: Do, apt: Path) -> None:
    given = {"name": "My  Repo_1!", "uris": "http://a.example", "suites": ["stable"], "components": ["main", "contrib"],
             "enabled": False, "signed_by": KEY}
    assert do("deb822_repository", **given).changed
    file = apt / "sources.list.d/my-repo-1.sources"
    assert file.read_text() == (
        "Components: main contrib\nEnabled: no\nX-Repolib-Name: My  Repo_1!\nSigned-By: \n"
        " -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n abc\n -----END PGP PUBLIC KEY BLOCK-----\n"
        "Suites: stable\nTypes: deb\nURIs: http://a.example\n")
    assert not do("deb822_repository", **given).changed
    assert do("deb822_repository", **given, mode="0600").changed
    assert do("deb822_repository", name=given["name"], state="absent").changed and not file.exists()


def test_a_key_is_downloaded_and_named(do: Do, apt: Path, web: Web) -> None:
    (web.root / "key").write_text(KEY)
    given = {"name": "r", "uris": "http://a.example", "suites": "./", "signed_by": f"{web.address}/key"}
    first = do("deb822_repository", **given)
    key = apt / "keyrings/r.asc"
    assert first.values["key_filename"] == str(key) and key.read_text() == KEY
    assert f"Signed-By: {key}\n" in (apt / "sources.list.d/r.sources").read_text()
    assert not do("deb822_repository", **given).changed
    assert do("deb822_repository", name="r", state="absent").changed and not key.exists()


@pytest.mark.parametrize(
    ("given", "answers", "changes"),
    [
        ({"vtype": "boolean", "value": True}, {"q": "true"}, []),
        ({"vtype": "boolean", "value": True}, {"q": "false"}, [Change("q", "false", "true")]),
        ({"vtype": "multiselect", "value": ["b", "a"]}, {"q": "a, b"}, []),
        ({"vtype": "multiselect", "value": "c"}, {"q": "a, b"}, [Change("q", "a, b", "c")]),
        ({"vtype": "password", "value": "x"}, {"q": "y"}, [Change("q", "(hidden)", "(hidden)")]),
        ({"vtype": "string", "value": "x"}, {}, [Change("q", None, "x")]),
    ],
)
def test_an_answer_differs_by_its_kind(given: dict[str, Any], answers: dict[str, str], changes: list[Change]) -> None:
    arguments = ready("debconf", name="p", question="q", **given)
    assert debconf.diff(arguments, {"answers": answers}) == changes


def test_a_plan_remembers_what_it_cannot_show(predicted: Any, plan: Do) -> None:
    asked: list[tuple[str, ...]] = []

    def query(argv: Any, **options: Any) -> Completed:
        asked.append(tuple(argv))
        return Completed(tuple(argv), 0, "git\tinstall\n", "", 0.0, 0.0)

    predicted.query = query
    assert not plan("dpkg_selections", name="git", selection="install").changed
    assert plan("dpkg_selections", name="git", selection="hold").changed
    assert plan("dpkg_selections", name="git", selection="install").unknown
    assert not plan("dpkg_selections", name="other", selection="install").unknown
    assert {words[1] for words in asked} == {"--get-selections"}
