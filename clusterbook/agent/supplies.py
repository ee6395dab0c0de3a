"""Files of the local machine on their way to steps: many with one question.

A question costs a round trip. What is told of a directory is told of all that is in it; the items of a loop are asked
for together; and content that is asked for brings what the next steps and items will ask for next: twice as many files
as were used of those that came the last time. Content is kept by its SHA-256 and given only for a file that has this
sum: what changes meanwhile on the local machine is asked for again.
"""

from __future__ import annotations

import hashlib
from itertools import islice
from typing import Any, Dict, Iterator, List, Mapping, Sequence, Tuple

from clusterbook.agent.link import Link
from clusterbook.language.runtime import Refused

# A file of a step: the step's number and the name that the step uses.
Place = Tuple[int, str]
# Larger files come alone, as they are asked for, and in pieces: whole ones would fill memory, here and there.
LARGE = 256 * 1024
# Bytes that one answer brings at most, a piece of a file as many files, and that are kept at most.
MOST_BYTES = 4 << 20
FIRST, MOST_FILES = 8, 1024
# In place of the length of a file that is not given.
NOT_GIVEN = (1 << 32) - 1


class Supplies:
    """Asks for files as steps need them, and for what comes next with them."""

    def __init__(self, link: Link) -> None:
        """link: the connection, with the answers that came with the play."""
        self._link = link
        self._known: Dict[Place, Mapping[str, Any]] = {}
        self._order: List[Place] = []
        self._index: Dict[Place, int] = {}
        self._contents: Dict[str, bytes] = {}
        self._bytes = 0
        # Whether several files can be asked for at once; how many of those that came last were used.
        self._together, self._used = True, FIRST // 2
        for key, about in link.ahead.items():
            kind, step, name = key.split(":", 2)
            if kind == "source":
                self._learn((int(step), name), about)
        self._lasting = len(self._order)
        self._texts: Dict[Place, Any] = {}
        self._step = -1

    def relay(self, question: Dict[str, Any]) -> Any:
        """The answer to a question of a step. Raises Refused, Stopped."""
        kind = question.get("ask")
        if kind not in ("source", "content", "template") or not isinstance(question.get("step"), int):
            return self._link.relay(question)
        place = (question["step"], str(question["name"]))
        if place[0] != self._step:
            self.begin(place[0])
        if kind == "template":
            return self._texts[place] if place in self._texts else self._link.relay(question)
        if kind == "source":
            return self._source(place, question)
        return self._content(place, question)

    def begin(self, step: int) -> None:
        """A step starts: what was told to the one before may be outdated, but for what came with the play."""
        for place in self._order[self._lasting:]:
            del self._known[place], self._index[place]
        del self._order[self._lasting:]
        self._texts.clear()
        self._step = step

    def expect(self, kind: str, step: int, names: Sequence[str]) -> None:
        """A step will ask for these, one by one: ask for all of them now. kind: source or template."""
        self.begin(step)
        wanted = [name for name in dict.fromkeys(names) if f"{kind}:{step}:{name}" not in self._link.ahead]
        for start in range(0, len(wanted) if len(wanted) > 1 else 0, MOST_FILES):
            some = wanted[start : start + MOST_FILES]
            try:
                answers = self._link.ask("several", of=kind, step=step, names=some)
            except Refused:
                return  # each is asked for by itself
            for name, answer in answers.items():
                if kind == "template":
                    self._texts[(step, name)] = answer
                else:
                    self._learn((step, name), answer)

    def _source(self, place: Place, question: Dict[str, Any]) -> Any:
        if place not in self._known:
            self._learn(place, self._link.relay(question))
        return {key: value for key, value in self._known[place].items() if key != "below"}

    def _learn(self, place: Place, about: Mapping[str, Any]) -> None:
        """Note what a file is, and what is below a directory."""
        if place not in self._known:
            self._index[place] = len(self._order)
            self._order.append(place)
        self._known[place] = about
        for name, inner in about.get("below", {}).items():
            self._learn((place[0], name), inner)

    def _content(self, place: Place, question: Dict[str, Any]) -> bytes:
        wanted = str(self._known[place]["sha256"]) if place in self._known else ""
        if wanted not in self._contents and self._together and self._is_small(place):
            following = tuple(islice(self._next(place), min(2 * self._used, MOST_FILES) - 1))
            if following:
                self._fetch((place, *following))
        self._used += not question.get("offset")  # further pieces of a file are no further files
        if wanted not in self._contents:
            return bytes(self._link.relay(question))
        return self._contents[wanted]

    def _is_small(self, place: Place) -> bool:
        about = self._known.get(place)
        return about is not None and about["kind"] == "file" and about["size"] <= LARGE

    def _next(self, place: Place) -> Iterator[Place]:
        """The files after this one that can come with it."""
        size, given = int(self._known[place]["size"]), set(self._contents)
        for index in range(self._index[place] + 1, len(self._order)):
            following = self._order[index]
            about = self._known[following]
            if not self._is_small(following) or about["sha256"] in given:
                continue
            size += int(about["size"])
            if size > MOST_BYTES:
                return
            given.add(about["sha256"])
            yield following

    def _fetch(self, places: Sequence[Place]) -> None:
        """Ask for all of them and keep what comes. Whoever answers may know single files only."""
        self._used = 0
        try:
            data = memoryview(self._link.ask("contents", wanted=[list(place) for place in places]))
        except Refused:
            self._together = False
            return
        for _ in places:
            length, data = int.from_bytes(data[:4], "big"), data[4:]
            if length != NOT_GIVEN:
                self._keep(bytes(data[:length]))
                data = data[length:]

    def _keep(self, content: bytes) -> None:
        """Keep it until there is too much; what came first goes first."""
        digest = hashlib.sha256(content).hexdigest()
        self._bytes += len(content) - len(self._contents.pop(digest, b""))
        self._contents[digest] = content
        while self._bytes > 2 * MOST_BYTES:
            self._bytes -= len(self._contents.pop(next(iter(self._contents))))
