"""The screen of ansible-playbook, for people and scripts that read it: banners, a line a host, the recap."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import IO, Any

from clusterbook.records import dataclass
from clusterbook.report.changes import unified
from clusterbook.report.custom_stats import CustomStats
from clusterbook.report.included import Included, item_label

WIDTH = 79
COLORS = {
    "green": "0;32", "yellow": "0;33", "red": "0;31", "cyan": "0;36", "bright purple": "1;35", "dark gray": "1;30",
}  # fmt: skip
COLUMNS = ("ok", "changed", "unreachable", "failed", "skipped", "rescued", "ignored")
_COLUMN_COLORS = {"ok": "green", "changed": "yellow", "unreachable": "red", "failed": "red", "skipped": "cyan",
                  "rescued": "yellow", "ignored": "bright purple"}  # fmt: skip
# What a result holds for the engine alone.
_INTERNAL = ("place", "next_step", "exception")
_BESIDE_A_MESSAGE = ("msg", "warnings", "deprecations")
# Of these only what they bring is shown.
_INCLUDES = ("ansible.builtin.include_tasks", "ansible.builtin.include_role")
_VERBOSE_ALWAYS = ("ansible.builtin.debug", "ansible.builtin.assert")


@dataclass(frozen=True)
class Look:
    """How much is shown. verbosity: how many -v."""

    verbosity: int = 0
    color: bool = False
    diff: bool = False
    show_skipped: bool = True
    show_stats: bool = False


class AnsibleReport:
    """Shows a run from its events, which must carry whole results."""

    def __init__(self, output: IO[str], look: Look, address: Callable[[str], str] = str) -> None:
        """output: usually standard output; address: of a host by its name, for steps that were delegated to it."""
        self._output = output
        self._look = look
        self._address = address
        self._banner: tuple[int | None, set[str]] = (None, set())
        self._stats = CustomStats()
        self._included = Included()
        self._errors: set[str] = set()

    def event(self, event: dict[str, Any]) -> None:
        """Show one event."""
        method = getattr(self, f"_on_{event['type']}", None)
        if method is not None:
            method(event)
            self._output.flush()

    def close(self) -> None:
        """Say what is left."""
        self._tell_included()

    def _on_play(self, event: Mapping[str, Any]) -> None:
        self._banner = (None, set())
        self._title(f"PLAY [{event['name']}]")
        if not event["hosts"]:
            self._line("skipping: no hosts matched", "cyan")

    def _on_batch(self, event: Mapping[str, Any]) -> None:
        self._banner = (None, set())
        self._title(f"PLAY [{event['name']}]")

    def _on_nobody_left(self, event: Mapping[str, Any]) -> None:
        if event["too_many"]:  # otherwise ansible-playbook does not say it; here it does so twice
            self._title("NO MORE HOSTS LEFT")
            self._title("NO MORE HOSTS LEFT")

    def _on_start(self, event: Mapping[str, Any]) -> None:
        step, host = event.get("step"), str(event.get("host"))
        current, started = self._banner
        if step != current or host in started:
            word = "RUNNING HANDLER" if event.get("handler") else "TASK"
            self._title(f"{word} [{_name(event)}]")
            self._banner = (step, {host})
            if self._look.verbosity >= 2 and event.get("at"):
                self._line(f"task path: {event['at']}", "dark gray")
        else:
            started.add(host)

    def _on_result(self, event: Mapping[str, Any]) -> None:
        result = _result(event)
        self._stats.take(str(event["host"]), result)
        if self._look.diff:
            self._diff(event)
        items = result.get("results")
        if items is not None and event.get("items") and not event.get("hidden"):
            if event.get("module") not in _INCLUDES:  # of an include `included` told each item
                for item, shown in zip(items, event["items"], strict=False):
                    self._item(event, item, shown)
            if event["status"] == "skipped":
                self._skipped(event, {key: value for key, value in result.items() if key != "results"})
            elif event["status"] == "failed" and not items:
                self._fatal(event, result)
        elif event["status"] == "failed":
            self._fatal(event, result)
        elif event["status"] in ("skipped", "unknown"):  # in check mode commands and what needs them are left out
            self._skipped(event, result)
        elif event.get("module") not in _INCLUDES:
            self._good(event, result)
        if event.get("ignored"):
            self._line("...ignoring", "cyan")

    def _on_retry(self, event: Mapping[str, Any]) -> None:
        left = event["tries"] - event["attempt"]
        label = " -> ".join(_way(event, event))
        self._line(f"FAILED - RETRYING: [{label}]: {_name(event)} ({left} retries left).", "dark gray")

    def _on_unreachable(self, event: Mapping[str, Any]) -> None:
        shown = {"changed": False, "msg": event.get("msg", ""), "unreachable": True}
        self._line(f"fatal: [{self._host(event, event)}]: UNREACHABLE! => {_json(shown)}", "red")

    def _on_failure(self, event: Mapping[str, Any]) -> None:
        shown = {"changed": False, "msg": event.get("msg", "")}
        self._line(f"fatal: [{event['host']}]: FAILED! => {_json(shown)}", "red")

    def _on_warning(self, event: Mapping[str, Any]) -> None:
        self._line(f"[WARNING]: {event['msg']}", "bright purple")

    def _on_included(self, event: Mapping[str, Any]) -> None:
        if event["file"]:
            self._included.take(event)
        elif self._look.show_skipped:
            self._line(f"skipping: [{event['host']}] => {item_label(event)} ", "cyan")

    def _tell_included(self) -> None:
        for line in self._included.lines():
            self._line(line, "cyan")

    def _on_summary(self, event: Mapping[str, Any]) -> None:
        self._title("PLAY RECAP")
        for host in sorted(event["hosts"]):
            counts = {**event["hosts"][host]}
            counts["skipped"] += counts["unknown"]
            bad, changed = counts["failed"] or counts["unreachable"], counts["changed"]
            color = "red" if bad else "yellow" if changed else "green"
            name = self._colored(host, color).ljust(37 if self._look.color else 26)
            cells = (self._cell(column, counts[column]) for column in COLUMNS)
            self._output.write(f"{name} : {' '.join(cells)}\n")
        self._output.write("\n")
        stats = list(self._stats) if self._look.show_stats else []
        if stats:
            self._title("CUSTOM STATS:")
            for host, values in stats:
                self._output.write(f"\t{host or 'RUN'}: {_json(values)}\n")
            self._output.write("\n")

    def _item(self, event: Mapping[str, Any], item: Mapping[str, Any], shown: Mapping[str, Any]) -> None:
        label = item_label(shown)
        status, host = shown["status"], self._host(event, shown)
        if shown.get("hidden"):
            item = _hidden(status)
        if status == "failed":
            self._line(f"failed: [{host}] {label} => {self._dump(event, item)}", "red")
        elif status == "skipped":
            if self._look.show_skipped:
                self._line(f"skipping: [{event['host']}] => {label} {self._more(event, item)}".rstrip(), "cyan")
        else:
            word, color = ("changed", "yellow") if status == "changed" else ("ok", "green")
            more = self._more(event, item)
            self._line(f"{word}: [{host}] => {label}{' => ' + more if more else ''}", color)

    def _fatal(self, event: Mapping[str, Any], result: Mapping[str, Any]) -> None:
        if result.get("stderr") and result.get("module_stderr"):
            self._line(str(result["module_stderr"]), "red")
        place = event.get("place")
        if place:
            error = f"[ERROR]: Task failed: {event.get('msg', '')}\nOrigin: {place[0]}:{place[1]}:{place[2]}"
            if error not in self._errors:
                self._errors.add(error)
                self._line(error, "red")
        word = "UNREACHABLE" if result.get("unreachable") else "FAILED"
        self._line(f"fatal: [{self._host(event, event)}]: {word}! => {self._dump(event, result)}", "red")

    def _skipped(self, event: Mapping[str, Any], result: Mapping[str, Any]) -> None:
        if self._look.show_skipped:
            more = self._more(event, result)
            self._line(f"skipping: [{event['host']}]{' => ' + more if more else ''}", "cyan")

    def _good(self, event: Mapping[str, Any], result: Mapping[str, Any]) -> None:
        word, color = ("changed", "yellow") if event["status"] == "changed" else ("ok", "green")
        more = self._more(event, result)
        self._line(f"{word}: [{self._host(event, event)}]{' => ' + more if more else ''}", color)

    def _host(self, event: Mapping[str, Any], part: Mapping[str, Any]) -> str:
        """The host, and whom it delegated the step or this item of it to."""
        host, *target = _way(event, part)
        if not target:
            return host
        address = self._address(target[0])
        return f"{host} -> {target[0]}" + (f"({address})" if address != target[0] else "")

    def _more(self, event: Mapping[str, Any], result: Mapping[str, Any]) -> str:
        """The result behind a line that is not a failure: with -v, and always where the task only shows something."""
        always = event.get("module") in _VERBOSE_ALWAYS and event["status"] != "skipped" and not event.get("quiet")
        return self._dump(event, result) if self._look.verbosity or always else ""

    def _dump(self, event: Mapping[str, Any], result: Mapping[str, Any]) -> str:
        shown = {key: value for key, value in result.items() if not str(key).startswith("_")}
        asked = event.get("module") in _VERBOSE_ALWAYS and event["status"] != "failed"
        if not asked:  # of what debug shows any name may be the task's own
            shown = {key: value for key, value in shown.items() if key not in _INTERNAL}
        else:
            shown = {key: value for key, value in shown.items() if key not in ("changed", "failed", "skipped")}
            if event["module"].endswith("assert"):
                shown = {"changed": False, **shown}
            elif "msg" in shown:
                shown = {key: value for key, value in shown.items() if key in _BESIDE_A_MESSAGE}
            return _json(shown, indent=4)
        if self._look.verbosity < 3:
            shown.pop("invocation", None)
        for name in ("stdout", "stderr"):
            if name in shown and f"{name}_lines" not in shown and isinstance(shown[name], str):
                shown[f"{name}_lines"] = shown[name].splitlines()
        if shown.get("failed") is False or event["status"] == "failed":
            shown.pop("failed", None)
        long = self._look.verbosity > 2 or event.get("module") == "ansible.builtin.assert"
        return _json(shown, indent=4 if long else None)

    def _diff(self, event: Mapping[str, Any]) -> None:
        if event.get("hidden"):
            return
        for part in (event, *event.get("items", ())):
            for change in part.get("changes", ()):
                for line in _diff_lines(change):
                    self._line(line, "green" if line.startswith("+") else "red" if line.startswith("-") else "")

    def _cell(self, column: str, number: int) -> str:
        text = f"{column}={number:<4}"
        return self._colored(text, _COLUMN_COLORS[column]) if number else text

    def _title(self, text: str) -> None:
        self._tell_included()
        self._output.write(f"\n{text} {'*' * max(3, WIDTH - len(text))}\n")

    def _line(self, text: str, color: str) -> None:
        self._output.write(self._colored(text, color) + "\n")

    def _colored(self, text: str, color: str) -> str:
        if not self._look.color or not color:
            return text
        return "\n".join(f"\x1b[{COLORS[color]}m{line}\x1b[0m" for line in text.split("\n"))


def _way(event: Mapping[str, Any], part: Mapping[str, Any]) -> tuple[str, ...]:
    host, target = str(event["host"]), str(part.get("delegated_to", ""))
    return (host, target) if target and target != host else (host,)


def _name(event: Mapping[str, Any]) -> str:
    role, name = event.get("role"), str(event.get("name", ""))
    return f"{role} : {name}" if role else name


def _result(event: Mapping[str, Any]) -> Mapping[str, Any]:
    if event.get("hidden"):
        return _hidden(str(event["status"]))
    found = event.get("result", {})
    return found if isinstance(found, Mapping) else {}


def _hidden(status: str) -> dict[str, Any]:
    text = "the output has been hidden due to the fact that 'no_log: true' was specified for this result"
    return {"censored": text, "changed": status == "changed"}


def _json(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, indent=indent, ensure_ascii=False, sort_keys=True, default=str)


def _diff_lines(change: Mapping[str, Any]) -> Iterator[str]:
    before, after = change.get("before"), change.get("after")
    if isinstance(before, str) or isinstance(after, str):
        old, new = str(before or ""), str(after or "")
        if "\n" in old or "\n" in new:
            yield f"--- before: {change['what']}"
            yield f"+++ after: {change['what']}"
            yield from unified(old, new)
            return
    yield f"-{change['what']}: {before}"
    yield f"+{change['what']}: {after}"
