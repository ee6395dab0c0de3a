"""Files as bytes and as UTF-8 text, with an error that says what is wrong with them."""

from __future__ import annotations

from pathlib import Path

from clusterbook.errors import InvalidInput, Position

MAXIMUM_BYTES = 32 * 1024 * 1024


def read_text(path: Path) -> str:
    """A text file (a template source, a playbook) as UTF-8, without a byte order mark."""
    data = read_bytes(path)
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise InvalidInput(
            "the file is UTF-16, not UTF-8",
            where=Position(str(path)),
            next_step="Save it as UTF-8.",
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        good = data[: error.start].decode("utf-8")
        raise InvalidInput(
            f"byte 0x{data[error.start]:02x} is not UTF-8",
            where=position_at(good, len(good), str(path)),
            next_step="Save the file as UTF-8.",
        ) from None


def read_bytes(path: Path) -> bytes:
    """A file's content. Raises InvalidInput when it cannot be read or is larger than 32 MiB."""
    try:
        if path.stat().st_size > MAXIMUM_BYTES:
            raise InvalidInput("the file is larger than 32 MiB", where=Position(str(path)))
        return path.read_bytes()
    except OSError as error:
        reason = "there is no such file" if isinstance(error, FileNotFoundError) else str(error.strerror).lower()
        raise InvalidInput(
            f"cannot read {str(path)!r}: {reason}",
            where=Position(str(path)),
            next_step="Check the path and its permissions.",
        ) from None


def position_at(text: str, offset: int, file: str) -> Position:
    """The line and column of the character at an offset."""
    line = text.count("\n", 0, offset) + 1
    return Position(file, line, offset - (text.rfind("\n", 0, offset) + 1) + 1)
