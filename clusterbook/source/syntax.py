"""What the YAML parser complains of, in words that help."""

from __future__ import annotations

import re

import yaml

from clusterbook.errors import InvalidInput, Position


def syntax_error(error: yaml.MarkedYAMLError, text: str, file: str) -> InvalidInput:
    """A parser's complaint as one sentence, its place and the usual cure."""
    mark = error.problem_mark or error.context_mark
    where = Position(file, mark.line + 1, mark.column + 1) if mark else Position(file)
    problem = (error.problem or str(error)).strip()
    message, next_step = f"this is not YAML: {problem}", "Correct the syntax at this place or just before it."
    lines = text.splitlines()
    line = lines[where.line - 1] if 0 < where.line <= len(lines) else ""
    if "\t" in line[: len(line) - len(line.lstrip())]:
        message, next_step = "a tab is used for indentation", "Indent with spaces."
        where = Position(file, where.line, line.index("\t") + 1)
    elif re.search(r":\s+\{\{", line) or re.search(r"^\s*-\s+\{\{", line):
        next_step = 'Quote the whole value when it starts with an expression: "{{ name }}".'
    elif opened := _left_open(error, lines):
        message, next_step = f"{lines[opened.line][opened.column]!r} is opened here and never closed", "Close it."
        where = Position(file, opened.line + 1, opened.column + 1)
    elif "mapping values are not allowed" in problem:
        next_step = "Quote the text that holds ': ', or correct the indentation."
    return InvalidInput(message, where=where, next_step=next_step)


def _left_open(error: yaml.MarkedYAMLError, lines: list[str]) -> yaml.Mark | None:
    """The bracket or quote that the parser still looks for the end of, some lines later."""
    mark, start = error.problem_mark, error.context_mark
    if mark is None or start is None or mark.line <= start.line or start.line >= len(lines):
        return None
    return start if lines[start.line][start.column:start.column + 1] in tuple("[{\"'") else None
