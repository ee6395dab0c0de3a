"""Results as a table: for the screen and, the same text, for a Markdown file."""

from __future__ import annotations

from collections.abc import Sequence


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table with aligned columns; numbers stand to the right."""
    texts = [list(columns), *([_text(cell) for cell in row] for row in rows)]
    widths = [max(len(row[number]) for row in texts) for number in range(len(columns))]
    right = [any(isinstance(row[number], int | float) for row in rows) for number in range(len(columns))]

    def line(cells: Sequence[str]) -> str:
        padded = [cell.rjust(width) if flag else cell.ljust(width)
                  for cell, width, flag in zip(cells, widths, right, strict=True)]  # fmt: skip
        return f"| {' | '.join(padded)} |"

    ruler = "|".join("-" * (width + 1) + (":" if flag else "-") for width, flag in zip(widths, right, strict=True))
    return "\n".join([line(texts[0]), f"|{ruler}|", *(line(row) for row in texts[1:])])


def _text(cell: object) -> str:
    """A cell: two significant decimals for small numbers, none for large ones."""
    if cell is None:
        return "-"
    if isinstance(cell, float):
        return f"{cell:.2f}" if abs(cell) < 10 else f"{cell:.1f}"
    return str(cell)
