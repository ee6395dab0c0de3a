"""A run as one HTML page that needs nothing else: no address, no font, no script but its own.

Everything that a run says, names of hosts included, is put in as text: the template escapes it, the data for the
timeline is JSON without a `<`, and the page's policy allows only the script whose hash it names.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from clusterbook.records import dataclass
from clusterbook.report.history import Failure, History, Result

PARTS = Path(__file__).parent / "page"
COLUMNS = ("ok", "changed", "unknown", "skipped", "failed", "unreachable", "rescued", "ignored")
STATUSES = ("ok", "changed", "unknown", "failed", "skipped", "ignored")
SHOWN_SLOW = 15
NAMED_HOSTS = 4
TONES = {"failed": "bad", "unreachable": "bad", "interrupted": "bad", "did not end": "bad", "changed": "changed",
         "changes pending": "changed"}


@dataclass(frozen=True)
class Change:
    """The same change on one host or several."""

    step: str
    status: str
    at: str
    words: tuple[str, ...]
    lines: tuple[str, ...]
    hosts: tuple[str, ...]


def page(run: History) -> str:
    """The whole document."""
    script = (PARTS / "page.js").read_text("utf-8")
    css = (PARTS / "page.css").read_text("utf-8")
    environment = Environment(autoescape=True, trim_blocks=False)
    environment.filters.update(signed=_signed, named=_named, file_name=lambda text: PurePath(str(text)).name)
    template = environment.from_string((PARTS / "page.html.j2").read_text("utf-8"))
    shown = tuple(name for name in COLUMNS if name == "ok" or any(host[name] for host in run.counts.values()))
    return template.render(
        run=run, tone=TONES.get(run.outcome, "good"), tiles=tuple(_tiles(run)), columns=shown,
        changes=tuple(_changes(run)), failures=tuple(_failures(run)), slow=_slow(run)[:SHOWN_SLOW],
        policy=policy(script),
        css=Markup(css), script=Markup(script), data=Markup(embedded(_data(run))),  # noqa: S704 - our own files
    )  # fmt: skip


def policy(script: str) -> str:
    """What the page may do: its own style, its own script, nothing from anywhere."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    own = f"style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    return f"default-src 'none'; {own}; base-uri 'none'; form-action 'none'"


def embedded(value: Any) -> str:
    """JSON that can stand inside a script element whatever it holds."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _tiles(run: History) -> Iterator[tuple[str, int, str]]:
    counts = run.counts.values()
    failed = sum(1 for host in counts if host["failed"])
    lost = sum(1 for host in counts if host["unreachable"] and not host["failed"])
    whole = [host for host in counts if not host["failed"] and not host["unreachable"]]
    changed = sum(1 for host in whole if host["changed"] or host["unknown"])
    yield ("host" if len(counts) == 1 else "hosts"), len(counts), ""
    yield "failed", failed, "failed"
    yield "unreachable", lost, "failed"
    yield ("would change" if run.check else "changed"), changed, "changed"
    yield "unchanged", len(whole) - changed, ""


def _changes(run: History) -> Iterator[Change]:
    """Equal changes of several hosts are one."""
    found: dict[tuple[Any, ...], list[str]] = {}
    for result in run.results:
        if result.status in ("changed", "unknown"):
            words = result.words if result.status == "unknown" else ()
            found.setdefault((result.step, result.status, result.at, words, result.diff), []).append(result.host)
    first = {key: number for number, key in reversed(list(enumerate(key[:3] for key in found)))}
    for (step, status, at, words, lines), hosts in sorted(found.items(), key=lambda pair: first[pair[0][:3]]):
        yield Change(step, status, at, words, lines, _in_order(run, hosts))


def _failures(run: History) -> Iterator[tuple[Failure, tuple[str, ...]]]:
    """Each failure once, with the hosts that have it; those that count come first."""
    found: dict[tuple[Any, ...], list[Failure]] = {}
    for failure in sorted(run.failures, key=lambda one: one.ignored):
        found.setdefault((failure.title, failure.lines, failure.ignored), []).append(failure)
    for group in found.values():
        yield group[0], _in_order(run, [failure.host for failure in group])


def _in_order(run: History, hosts: list[str]) -> tuple[str, ...]:
    """Each host once, as in the inventory."""
    wanted = set(hosts)
    return tuple(host for host in run.counts if host in wanted)


def _named(hosts: tuple[str, ...]) -> str:
    """Hosts, the first few by name."""
    more = len(hosts) - NAMED_HOSTS
    return ", ".join(hosts[:NAMED_HOSTS]) + (f" and {more} more" if more > 0 else "")


def _slow(run: History) -> list[tuple[Result, int]]:
    """(the slowest result, number of hosts) of each step that took a tenth of a second, the slowest first."""
    steps: dict[tuple[str, str, str], list[Result]] = {}
    for result in run.results:
        steps.setdefault((result.play, result.step, result.at), []).append(result)
    found = [(max(group, key=lambda one: one.seconds), len({one.host for one in group})) for group in steps.values()]
    return sorted((pair for pair in found if pair[0].seconds >= 0.1), key=lambda pair: -pair[0].seconds)


def _data(run: History) -> dict[str, Any]:
    """What the timeline draws: a row a host, each result as [step, start, seconds, status, words]."""
    numbers: dict[tuple[str, str], int] = {}
    rows: dict[str, list[list[Any]]] = {host: [] for host in run.counts}
    for result in run.results:
        step = numbers.setdefault((result.step, result.at), len(numbers))
        words = [result.words[0][:200]] if result.words and result.status in ("failed", "unknown") else []
        rows[result.host].append(
            [step, round(result.start, 2), round(result.seconds, 2), STATUSES.index(result.status), *words]
        )
    lost = {failure.host: failure.start for failure in run.failures if failure.lost}
    hosts = [
        {"name": host, "statuses": [name for name in COLUMNS if run.counts[host][name]], "results": results,
         "lost": lost.get(host)}
        for host, results in rows.items()
    ]
    steps = [{"name": name, "at": at} for name, at in numbers]
    return {"seconds": max(run.seconds, 0.01), "statuses": STATUSES, "steps": steps, "hosts": hosts}


def _signed(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Lines of a change with the class of each. Those of a loop's items stand below `[item]`, two spaces in."""
    indent = 0
    for line in lines:
        indent = 2 if line.startswith("[") else indent
        text = line[indent:] if line.startswith(" " * indent) else line
        yield "place" if text.startswith("@@") else {"+": "plus", "-": "minus"}.get(text[:1], ""), line
