"""Files come to a host many at a time, and what came is given only while it is what the local machine has."""

from __future__ import annotations

import hashlib
from typing import Any

from clusterbook.agent.supplies import FIRST, LARGE, NOT_GIVEN, Supplies
from clusterbook.language.runtime import Refused


def about(content: bytes) -> dict[str, Any]:
    digest = hashlib.sha256(content).hexdigest()
    return {"kind": "file", "mode": 0o644, "size": len(content), "sha256": digest, "sha1": "", "entries": []}


class Local:
    """The connection to a local machine with files: keeps what it was asked. held_back: what only comes alone."""

    def __init__(self, files: dict[str, bytes], ahead: dict[str, Any] | None = None) -> None:
        self.files = files
        self.ahead = ahead or {}
        self.asked: list[Any] = []
        self.held_back: set[str] = set()
        self.knows_batches = True

    def ask(self, kind: str, **question: Any) -> Any:
        if not self.knows_batches:
            raise Refused("nobody is there")
        if kind == "several":
            self.asked.append(question["names"])
            return {name: about(self.files[name]) for name in question["names"] if name not in self.held_back}
        self.asked.append([name for _, name in question["wanted"]])
        parts = []
        for _, name in question["wanted"]:
            given = name not in self.held_back
            length = len(self.files[name]) if given else NOT_GIVEN
            parts += [length.to_bytes(4, "big"), self.files[name] if given else b""]
        return b"".join(parts)

    def relay(self, question: dict[str, Any]) -> Any:
        kind, name = question["ask"], question.get("name")
        self.asked.append(f"{kind} {name}")
        if kind == "source":
            return about(self.files[name])
        return self.files[name] if kind == "content" else "answer"


def source(supplies: Supplies, name: str, step: int = 1) -> Any:
    return supplies.relay({"ask": "source", "step": step, "name": name})


def content(supplies: Supplies, name: str, step: int = 1) -> Any:
    return supplies.relay({"ask": "content", "step": step, "name": name})


def many(number: int) -> dict[str, bytes]:
    return {f"{index}.txt": f"text {index}".encode() for index in range(number)}


def test_a_thousand_files_of_a_loop_cost_a_few_questions() -> None:
    local = Local(many(1000))
    supplies = Supplies(local)  # type: ignore[arg-type]
    supplies.expect("source", 1, list(local.files))
    for name, text in local.files.items():
        assert source(supplies, name)["size"] == len(text)
        assert content(supplies, name) == text
    assert [len(asked) for asked in local.asked] == [1000, 8, 16, 32, 64, 128, 256, 496]


def test_files_that_came_for_nothing_make_the_next_answer_smaller() -> None:
    local = Local(many(100))
    supplies = Supplies(local)  # type: ignore[arg-type]
    supplies.expect("source", 1, list(local.files))
    for name in ("0.txt", "40.txt", "80.txt"):
        assert content(supplies, name) == local.files[name]
    assert [len(asked) for asked in local.asked[1:]] == [FIRST, 2, 2]


def test_steps_that_were_told_ahead_bring_each_others_files() -> None:
    files = many(3)
    ahead = {f"source:{step}:{name}": about(files[name]) for step, name in enumerate(files)}
    local = Local(files, ahead)
    supplies = Supplies(local)  # type: ignore[arg-type]
    for step, name in enumerate(files):
        supplies.begin(step)
        assert source(supplies, name, step)["kind"] == "file"
        assert content(supplies, name, step) == files[name]
    assert local.asked == [["0.txt", "1.txt", "2.txt"]]


def test_what_is_below_a_directory_is_told_with_it() -> None:
    files = {"d/a": b"a", "d/b": b"b"}
    directory = {"kind": "directory", "mode": 0o755, "size": 0, "sha256": "", "sha1": "", "entries": ["a", "b"]}
    local = Local(files, {"source:1:d": {**directory, "below": {name: about(text) for name, text in files.items()}}})
    supplies = Supplies(local)  # type: ignore[arg-type]
    assert source(supplies, "d") == directory
    assert source(supplies, "d/b") == about(b"b")
    assert content(supplies, "d/a") == b"a"
    assert local.asked == [["d/a", "d/b"]]


def test_a_file_that_changed_since_it_was_told_is_asked_for_again() -> None:
    local = Local({"a": b"old", "b": b"b"})
    supplies = Supplies(local)  # type: ignore[arg-type]
    supplies.expect("source", 1, ["a", "b"])
    assert content(supplies, "b") == b"b"
    local.files["a"] = b"new"
    assert content(supplies, "a") == b"new"
    supplies.begin(2)
    assert source(supplies, "a", 2) == about(b"new")


def test_the_next_run_of_a_step_asks_anew() -> None:
    local = Local({"a": b"old"})
    supplies = Supplies(local)  # type: ignore[arg-type]
    assert source(supplies, "a") == about(b"old")
    local.files["a"] = b"new"
    supplies.begin(1)
    assert source(supplies, "a") == about(b"new")


def test_large_files_and_those_that_are_held_back_come_alone() -> None:
    local = Local({"large": b"x" * (LARGE + 1), "secret": b"s", "plain": b"p"})
    local.held_back = {"secret"}
    supplies = Supplies(local)  # type: ignore[arg-type]
    supplies.expect("source", 1, list(local.files))
    for name, text in local.files.items():
        source(supplies, name)
        assert content(supplies, name) == text
    assert local.asked[1:] == ["content large", "source secret", "content secret", ["plain", "secret"]]


def test_pieces_of_a_large_file_bring_no_more_of_the_files_after_it() -> None:
    local = Local({"large": b"x" * (LARGE + 1), **many(100)})
    supplies = Supplies(local)  # type: ignore[arg-type]
    supplies.expect("source", 1, list(local.files))
    for offset in range(50):
        supplies.relay({"ask": "content", "step": 1, "name": "large", "offset": offset})
    content(supplies, "0.txt")
    assert len(local.asked[-1]) <= FIRST + 2


def test_who_answers_for_single_files_only_is_asked_for_single_files() -> None:
    local = Local({"a": b"a", "b": b"b"})
    local.knows_batches = False
    supplies = Supplies(local)  # type: ignore[arg-type]
    supplies.expect("source", 1, ["a", "b"])
    found = [(source(supplies, name), content(supplies, name)) for name in ("a", "b")]
    assert [text for _, text in found] == [b"a", b"b"]
    assert local.asked == ["source a", "content a", "source b", "content b"]


def test_other_questions_pass() -> None:
    local = Local({})
    assert Supplies(local).relay({"ask": "secret", "name": "x"}) == "answer"  # type: ignore[arg-type]


