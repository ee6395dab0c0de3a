"""A run that is over (or was killed), put in order from its events: what the HTML page and JUnit are made from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from typing import Any

from clusterbook.execute.events import COUNTED, count
from clusterbook.records import dataclass
from clusterbook.report.changes import change_lines
from clusterbook.report.lines import failure_lines, title, unreachable_lines

Event = Mapping[str, Any]
MOST_DIFF_LINES = 400


@dataclass(frozen=True)
class Result:
    """One step on one host. start and seconds count from the beginning of the run; status as in events, or ignored."""

    host: str
    step: str
    start: float
    seconds: float
    status: str
    play: str
    at: str = ""
    module: str = ""
    words: tuple[str, ...] = ()
    diff: tuple[str, ...] = ()


@dataclass(frozen=True)
class Failure:
    """A failed step, or (lost) a whole host, in the words that the terminal showed."""

    host: str
    start: float
    title: str
    lines: tuple[str, ...]
    ignored: bool = False
    lost: bool = False


@dataclass(frozen=True)
class History:
    """One run. facts: what, where, when, how it ended; counts: by host; seconds: None when the run did not end."""

    facts: Mapping[str, str]
    results: tuple[Result, ...]
    failures: tuple[Failure, ...]
    counts: Mapping[str, Mapping[str, int]]
    check: bool
    outcome: str
    seconds: float
    notes: tuple[str, ...] = ()
    plays: tuple[str, ...] = field(default=())


def history(events: Sequence[Event]) -> History:
    """Put a journal in order."""
    run = next((event for event in events if event["type"] == "run"), {})
    last = next((event for event in reversed(events) if event["type"] == "summary"), None)
    error = next((event for event in events if event["type"] == "error"), None)
    counts = _counts(events)
    seconds = max((float(event.get("time", 0)) for event in events), default=0.0)
    check = bool(run.get("check"))
    interrupted = any(event["type"] == "interrupt" for event in events)
    outcome = _outcome(counts, check, ended=last is not None, interrupted=interrupted)
    notes = [str(event["reason"]) for event in events if event["type"] == "stopped"]
    if error is not None:
        notes.append(str(error.get("message", "")))
    plays = tuple(dict.fromkeys(str(event["name"]) for event in events if event["type"] == "play"))
    return History(
        _facts(run, seconds), tuple(_results(events)), tuple(_failures(events)), counts, check, outcome, seconds,
        tuple(notes), plays,
    )


def _facts(run: Event, seconds: float) -> dict[str, str]:
    known = {"playbook": "playbook", "inventory": "inventory", "started": "started", "id": "run", "user": "user",
             "version": "clusterbook"}
    found = {word: str(run[name]) for name, word in known.items() if run.get(name)}
    return {**found, "duration": f"{seconds:.1f} s"}


def _outcome(counts: Mapping[str, Mapping[str, int]], check: bool, ended: bool, interrupted: bool) -> str:
    if interrupted:
        return "interrupted"
    if not ended:
        return "did not end"
    for name in ("failed", "unreachable"):
        if any(host[name] for host in counts.values()):
            return name
    changed = any(host["changed"] or host["unknown"] for host in counts.values())
    return ("changes pending" if check else "changed") if changed else "nothing to do"


def _counts(events: Iterable[Event]) -> dict[str, dict[str, int]]:
    """Counted again, because a run that was killed has no summary."""
    counts: dict[str, dict[str, int]] = {}
    for event in events:
        count(counts, event)
    return {host: {name: numbers.get(name, 0) for name in COUNTED} for host, numbers in counts.items()}


def _results(events: Iterable[Event]) -> Iterable[Result]:
    play = ""
    for event in events:
        if event["type"] == "play":
            play = str(event["name"])
        if event["type"] != "result":
            continue
        seconds = float(event.get("seconds", 0))
        status = "ignored" if event.get("ignored") else str(event["status"])
        shown = status in ("changed", "unknown", "failed", "ignored")
        words = tuple(str(event["msg"]).splitlines()[:8]) if shown and event.get("msg") else ()
        yield Result(
            str(event["host"]), title(event), max(0.0, float(event["time"]) - seconds), seconds, status, play,
            str(event.get("at", "")), str(event.get("module", "")), words,
            tuple(change_lines(event, True, MOST_DIFF_LINES)) if shown else (),
        )


def _failures(events: Iterable[Event]) -> Iterable[Failure]:
    for event in events:
        if event["type"] == "result" and event["status"] == "failed":
            _, *lines = (line.plain for line in failure_lines(event))
            yield Failure(
                str(event["host"]), float(event["time"]), f"{title(event)}   {event.get('at', '')}".rstrip(),
                tuple(lines), bool(event.get("ignored")),
            )
        elif event["type"] in ("unreachable", "failure"):
            _, *lines = (line.plain for line in unreachable_lines(event))
            word = "unreachable" if event["type"] == "unreachable" else "failed"
            words = (f"  cause   {event.get('msg', '')}", *lines)
            yield Failure(str(event["host"]), float(event["time"]), word, words, lost=True)
