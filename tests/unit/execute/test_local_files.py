"""Many files of the local machine cost a host a few questions; what is encrypted waits until a step asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from clusterbook.agent.supplies import MOST_BYTES
from clusterbook.compile.plan import PlayPlan
from clusterbook.execute import ahead
from clusterbook.execute.ahead import ahead_of
from clusterbook.execute.answers import Answers
from clusterbook.execute.gates import Gates
from clusterbook.execute.local_files import LocalFiles
from clusterbook.execute.services import Services
from clusterbook.execute.session import Refusal
from clusterbook.language.program import Step
from clusterbook.source import is_encrypted
from tests.unit.execute.conftest import Playbooks

ENCRYPTED = b"$ANSIBLE_VAULT;1.1;AES256\n6162"
HEAD = "- hosts: a\n  gather_facts: false\n  tasks:\n"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The kinds of the questions that hosts ask."""
    found: list[str] = []
    answer = Answers.__call__

    def counting(self: Answers, question: dict[str, Any]) -> Any:
        found.append(str(question["ask"]))
        return answer(self, question)

    monkeypatch.setattr(Answers, "__call__", counting)
    return found


def files(folder: Path, number: int) -> Path:
    """A directory of files, and of directories with files."""
    made = folder / "files" / "many"
    for index in range(number):
        path = made / str(index % 7) / f"{index}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"text {index}")
    return made


