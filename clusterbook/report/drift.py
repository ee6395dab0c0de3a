"""What differs on hosts from what a playbook wants: by host and thing, out of the events of a run in check mode."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.text import Text

from clusterbook.report.called import program
from clusterbook.report.changes import short, unified
from clusterbook.report.lines import failure_lines, title, unreachable_lines

# What a module's step is about; of every other module the step itself is shown.
_OF_MODULES = {
    **dict.fromkeys(("assemble", "blockinfile", "certificate", "copy", "file", "get_url", "ini_file", "lineinfile",
                     "replace", "template", "unarchive"), "file"),
    **dict.fromkeys(("systemd_service", "systemd", "service"), "unit"),
    **dict.fromkeys(("apt", "dnf", "package"), "package"),
    **dict.fromkeys(("user", "group", "mount", "hostname"), "setting"),
    **dict.fromkeys(("sysctl", "modprobe"), "setting"),
}  # fmt: skip
# A role writes here that something is to be restarted later: what led to it is the difference.
_MARKS = "/run/clusterbook-restart-"
MOST_LINES = 20


@dataclass(frozen=True)
class Difference:
    """One thing of a host. kind: file, unit, package, setting, handler or step; what: of the thing, such as mode.

    lines: the differing lines of a text, `-` those of the host and `+` those that are wanted.
    """

    host: str
    kind: str
    name: str
    what: str
    found: str | None
    wanted: str | None
    step: str
    at: str
    lines: tuple[str, ...] = ()

    @property
    def follows(self) -> bool:
        """Whether it only follows from another difference."""
        return self.name.startswith(_MARKS) or (self.kind == "unit" and self.wanted in ("restarted", "reloaded"))

    def text(self) -> str:
        """As people read it, without the host."""
        if self.what == "missing":
            said = "missing"
        elif self.lines:
            said = f"{self.what} differs"
        elif self.found is None and self.wanted is None:
            said = self.what
        else:
            said = f"{self.what} {self.found or 'absent'}, wanted {self.wanted or 'absent'}"
        thing = f"{self.kind} {self.name}  {said}" if self.name else f"{self.kind} {said}"
        return f"{thing}  ({self.step})" if self.step else thing


def differences(event: Mapping[str, Any]) -> Iterator[Difference]:
    """What the result of a step in check mode says about its host; handlers follow from what notified them."""
    if event["status"] not in ("changed", "unknown") or event.get("handler") or event.get("ignored"):
        return
    parts = [item for item in event.get("items", ()) if item.get("status") in ("changed", "unknown")]
    for part in parts or [event]:
        yield from _of_part(event, part)


def _of_part(event: Mapping[str, Any], part: Mapping[str, Any]) -> Iterator[Difference]:
    kind = _OF_MODULES.get(str(event.get("module", "")).rpartition(".")[2], "step")
    about = str(part.get("about", "")) or (short(part["item"]) if kind == "step" and "item" in part else "")

    def one(name: str, what: str, found: Any = None, wanted: Any = None, lines: tuple[str, ...] = ()) -> Difference:
        named = "package" if what.startswith("package ") and kind == "package" else kind
        before, after = (None if value is None else short(value) for value in (found, wanted))
        return Difference(event["host"], named, name, what, before, after, title(event), str(event["at"]), lines)

    changes = list(part.get("changes", ()))
    if event.get("hidden"):
        yield one(about, "differs; what, is hidden: the step holds a secret")
    elif part["status"] == "unknown" and "would_run" not in part and not (kind == "step" and about):
        yield one(about, f"cannot be known yet: {part.get('msg', 'it follows from an earlier step')}")
    elif not changes:
        yield one(about, "would run")
    elif any(change["what"] in ("content", "state", "link") and change["before"] in (None, "absent")
             for change in changes) and kind == "file":  # fmt: skip
        yield one(about, "missing", None, "present")
    else:
        for change in changes:
            name, what = _subject(kind, about, str(change["what"]))
            before, after = change["before"], change["after"]
            text = isinstance(before, str) and isinstance(after, str) and "\n" in before + after
            lines = tuple(line for line in unified(before, after, MOST_LINES) if line[:2] != "@@") if text else ()
            yield one(name, what, None if text else before, None if text else after, lines)


def _subject(kind: str, about: str, what: str) -> tuple[str, str]:
    """(name, what): a change of one of several paths or packages of a step begins with which."""
    if kind == "package" and what.startswith("package "):
        return what.removeprefix("package "), "version"
    if kind == "file" and what.startswith("/"):
        path, _, rest = what.partition(" ")
        return path, rest or "state"
    return about, what


class DriftReport:
    """Keeps what differs until the run is over, then shows it host by host. Failures are shown at once."""

    def __init__(self, console: Console, as_json: bool) -> None:
        """console: where to."""
        self._console = console
        self._json = as_json
        self._found: list[Difference] = []
        self._failed: list[dict[str, Any]] = []

    def event(self, event: dict[str, Any]) -> None:
        """Take one event."""
        kind = event["type"]
        if kind == "result":
            self._found += differences(event)
            if event["status"] == "failed" and not event.get("ignored"):
                self._fail(event, failure_lines(event))
        elif kind in ("unreachable", "failure"):
            self._fail(event, unreachable_lines(event))
        elif kind == "pending":
            self._found += (Difference(event["host"], "handler", name, "left by an unfinished run", None, None, "", "")
                            for name in event["handlers"])  # fmt: skip
        elif kind == "summary":
            self._show(list(event["hosts"]))

    def close(self) -> None:
        """Nothing is left."""

    def _fail(self, event: dict[str, Any], lines: Iterator[Text]) -> None:
        self._failed.append({"host": event["host"], "message": str(event.get("msg", ""))})
        if not self._json:
            self._print(lines)

    def _print(self, lines: Iterator[Text]) -> None:
        for line in lines:
            self._console.print(line, soft_wrap=True, highlight=False)

    def _show(self, hosts: list[str]) -> None:
        by_host = {host: _without_what_follows([one for one in self._found if one.host == host]) for host in hosts}
        if self._json:
            told = [vars(one) for found in by_host.values() for one in found]
            text = json.dumps({"differences": told, "failed": self._failed}, indent=2, ensure_ascii=False, default=str)
            self._console.file.write(f"{text}\n")
            return
        width = max((len(host) for host in hosts), default=0)
        for found in by_host.values():
            for one in found:
                self._print(_lines(one, width))
        self._print(iter([Text(_sentence(by_host, {each["host"] for each in self._failed}))]))


def _without_what_follows(found: list[Difference]) -> list[Difference]:
    """What only follows is left out where something is shown that it can follow from."""
    causes = [one for one in dict.fromkeys(found) if not one.follows]
    return causes or found


def _lines(one: Difference, width: int) -> Iterator[Text]:
    yield Text.assemble((f"{one.host:<{width}}  ", "bold"), one.text())
    for line in one.lines:
        yield Text(f"    {line}", "green" if line[:1] == "+" else "red" if line[:1] == "-" else "")


def _sentence(by_host: Mapping[str, list[Difference]], failed: set[str]) -> str:
    number = sum(len(found) for found in by_host.values())
    drifted = sum(bool(found) for found in by_host.values())
    lost = f"; {len(failed)} could not be looked at to the end" if failed else ""
    hosts = "1 host" if len(by_host) == 1 else f"{len(by_host)} hosts"
    if not number:
        return f"{hosts}: {'nothing differs' if failed else 'all as the playbooks want it'}{lost}"
    things = "1 difference" if number == 1 else f"{number} differences"
    return f"{hosts}: {things} on {drifted} of them (- found, + wanted){lost}; {program()} provision heals them"
