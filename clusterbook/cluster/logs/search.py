"""The search itself: its text is sent to the aggregator and run there, so that only what matches travels.

Standard library alone, Python >= 3.9. It reads its question as one line of JSON and answers with lines of JSON:
records, then {"end": counts}, or {"unknown": names} when nothing of the namespace is kept. When its input ends, so does
it.
"""

from __future__ import annotations

import calendar
import collections
import gzip
import json
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

CURRENT = ".jsonl"
REMEMBERED = 20_000
"""So many lines are remembered: one that an agent sent twice after a connection broke is told once."""
LATE_SECONDS = 300.0
PAUSE_SECONDS = 0.5
_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)$")
Record = dict[str, Any]


def main() -> None:
    """Answer the question on standard input."""
    question = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_leave_with_the_caller, daemon=True).start()

    def say(answer: Record) -> None:
        sys.stdout.write(json.dumps(answer, separators=(",", ":")) + "\n")

    answer(question, say, sys.stdout.flush)
    sys.stdout.flush()


def answer(question: Record, say: Callable[[Record], None], flush: Callable[[], None]) -> None:
    """Say what matches, oldest files first. question: see Question of query.py."""
    folder, namespace = Path(question["folder"]), question["namespace"]
    known = namespaces(folder)
    if namespace not in known:
        say({"unknown": known})
        return
    chosen, held = Chosen(question), Held(question["limit"], say)

    def pause() -> None:
        held.release()
        flush()

    found = lines(folder, namespace, question["since"], pause if question["follow"] else None)
    for record in chosen.of(found):
        held.take(record)
    held.release()
    say({"end": {"lines": chosen.read, "unreadable": chosen.unreadable, "twice": chosen.twice}})


class Held:
    """With a limit, the newest records wait until all that there is was looked at; later ones are said at once."""

    def __init__(self, limit: int, say: Callable[[Record], None]) -> None:
        """limit: 0 for none."""
        self._say = say
        self._waiting: collections.deque[Record] | None = collections.deque(maxlen=limit) if limit else None

    def take(self, record: Record) -> None:
        """Say it, or keep it for now."""
        if self._waiting is None:
            self._say(record)
        else:
            self._waiting.append(record)

    def release(self) -> None:
        """Say what waits."""
        waiting, self._waiting = self._waiting or (), None
        for record in waiting:
            self._say(record)


class Chosen:
    """Which lines match, and how many were looked at."""

    def __init__(self, question: Record) -> None:
        """question: pod, container, since, until, grep; empty or None for any."""
        self._pod, self._container = question["pod"], question["container"]
        self._since, self._until = question["since"], question["until"]
        self._grep = re.compile(question["grep"]) if question["grep"] else None
        self._seen: dict[int, None] = {}
        self.read = self.unreadable = self.twice = 0

    def of(self, found: Iterator[bytes]) -> Iterator[Record]:
        """The records among lines that match."""
        for line in found:
            self.read += 1
            if self._again(line):
                self.twice += 1
                continue
            try:
                record = json.loads(line.decode("utf-8", "replace"))
                wanted = self._wants(record)
            except (ValueError, KeyError, TypeError):
                self.unreadable += 1
                continue
            if wanted:
                yield record

    def _wants(self, record: Record) -> bool:
        if self._pod and not record["pod"].startswith(self._pod):
            return False
        if self._container and record["container"] != self._container:
            return False
        if self._since is not None or self._until is not None:
            moment = epoch(record["time"])
            if moment is None or moment < (self._since or 0.0) or moment > (self._until or float("inf")):
                return False
        return self._grep is None or self._grep.search(record["message"]) is not None

    def _again(self, line: bytes) -> bool:
        """Whether this very line was there before; an agent says the place in the file, so no two lines are alike."""
        mark = hash(line)
        if mark in self._seen:
            return True
        self._seen[mark] = None
        if len(self._seen) > REMEMBERED:
            del self._seen[next(iter(self._seen))]
        return False


def namespaces(folder: Path) -> list[str]:
    """Of which namespaces anything is kept."""
    paths = folder.iterdir() if folder.is_dir() else ()
    return sorted({path.name.partition(CURRENT)[0] for path in paths if CURRENT in path.name})


def lines(
    folder: Path, namespace: str, since: float | None, pause: Callable[[], None] | None = None
) -> Iterator[bytes]:
    """Lines of a namespace's files, in the order in which they arrived.

    since: files that got nothing from then on are left out. pause: go on with what arrives, and call it before waiting.
    """
    path = folder / f"{namespace}{CURRENT}"
    current = _open(path)
    own = os.fstat(current.fileno()).st_ino if current else 0
    for older in rotated(folder, namespace):
        found = _open(older)
        if found is None:
            continue
        with found:
            about = os.fstat(found.fileno())
            if about.st_ino != own and (since is None or about.st_mtime > since - LATE_SECONDS):
                yield from _whole(found)
    if pause is not None:
        yield from _endless(path, current, pause)
    elif current:
        with current:
            yield from _whole(current)


def rotated(folder: Path, namespace: str) -> list[Path]:
    """The files that are not written to any more, oldest first. One that is being compressed counts as it was."""
    found = {}
    for path in sorted(folder.iterdir(), reverse=True):
        start, _, end = path.name.partition(f"{CURRENT}.")
        number = end.partition(".")[0]
        if start == namespace and number.isdigit():
            found[int(number)] = path
    return [found[number] for number in sorted(found)]


def epoch(text: str) -> float | None:
    """Seconds since 1970 of a time as RFC 3339 has it; None when it is none."""
    found = _TIME.match(text)
    if found is None:
        return None
    parts = [int(part) for part in found.groups()[:6]]
    zone = found[8]
    shift = 0 if zone == "Z" else (int(zone[1:3]) * 60 + int(zone[4:6])) * (-60 if zone[0] == "-" else 60)
    return calendar.timegm((*parts, 0, 0, 0)) + float(found[7] or 0) - shift


def _open(path: Path) -> IO[bytes] | None:
    try:
        found: Any = gzip.open(path) if path.suffix == ".gz" else path.open("rb")  # noqa: SIM115
    except FileNotFoundError:
        return None
    return found  # type: ignore[no-any-return]


def _whole(file: IO[bytes]) -> Iterator[bytes]:
    """Whole lines; the last one may still be on its way."""
    try:
        for line in file:
            if line.endswith(b"\n"):
                yield line
    except (OSError, EOFError):
        return  # a compressed file that is not complete


def _endless(path: Path, file: IO[bytes] | None, pause: Callable[[], None]) -> Iterator[bytes]:
    begun = b""
    while True:
        line = file.readline() if file else b""
        if line:
            begun += line
            if begun.endswith(b"\n"):
                yield begun
                begun = b""
            continue
        if file is None or _replaced(path, file):
            follower = _open(path)
            if follower is not None:
                if file is not None:
                    yield from _whole(file)  # what came between the last look and the rotation
                file, begun = follower, b""
                continue
        pause()
        time.sleep(PAUSE_SECONDS)


def _replaced(path: Path, file: IO[bytes]) -> bool:
    try:
        return path.stat().st_ino != os.fstat(file.fileno()).st_ino
    except FileNotFoundError:
        return True


def _leave_with_the_caller() -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
