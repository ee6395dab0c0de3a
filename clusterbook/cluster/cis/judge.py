"""Judges a host by a control: what is wrong there, in words, or nothing."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml
from testinfra.host import Host as Testhost

from clusterbook.cluster.cis.controls import Control
from clusterbook.cluster.verification.service import Service

_ABSENT = object()
NOT_THERE = "not there"
SHOWN = 3
"""Files of which it is said that they are wrong; of more, how many."""


class Judge:
    """What is asked of one host, each thing once."""

    def __init__(self, host: Testhost, variables: Mapping[str, Any]) -> None:
        """host: seen as root. variables: its own, for paths that name one in braces."""
        self._host = host
        self._variables = variables
        self._stats: dict[str, list[list[str]]] = {}
        self._arguments: dict[str, dict[str, str]] = {}
        self._documents: dict[str, Any] = {}

    def wrong(self, control: Control) -> str:
        """What is not as the control wants it; empty when all is. A control with a waiver is not for this."""
        found = {"files": self._files, "unit": self._unit, "file": self._file, "differ": self._differ}
        return "; ".join(found[control.judged_by](control))

    def _files(self, control: Control) -> Iterator[str]:
        paths = [path.format_map(self._variables) for path in control.files]
        found = [entry for path in paths for entry in self._stat(path)]
        if not all(map(self._stat, paths)):
            yield f"{' '.join(paths)}: {NOT_THERE}"
        most = int(control.mode, 8) if control.mode else 0o7777
        bad = [
            f"{path} is {mode} {owner}"
            for mode, owner, path in found
            if int(mode, 8) & ~most or control.owner not in ("", owner)
        ]
        yield from bad[:SHOWN]
        if len(bad) > SHOWN:
            yield f"and {len(bad) - SHOWN} more"

    def _unit(self, control: Control) -> Iterator[str]:
        given = self._arguments_of(control.unit)
        if not given:
            yield f"{control.unit} does not run"
            return
        yield from (f"{name} is not given" for name in control.present if not given.get(name))
        yield from (f"{name} is given" for name in control.absent if name in given)
        for name, value in control.equals.items():
            if given.get(name) != value:
                yield f"{name} is {given.get(name, 'not given')}"
        for name, least in control.least.items():
            if not given.get(name, "").isdigit() or int(given[name]) < least:
                yield f"{name} is {given.get(name, 'not given')}"
        for name, values in control.includes.items():
            yield from (f"{name} has no {value}" for value in values if value not in given.get(name, "").split(","))
        for name, values in control.excludes.items():
            yield from (f"{name} has {value}" for value in values if value in given.get(name, "").split(","))

    def _file(self, control: Control) -> Iterator[str]:
        if control.settings or control.least:
            yield from self._settings(control, self._document(control.file))
        for line in control.lines:
            if self._host.run("grep --quiet --extended-regexp -e %s %s", line, control.file).rc:
                yield f"{control.file} has no line {line!r}"

    def _settings(self, control: Control, document: Any) -> Iterator[str]:
        if document is _ABSENT:
            yield f"{control.file}: {NOT_THERE}"
            return
        for name, wanted in control.settings.items():
            value = _at(document, name.split("."))
            if value is _ABSENT or value != wanted or isinstance(value, bool) is not isinstance(wanted, bool):
                yield f"{name} is {'not set' if value is _ABSENT else value}"
        for name, least in control.least.items():
            value = _at(document, name.split("."))
            if not isinstance(value, int) or value < least:
                yield f"{name} is {'not set' if value is _ABSENT else value}"

    def _differ(self, control: Control) -> Iterator[str]:
        done = self._host.run("cmp --silent -- %s %s", *control.differ)
        if done.rc == 0:
            yield f"{' and '.join(control.differ)} are the same"
        elif done.rc > 1:
            yield f"{' or '.join(control.differ)}: {NOT_THERE}"

    def _stat(self, path: str) -> list[list[str]]:
        """Mode, owner and name of each file of a pattern; none when one or all of them are not there."""
        if path not in self._stats:
            done = self._host.run(f"stat --format='%a %U:%G %n' -- {_pattern(path)}")
            self._stats[path] = [] if done.rc else [line.split(" ", 2) for line in done.stdout.splitlines()]
        return self._stats[path]

    def _arguments_of(self, unit: str) -> dict[str, str]:
        """--NAME=VALUE of the unit's running program, by name; none when it does not run."""
        if unit not in self._arguments:
            running = self._host.run("systemctl is-active --quiet %s", unit).rc == 0
            words = Service(self._host, unit).arguments if running else []
            parts = (word.partition("=") for word in words)
            self._arguments[unit] = {name: value if sign else "true" for name, sign, value in parts}
        return self._arguments[unit]

    def _document(self, path: str) -> Any:
        """A YAML file of the host, or nothing: it is data, read by a safe loader."""
        if path not in self._documents:
            done = self._host.run("cat %s", path)
            try:
                self._documents[path] = _ABSENT if done.rc else yaml.safe_load(done.stdout)
            except yaml.YAMLError:
                self._documents[path] = _ABSENT
        return self._documents[path]


def _pattern(path: str) -> str:
    """A path for the shell, of which only `*` is a pattern."""
    return "".join(part if part == "*" else shlex.quote(part) for part in re.split(r"(\*)", path) if part)


def _at(document: Any, names: Sequence[str]) -> Any:
    for name in names:
        if not isinstance(document, Mapping) or name not in document:
            return _ABSENT
        document = document[name]
    return document
