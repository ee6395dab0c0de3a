"""A question about lines that containers wrote, and its answer as it comes."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from clusterbook.cluster.logs import search
from clusterbook.errors import Failed, InvalidInput
from clusterbook.schema.names import suggestion
from clusterbook.transport.protocol import Become, Channel, Connection

MOST_KEPT = 10_000
MOST_BYTES = 4 * 2**20
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_BEFORE = re.compile(r"(\d+)([smhd])")


@dataclass(frozen=True)
class Question:
    """What is asked for. since, until: seconds since 1970; limit: so many of the newest, 0 for all; folder: where."""

    namespace: str
    folder: str
    pod: str = ""
    container: str = ""
    since: float | None = None
    until: float | None = None
    grep: str = ""
    follow: bool = False
    limit: int = 0


@dataclass
class Answer:
    """Records as they come; afterwards how many lines were read and could not be understood."""

    records: Iterator[dict[str, Any]]
    counts: dict[str, int] = field(default_factory=dict)


def moment(option: str, text: str, now: float) -> float | None:
    """Seconds since 1970 of 10m, 2h, 3d (so long ago) or a time such as 2026-11-26T09:30:00Z; None without text."""
    if not text:
        return None
    if before := _BEFORE.fullmatch(text):
        return now - int(before[1]) * _UNITS[before[2]]
    with contextlib.suppress(ValueError):
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    raise InvalidInput(
        f"{option} is {text!r}, which is no time",
        next_step="Write how long ago (90s, 10m, 2h, 3d), or a time such as 2026-11-26T09:30:00Z.",
    )


def check(question: Question) -> None:
    """InvalidInput for what cannot be asked."""
    try:
        re.compile(question.grep)
    except re.error as error:
        raise InvalidInput(
            f"--grep is {question.grep!r}, which is no regular expression: {error}",
            next_step="Put a backslash before ( ) [ ] { } . * + ? | that stand for themselves.",
        ) from None
    if not 0 <= question.limit <= MOST_KEPT:
        raise InvalidInput(f"--limit is {question.limit}", next_step=f"Write a number from 1 to {MOST_KEPT}, or none.")
    if question.follow and question.until is not None:
        raise InvalidInput("--follow has no end, and --until is one", next_step="Leave one of them out.")
    if question.since is not None and question.until is not None and question.until < question.since:
        raise InvalidInput("--until is before --since", next_step="Exchange them.")


def ask(connect: Callable[[], Connection], question: Question) -> Answer:
    """The answer, whose records come as the aggregator finds them; the connection ends with them."""
    answer = Answer(iter(()))
    answer.records = _records(connect, question, answer.counts)
    return answer


def _records(connect: Callable[[], Connection], question: Question, counts: dict[str, int]) -> Iterator[dict[str, Any]]:
    connection = connect()
    try:
        program = Path(search.__file__).read_text("utf-8")
        channel = connection.start([connection.python or "/usr/bin/python3", "-I", "-c", program], Become())
        channel.write(json.dumps(asdict(question)).encode() + b"\n")
        for line in _lines(channel):
            found = json.loads(line)
            if "unknown" in found:
                raise _unknown(question.namespace, [str(name) for name in found["unknown"]])
            if "end" in found:
                counts.update(found["end"])
                return
            yield found
        raise Failed(f"the search on {connection.host} ended before its end") from channel.why_ended()
    finally:
        connection.close()


def _lines(channel: Channel) -> Iterator[bytes]:
    """Whole lines of what a host prints. Failed when one has no end."""
    rest = b""
    while data := channel.read(65536):
        *whole, rest = (rest + data).split(b"\n")
        yield from whole
        if len(rest) > MOST_BYTES:
            raise Failed(f"the aggregator sent a line of more than {MOST_BYTES >> 20} MiB")


def _unknown(namespace: str, known: list[str]) -> InvalidInput:
    if not known:
        return InvalidInput("the aggregator has no lines yet", next_step="Ask again when pods have written something.")
    return InvalidInput(f"there are no lines of a namespace {namespace!r}{suggestion(namespace, known)}",
                        next_step=f"There are lines of: {', '.join(known)}.")  # fmt: skip
