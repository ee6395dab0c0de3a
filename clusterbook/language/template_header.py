"""The first line of a template that says how the rest is read: `#jinja2: lstrip_blocks: True, trim_blocks: False`."""

from __future__ import annotations

from typing import Any, Dict, Tuple

from clusterbook.language.environment import ExpressionError

BEGINNING = "#jinja2:"
DELIMITERS = (
    "block_start_string", "block_end_string", "variable_start_string", "variable_end_string", "comment_start_string",
    "comment_end_string",
)
SETTINGS = (
    *DELIMITERS, "line_statement_prefix", "line_comment_prefix", "trim_blocks", "lstrip_blocks", "newline_sequence",
    "keep_trailing_newline",
)


def without_header(text: str) -> Tuple[str, Dict[str, Any]]:
    """The text without that line, and what the line says, which beats the parameters. Raises ExpressionError."""
    if not text.startswith(BEGINNING):
        return text, {}
    line, end, rest = text[len(BEGINNING):].partition("\n")
    if not end:
        raise ExpressionError(f"nothing follows the line {BEGINNING!r}")
    return rest, dict(_setting(pair) for pair in line.split(","))


def _setting(pair: str) -> Tuple[str, Any]:
    import ast  # few templates have such a line

    name, separator, written = pair.partition(":")
    if name.strip() not in SETTINGS or not separator:
        raise ExpressionError(f"the line {BEGINNING!r} has {pair.strip()!r}, expected NAME: VALUE with one of the "
                              f"names {', '.join(SETTINGS)}")
    try:
        return name.strip(), ast.literal_eval(written.strip())
    except (ValueError, SyntaxError):
        raise ExpressionError(
            f"the line {BEGINNING!r} has {written.strip()!r}, expected True, False or text in quotes") from None
