"""Modes of files, as written: the number's own text tells whether it is octal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from clusterbook.errors import Position
from clusterbook.language.values import Template
from clusterbook.lint.expressions import lines_of
from clusterbook.lint.findings import Finding
from clusterbook.lint.material import Material, Step

# Modules that make a file which was not there; without a mode, the umask of that day decides.
_MAKERS = ("copy", "template", "get_url", "assemble")
_WORLD_WRITES = re.compile(r"(?:^|,)[ug]*[oa][ugoa]*[+=][rxXst]*w|^\+w|(?:^|,)[ug]*a[ugo]*[+=]\w*w")
_STICKY = 0o1000


def check(material: Material) -> Iterator[Finding]:
    """All findings about modes."""
    for step in material.steps:
        for name in ("mode", "directory_mode"):
            if name in step.arguments:
                yield from _mode(step, name, step.arguments[name])
        if "mode" not in step.arguments and (step.module in _MAKERS or _touches(step)) and step.arguments:
            yield Finding("risky-file-mode", f"{step.module} makes a file, and nothing says with which mode",
                          step.at(step.module_key), "Add 'mode', such as \"0644\", or \"0600\" for secrets."
                          )  # fmt: skip


def _touches(step: Step) -> bool:
    return step.module == "file" and step.arguments.get("state") in ("touch", "directory")


def _mode(step: Step, name: str, mode: Any) -> Iterator[Finding]:
    where = getattr(step.arguments, "values_at", {}).get(name, step.at(step.module_key))
    if isinstance(mode, Template) or mode is None:
        return
    if isinstance(mode, int) and not _written_octal(where):
        yield Finding("risky-file-mode", f"{name} {mode} is a decimal number, which means {oct(mode)[2:]:0>4}", where,
                      f'Write it in quotes: "0{mode}".')  # fmt: skip
    elif _everybody_writes(mode):
        shown = f"0{mode:o}" if isinstance(mode, int) else mode
        yield Finding("risky-file-mode", f"{name} {shown} lets everybody on the host write", where,
                      "Take the right away from others, such as \"0644\" or \"0755\".")  # fmt: skip


def _written_octal(where: Position) -> bool:
    lines = lines_of(where.file)
    if not 0 < where.line <= len(lines):
        return True
    return lines[where.line - 1][where.column - 1 :].startswith("0")


def _everybody_writes(mode: Any) -> bool:
    if isinstance(mode, str) and not mode.strip().isdigit():
        return bool(_WORLD_WRITES.search(mode))
    bits = mode if isinstance(mode, int) else int(mode, 8) if not set(mode.strip()) - set("01234567") else 0
    return bool(bits & 0o002) and not bits & _STICKY