def tree(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def answers(plan: PlayPlan, services: Services | None = None) -> Answers:
    return Answers(plan, "a", Gates(("a",)), services or Services(), None, {})


def test_a_directory_of_many_files_comes_with_few_questions(playbooks: Playbooks, asked: list[str]) -> None:
    source = files(playbooks.folder, 200)
    ran = playbooks.run(f"{HEAD}  - copy: {{src: many/, dest: {playbooks.folder}/there/}}\n")
    assert ran.code == 0, ran.events
    assert tree(playbooks.folder / "there") == tree(source)
    assert asked.count("source") == 2  # one before the play starts: nobody waits for it
    assert len(asked) < 12


def test_a_loop_over_many_files_asks_for_them_together(playbooks: Playbooks, asked: list[str]) -> None:
    source = files(playbooks.folder, 140)
    (playbooks.folder / "there").mkdir()
    task = f"copy: {{src: '{{{{ item }}}}', dest: {playbooks.folder}/there/}}"
    ran = playbooks.run(f"{HEAD}  - {task}\n    with_fileglob: [many/0/*.txt, many/1/*.txt, many/2/*.txt]\n")
    assert ran.code == 0, ran.events
    wanted = [text for name, text in tree(source).items() if name[0] in "012"]
    assert sorted(tree(playbooks.folder / "there").values()) == sorted(wanted)
    assert asked.count("source") == 0
    assert len([kind for kind in asked if kind != "gate"]) < 8


def test_templates_of_a_loop_are_asked_for_together(playbooks: Playbooks, asked: list[str]) -> None:
    (playbooks.folder / "templates").mkdir()
    for number in range(5):
        (playbooks.folder / "templates" / f"{number}.j2").write_text(f"{number} {{{{ item }}}}")
    task = f"template: {{src: '{{{{ item }}}}.j2', dest: '{playbooks.folder}/{{{{ item }}}}'}}"
    ran = playbooks.run(f"{HEAD}  - {task}\n    loop: [0, 1, 2, 3, 4]\n")
    assert ran.code == 0, ran.events
    assert [(playbooks.folder / str(number)).read_text() for number in range(5)] == [f"{n} {n}" for n in range(5)]
    assert asked.count("template") == 0


def test_a_directory_is_told_of_ahead_with_all_that_is_in_it(playbooks: Playbooks) -> None:
    files(playbooks.folder, 8)
    plan = playbooks.plan(f"{HEAD}  - copy: {{src: many, dest: /there}}\n").plays[0]
    (found,) = ahead_of(plan, Services()).values()
    assert found["entries"] == [str(number) for number in range(7)]
    assert found["below"]["many/0"]["entries"] == ["0.txt", "7.txt"]
    assert found["below"]["many/0/7.txt"]["size"] == len("text 7")


def test_a_directory_too_large_to_be_looked_at_first_is_asked_for(
    playbooks: Playbooks, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = files(playbooks.folder, 20)
    text = f"{HEAD}  - copy: {{src: many/, dest: {playbooks.folder}/there/}}\n"
    monkeypatch.setattr(ahead, "MOST_LOOKED_AT", 100)
    assert ahead_of(playbooks.plan(text).plays[0], Services()) == {}
    assert playbooks.run(text).code == 0
    assert tree(playbooks.folder / "there") == tree(source)
    assert asked.count("source") == 3  # twice before a play began


@pytest.mark.parametrize("writes", [
    "command: make\n    delegate_to: localhost", "fetch: {src: /etc/hostname, dest: kept}", "include_tasks: '{{ x }}'",
], ids=["delegated", "fetch", "include"])  # fmt: skip
def test_what_a_step_may_still_write_here_is_not_told_ahead(playbooks: Playbooks, writes: str) -> None:
    files(playbooks.folder, 1)
    copies = "  - copy: {src: many/0/0.txt, dest: /a}\n", "  - copy: {src: many, dest: /b}\n"
    plan = playbooks.plan(f"{HEAD}{copies[0]}  - {writes}\n{copies[1]}").plays[0]
    assert [key.split(":")[2] for key in ahead_of(plan, Services())] == ["many/0/0.txt"]


def test_a_file_that_an_earlier_step_makes_here_is_copied_as_it_is_then(playbooks: Playbooks) -> None:
    made = playbooks.folder / "files" / "made"
    made.parent.mkdir()
    made.write_text("old")
    ran = playbooks.run(
        f"{HEAD}  - copy: {{content: new, dest: {made}}}\n    delegate_to: localhost\n"
        f"  - copy: {{src: made, dest: {playbooks.folder}/there}}\n"
    )
    assert ran.code == 0, ran.events
    assert (playbooks.folder / "there").read_text() == "new"


def test_nothing_encrypted_comes_before_it_is_asked_for(playbooks: Playbooks) -> None:
    source = files(playbooks.folder, 2)
    (source / "0" / "secret").write_bytes(ENCRYPTED)
    (source.parent / "link").symlink_to("/etc/hostname")
    assert is_encrypted(ENCRYPTED)
    plan = playbooks.plan(f"{HEAD}  - copy: {{src: '{{{{ own }}}}', dest: /there}}\n").plays[0]
    (step,) = plan.steps
    opened: list[str] = []
    found = answers(plan, Services(decrypt=lambda data, name: opened.append(name) or b"opened"))
    below = found({"ask": "source", "step": step, "name": "many"})["below"]
    assert sorted(below) == ["many/0", "many/0/0.txt", "many/1", "many/1/1.txt"]
    assert below["many/0"]["entries"] == ["0.txt", "secret"]
    several = {"ask": "several", "of": "source", "step": step, "names": ["many/0/secret", "many/0/0.txt", "link", "no"]}
    assert list(found(several)) == ["many/0/0.txt"]
    wanted = [[step, name] for name in ("many/0/secret", "many/0/0.txt", "link")]
    assert found({"ask": "contents", "wanted": wanted}) == b"\xff\xff\xff\xff\0\0\0\x06text 0\xff\xff\xff\xff"
    assert opened == []


@pytest.fixture
def pieces(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How long the pieces of files are that hosts get."""
    found: list[int] = []
    answer = LocalFiles.content

    def counting(self: LocalFiles, step: Step, question: Mapping[str, Any]) -> bytes:
        piece = answer(self, step, question)
        found.append(len(piece))
        return piece

    monkeypatch.setattr(LocalFiles, "content", counting)
    return found


def large(playbooks: Playbooks) -> Path:
    """A file of several pieces."""
    made = playbooks.folder / "files" / "large"
    made.parent.mkdir()
    made.write_bytes(b"".join(bytes([number]) * (1 << 20) for number in range(9)))
    return made


def test_a_large_file_comes_in_pieces_that_fill_no_memory(playbooks: Playbooks, pieces: list[int]) -> None:
    source = large(playbooks)
    ran = playbooks.run(f"{HEAD}  - copy: {{src: large, dest: {playbooks.folder}/there}}\n")
    assert ran.code == 0, ran.events
    assert (playbooks.folder / "there").read_bytes() == source.read_bytes()
    assert pieces == [MOST_BYTES, MOST_BYTES, 1 << 20]


def test_a_large_file_that_changes_between_two_pieces_is_not_put_in_place(
    playbooks: Playbooks, pieces: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, answer = large(playbooks), LocalFiles.content

    def changing(self: LocalFiles, step: Step, question: Mapping[str, Any]) -> bytes:
        piece = answer(self, step, question)
        source.write_bytes(b"x" * source.stat().st_size)
        return piece

    monkeypatch.setattr(LocalFiles, "content", changing)
    ran = playbooks.run(f"{HEAD}  - copy: {{src: large, dest: {playbooks.folder}/there}}\n")
    assert ran.code == 1 and len(pieces) == 3
    (failed,) = (event for event in ran.of("result") if event["status"] == "failed")
    assert failed["msg"] == "large was changed while it was sent: run the same command again"
    assert sorted(path.name for path in playbooks.folder.iterdir()) == ["files", "hosts.yml", "play.yml"]


def test_a_large_encrypted_file_comes_decrypted_in_pieces(playbooks: Playbooks, pieces: list[int]) -> None:
    large(playbooks).write_bytes(ENCRYPTED)
    plain = bytes(range(256)) * (MOST_BYTES // 256) + b"end"
    services = Services(decrypt=lambda data, name: plain)
    ran = playbooks.run(f"{HEAD}  - copy: {{src: large, dest: {playbooks.folder}/there}}\n", services=services)
    assert ran.code == 0, ran.events
    assert (playbooks.folder / "there").read_bytes() == plain and pieces == [MOST_BYTES, 3]


def test_in_check_mode_later_steps_see_what_a_large_file_holds(playbooks: Playbooks) -> None:
    large(playbooks).write_text("a line\n" * 50_000)
    there = f"{playbooks.folder}/there"
    line = f"  - lineinfile: {{path: {there}, line: a line}}\n"
    ran = playbooks.run(f"{HEAD}  - copy: {{src: large, dest: {there}}}\n{line}", check=True)
    assert [event["status"] for event in ran.of("result")] == ["changed", "ok"], ran.events


def test_a_step_that_the_play_does_not_have_gets_no_files(playbooks: Playbooks) -> None:
    plan = playbooks.plan(f"{HEAD}  - copy: {{src: many, dest: /there}}\n").plays[0]
    with pytest.raises(Refusal, match="has no step 99"):
        answers(plan)({"ask": "contents", "wanted": [[99, "many"]]})
