"""Permission bits as people write them: octal text, a number, or symbolic (u=rwX,g-w)."""

from __future__ import annotations

import re
from typing import Any

from clusterbook.modules.contract import ModuleFailed

CLAUSE = re.compile(r"^([ugoa]*)((?:[-+=](?:[ugo]|[rwxXst]*))+)$")
ACTION = re.compile(r"([-+=])([ugo]|[rwxXst]*)")
SHIFTS = {"u": 6, "g": 3, "o": 0}
BITS = {"r": 4, "w": 2, "x": 1}


def parse_mode(value: Any, current: int, is_directory: bool, umask: int) -> int:
    """The wanted permission bits. current: the bits now (or those of a new file), which symbolic forms change."""
    if isinstance(value, int) and not isinstance(value, bool):
        return checked(value, value)
    text = str(value).strip()
    if re.fullmatch(r"[0-7]+", text):
        return checked(int(text, 8), value)
    for clause in text.split(","):
        match = CLAUSE.match(clause)
        if match is None:
            raise ModuleFailed(
                f"mode is {value!r}, expected octal digits or a form like u=rw,g=r",
                next_step="Write the mode as a quoted octal number, for example '0644'.", parameter="mode",
            )
        current = apply_clause(match.group(1), match.group(2), current, is_directory, umask)
    return current


def checked(mode: int, value: Any) -> int:
    """Refuse numbers that are no permission bits (often octal written without quotes)."""
    if not 0 <= mode <= 0o7777:
        raise ModuleFailed(
            f"mode is {value!r}, which is no set of permission bits",
            next_step="Write the mode as a quoted octal number, for example '0644'.", parameter="mode",
        )
    return mode


def apply_clause(who: str, actions: str, mode: int, is_directory: bool, umask: int) -> int:
    """One clause such as g+rX. Without a who it is for all, less the umask."""
    mask = 0o7777 if who else 0o7777 & ~umask
    classes = "ugo" if not who or "a" in who else who
    for operator, permissions in ACTION.findall(actions):
        wanted = permission_bits(classes, permissions, mode, is_directory) & mask
        if operator == "+":
            mode |= wanted
        elif operator == "-":
            mode &= ~wanted
        else:
            cleared = sum(7 << SHIFTS[name] for name in set(classes))
            cleared |= (0o4000 if "u" in classes else 0) | (0o2000 if "g" in classes else 0)
            mode = (mode & ~cleared) | wanted
    return mode


def permission_bits(classes: str, permissions: str, mode: int, is_directory: bool) -> int:
    """The bits that the letters mean for the classes (u, g, o)."""
    if permissions in SHIFTS:
        copied = mode >> SHIFTS[permissions] & 7
        return sum(copied << SHIFTS[name] for name in set(classes))
    bits = 0
    for letter in permissions:
        if letter == "X":
            letter = "x" if is_directory or mode & 0o111 else ""
        for name in set(classes):
            bits |= BITS.get(letter, 0) << SHIFTS[name]
        if letter == "s":
            bits |= (0o4000 if "u" in classes else 0) | (0o2000 if "g" in classes else 0)
        elif letter == "t":
            bits |= 0o1000
    return bits


def mode_text(mode: int) -> str:
    """Four octal digits, as Ansible returns them."""
    return f"{mode:04o}"
