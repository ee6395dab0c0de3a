"""The screen of ansible-playbook, for people and scripts that read it: banners, a line a host, the recap."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import IO, Any

from clusterbook.records import dataclass
from clusterbook.report.ansible_text import as_json, censored, diff_lines, result_of, title, way
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
            self._title(f"{word} [{title(event)}]")
            self._banner = (step, {host})
            if self._look.verbosity >= 2 and event.get("at"):
                self._line(f"task path: {event['at']}", "dark gray")
        else:
            started.add(host)

    def _on_result(self, event: Mapping[str, Any]) -> None:
        result = result_of(event)
        self._stats.take(str(event["host"]), result)
        if self._look.diff:
            self._diff(event)
        items = result.get("results")
        if items is not None and event.get("items") and not event.get("hidden"):
            if event.get("module") not in _INCLUDES:  # of an include `included` told each item
                for item, shown in zip(items, event["items"], strict=False):
                    self._waited(event, item)
                    self._item(event, item, shown)
            if event["status"] == "skipped":
                self._skipped(event, {key: value for key, value in result.items() if key != "results"})
            elif event["status"] == "failed" and not items:
                self._fatal(event, result)
            self._end(event)
            return
        self._waited(event, result)
        if event["status"] == "failed":
            self._fatal(event, result)
        elif event["status"] in ("skipped", "unknown"):  # in check mode commands and what needs them are left out
            self._skipped(event, result)
        elif event.get("module") not in _INCLUDES:
            self._good(event, result)
        self._end(event)

    def _end(self, event: Mapping[str, Any]) -> None:
        if event.get("ignored"):
            self._line("...ignoring", "cyan")

    def _on_meta(self, event: Mapping[str, Any]) -> None:
        self._banner = (None, set())
        self._title(f"TASK [{title(event)}]")
        if event["skipped"] and self._look.show_skipped:
            self._line(f"skipping: [{event['host']}]", "cyan")

    def _on_waiting(self, event: Mapping[str, Any]) -> None:
        self._line(f"ASYNC POLL on {event['host']}: jid={event['jid']} started=True finished=False", "dark gray")

    def _waited(self, event: Mapping[str, Any], result: Mapping[str, Any]) -> None:
        """How the job ended for which a step waited."""
        jid = result.get("async_result", result).get("ansible_job_id")
        if jid and result.get("finished") is not False and event.get("module") != "ansible.builtin.async_status":
            word = "FAILED" if result.get("failed") else "OK"
            self._line(f"ASYNC {word} on {event['host']}: jid={jid}", "dark gray")

    def _on_retry(self, event: Mapping[str, Any]) -> None:
        left = event["tries"] - event["attempt"]
        label = " -> ".join(way(event, event))
        self._line(f"FAILED - RETRYING: [{label}]: {title(event)} ({left} retries left).", "dark gray")

    def _on_unreachable(self, event: Mapping[str, Any]) -> None:
        shown = {"changed": False, "msg": event.get("msg", ""), "unreachable": True}
        self._line(f"fatal: [{self._host(event, event)}]: UNREACHABLE! => {as_json(shown)}", "red")

    def _on_failure(self, event: Mapping[str, Any]) -> None:
        shown = {"changed": False, "msg": event.get("msg", "")}
        self._line(f"fatal: [{event['host']}]: FAILED! => {as_json(shown)}", "red")

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
                self._output.write(f"\t{host or 'RUN'}: {as_json(values)}\n")
            self._output.write("\n")

    def _item(self, event: Mapping[str, Any], item: Mapping[str, Any], shown: Mapping[str, Any]) -> None:
        label = item_label(shown)
        status, host = shown["status"], self._host(event, shown)
        if shown.get("hidden"):
            item = censored(status)
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
        host, *target = way(event, part)
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
            return as_json(shown, indent=4)
        if self._look.verbosity < 3:
            shown.pop("invocation", None)
        for name in ("stdout", "stderr"):
            if name in shown and f"{name}_lines" not in shown and isinstance(shown[name], str):
                shown[f"{name}_lines"] = shown[name].splitlines()
        if shown.get("failed") is False or event["status"] == "failed":
            shown.pop("failed", None)
        if shown.get("skipped") is True:
            shown.pop("skipped")
        long = self._look.verbosity > 2 or event.get("module") == "ansible.builtin.assert"
        return as_json(shown, indent=4 if long else None)

    def _diff(self, event: Mapping[str, Any]) -> None:
        if event.get("hidden"):
            return
        for part in (event, *event.get("items", ())):
            for change in part.get("changes", ()):
                for line in diff_lines(change):
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
