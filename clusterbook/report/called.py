"""How the program was started. Texts say `invoke TASK`; who has only `clusterbook` reads what can be typed there."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

NEXT = "next_step"
_CALL = re.compile(r"(?<![\w-])invoke (?=[a-z])")


def program() -> str:
    """The name to call it by: `clusterbook` when it was started so (or as a module, or as the shim), else `invoke`."""
    started = Path(sys.argv[0])
    return "clusterbook" if started.name.startswith("clusterbook") or started.parent.name == "clusterbook" else "invoke"


def as_called(text: str, name: str = "") -> str:
    """A text of ours whose commands begin with the program's name. name: that of a page, else as it was started."""
    return _CALL.sub(f"{name or program()} ", text)


def next_as_called(value: Any) -> Any:
    """The same for every `next_step` in a value that is shown as JSON."""
    if isinstance(value, Mapping):
        return {key: as_called(part) if key == NEXT and isinstance(part, str) else next_as_called(part)
                for key, part in value.items()}  # fmt: skip
    return [next_as_called(part) for part in value] if isinstance(value, list | tuple) else value
