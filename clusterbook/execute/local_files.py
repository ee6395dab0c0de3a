"""Files of the local machine that steps copy, render, unpack or run on hosts: they go there decrypted."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from clusterbook.agent.supplies import LARGE, MOST_BYTES, NOT_GIVEN
from clusterbook.compile.plan import PlayPlan
from clusterbook.execute.calls import MOST_ITEMS
from clusterbook.execute.origins import digest, origin_of
from clusterbook.execute.session import Refusal
from clusterbook.language.environment import ExpressionError
from clusterbook.language.program import Step
from clusterbook.lookups.places import directories, find, inside
from clusterbook.source import is_encrypted

# Of files up to this size the modules return Ansible's `checksum`, which is SHA-1.
SMALL = 1 << 20
# So many files and directories below one are told of with it.
MOST_BELOW = 10_000
_NO = ("false", "no", "off", "0")
_NAMES = ("src", "file", "cmd", "_raw_params")
# The step, its item, names of arguments -> their values by what the inventory alone knows.
Known = Callable[[Step, Any, tuple[str, ...]], Mapping[str, Any]]


class TooMuch(Refusal):
    """To look at all of a directory would take long; who is told ahead asks when the step runs."""


class LocalFiles:
    """Answers one host's questions about files. secretive: steps that were given something encrypted, decrypted.

    most: bytes of one directory that are looked at.
    """

    most = math.inf

    def __init__(
        self, plan: PlayPlan, decrypt: Callable[[bytes, str], bytes], known: Known,
        renders: Callable[[Step, str], bool] = lambda step, name: False,
    ) -> None:
        """decrypt(data, its name) -> plain data; renders(step, name): the play's own lookups name that template."""
        self._plan = plan
        self._decrypt = decrypt
        self._known = known
        self._renders = renders
        self._opened: dict[tuple[int, Path], bytes] = {}
        self._named: dict[int, frozenset[str]] = {}
        self.secretive: set[int] = set()
        self._looked_at = 0

    def template(self, step: Step, question: Mapping[str, Any]) -> dict[str, Any]:
        """The text of a template and where it is. Raises Refusal."""
        path = self._path(step, question)
        try:
            text = self._read(step, path, question).decode("utf-8")
        except UnicodeDecodeError as error:
            raise Refusal(f"{path} is not UTF-8 text") from error
        secret = {"secret": True} if self._is_encrypted(step, path) else {}
        return {"text": text.removeprefix("\ufeff"), "file": str(path), **secret, **origin_of(path)}

    def source(self, step: Step, question: Mapping[str, Any]) -> dict[str, Any]:
        """What a file or a directory is, and by their names what is below a directory. Raises Refusal."""
        path = self._path(step, question)
        if not path.is_dir():
            return self._file(step, path, question, path.stat().st_size <= SMALL)
        below: dict[str, Any] = {}
        self._looked_at = 0
        entries = self._below(step, path, str(question["name"]), below)
        return {**_directory(path, entries), "below": below}

    def _below(self, step: Step, directory: Path, name: str, below: dict[str, Any]) -> list[str]:
        """The names in a directory. What is encrypted, or refused, is not told of before a step asks for it."""
        entries = sorted(entry.name for entry in directory.iterdir())
        for entry in entries:
            if len(below) >= MOST_BELOW:
                break
            question = {"ask": "source", "name": f"{name.rstrip('/')}/{entry}"}
            try:
                path = self._path(step, question)
                if path.is_dir():
                    below[question["name"]] = about = _directory(path, [])
                    about["entries"] = self._below(step, path, question["name"], below)
                elif not self._is_encrypted(step, path):
                    self._look_at(path)
                    below[question["name"]] = self._file(step, path, question, False)
            except TooMuch:
                raise
            except (Refusal, OSError):
                continue
        return entries

    def _look_at(self, path: Path) -> None:
        self._looked_at += path.stat().st_size
        if self._looked_at > self.most:
            raise TooMuch(f"more than {self.most} bytes")

    def _file(self, step: Step, path: Path, question: Mapping[str, Any], told: bool) -> dict[str, Any]:
        """What a file is. told: its SHA-1, too."""
        state, data = path.stat(), self._decrypted(step, path, question)
        size = state.st_size if data is None else len(data)
        return {
            "kind": "file", "mode": state.st_mode & 0o7777, "size": size, "sha256": _sum(path, data, "sha256"),
            "sha1": _sum(path, data, "sha1") if told else "", "entries": [],
        }  # fmt: skip

    def several(self, step: Step, kind: str, names: Sequence[str]) -> dict[str, Any]:
        """Answers by name, as far as they can be given ahead: nothing encrypted, and no more than MOST_BYTES."""
        found: dict[str, Any] = {}
        size = 0
        for name in names:
            question = {"ask": kind, "step": step.id, "name": name}
            try:
                if self._is_encrypted(step, self._path(step, question)):
                    continue
                answer = self.template(step, question) if kind == "template" else self.source(step, question)
            except (Refusal, OSError):
                continue  # if the step does ask for it, it is told why
            size += len(str(answer))
            if size > MOST_BYTES:
                break
            found[name] = answer
        return found

    def contents(self, wanted: Sequence[tuple[Step, str]]) -> bytes:
        """Each file's length (4 bytes) and content; NOT_GIVEN for what has to be asked for by itself."""
        parts: list[bytes] = []
        room = 2 * MOST_BYTES
        for step, name in wanted:
            data = self._plain(step, name, room)
            parts += [NOT_GIVEN.to_bytes(4, "big")] if data is None else [len(data).to_bytes(4, "big"), data]
            room -= len(data or b"")
        return b"".join(parts)

    def _plain(self, step: Step, name: str, room: int) -> bytes | None:
        try:
            path = self._path(step, {"ask": "content", "name": name})
            if not path.is_file() or path.stat().st_size > min(LARGE, room) or self._is_encrypted(step, path):
                return None
            return path.read_bytes()
        except (Refusal, OSError):
            return None

    def content(self, step: Step, question: Mapping[str, Any]) -> bytes:
        """What a file holds, from an offset on no more than MOST_BYTES of it. Raises Refusal."""
        path, offset = self._path(step, question), question.get("offset")
        data = self._decrypted(step, path, question)
        if offset is None:
            return path.read_bytes() if data is None else data
        if data is not None:
            return data[offset : offset + MOST_BYTES]
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(MOST_BYTES)

    def _read(self, step: Step, path: Path, question: Mapping[str, Any]) -> bytes:
        data = self._decrypted(step, path, question)
        return path.read_bytes() if data is None else data

    def _decrypted(self, step: Step, path: Path, question: Mapping[str, Any]) -> bytes | None:
        """None when the file is not encrypted, or is wanted as it is."""
        key = (step.id, path)
        if key in self._opened:
            return self._opened[key]
        if not self._is_encrypted(step, path):
            return None
        if not self.is_named(step, str(question["name"])):
            raise Refusal(f"{path} is encrypted, and its name comes from the host: what a host says opens nothing")
        self.secretive.add(step.id)
        self._opened = {known: data for known, data in self._opened.items() if known[0] == step.id}
        self._opened[key] = self._decrypt(path.read_bytes(), str(path))
        return self._opened[key]

    def _is_encrypted(self, step: Step, path: Path) -> bool:
        """Whether the step is to be given something decrypted."""
        if path.is_dir():
            return False
        with path.open("rb") as file:
            beginning = file.read(20)
        arguments = step.arguments if isinstance(step.arguments, Mapping) else {}
        return is_encrypted(beginning) and str(arguments.get("decrypt", True)).lower() not in _NO

    def is_named(self, step: Step, name: str) -> bool:
        """Whether the play names the file, or the directory that it is in, by what the inventory alone knows."""
        if _is_within(name, self._plan.steps[step.id].fixed_names):
            return True
        if not _is_within(name, self._named.get(step.id, ())):
            self._named[step.id] = frozenset(self.names(step))
        return _is_within(name, self._named[step.id]) or self._renders(step, name)

    def names(self, step: Step) -> Iterator[str]:
        """What the inventory alone gives as names of files, for each item of a loop."""
        try:
            for item in [None] if step.loop is None else range(MOST_ITEMS):
                for value in self._known(step, item, _NAMES).values():
                    yield from (one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str))
        except (ExpressionError, Refusal, IndexError, KeyError, TypeError):
            return  # what the inventory alone does not give is the host's word

    def _path(self, step: Step, question: Mapping[str, Any]) -> Path:
        """A local file: anywhere when the play or the inventory names it, else inside the step's own directories."""
        name, info = str(question["name"]), self._plan.steps[step.id]
        places = directories("templates" if question["ask"] == "template" else "files", info.bases)
        path = find(name, places)
        if path is None:
            raise Refusal(f"{name} was not found; looked in {', '.join(places)}")
        below = ".." not in Path(name).parts and inside(path, places)
        if not below and not self.is_named(step, name):
            raise Refusal(f"{name} lies outside the directories of this step")
        return path


def _is_within(name: str, written: Collection[str]) -> bool:
    """Whether it is one of these names, or below one of them."""
    above = () if ".." in PurePosixPath(name).parts else map(str, PurePosixPath(name).parents)
    return any(one in written or f"{one}/" in written for one in (name, *above))


def _directory(path: Path, entries: list[str]) -> dict[str, Any]:
    state = path.stat()
    about = {"kind": "directory", "mode": state.st_mode & 0o7777, "size": state.st_size}
    return {**about, "sha256": "", "sha1": "", "entries": entries}


def _sum(path: Path, data: bytes | None, algorithm: str) -> str:
    return digest(path, algorithm) if data is None else hashlib.new(algorithm, data, usedforsecurity=False).hexdigest()


def concealed(message: Mapping[str, Any]) -> dict[str, Any]:
    """What is told of a step that was given something decrypted: how it ended, none of its values."""
    shown = ("type", "id", "status", "seconds", "times", "ignored", "changed", "name", "delegated_to")
    kept = {name: message[name] for name in shown if name in message}
    if message.get("status") == "failed" and message.get("msg"):
        kept["msg"] = message["msg"]
    return {**kept, "hidden": True}
