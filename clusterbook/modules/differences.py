"""The return key `diff`: what differed, for who asked for it (`diff: true`, --diff). Text whole, the rest by name."""

from __future__ import annotations

from types import ModuleType
from typing import Any, Dict, List, Mapping, Optional, Sequence

from clusterbook.modules.contract import Change, State

Difference = Dict[str, Any]


def with_difference(
    module: ModuleType, values: Mapping[str, Any], state: State, changes: Sequence[Change]
) -> Dict[str, Any]:
    """A module's return keys with `diff`, in the module's own form where it has one; without it when it is empty."""
    own = getattr(module, "difference", None)
    found = own(state, changes) if own is not None else of_changes(changes)
    return {**values, **({"diff": found} if found else {})}


def of_changes(changes: Sequence[Change]) -> Any:
    """The form of modules without one of their own."""
    text = next((change for change in changes if change.what == "content"), None)
    parts = [of_text("", text.before, text.after)] if text is not None else []
    parts.extend(of_attributes(changes))
    return parts[0] if len(parts) == 1 else parts


def of_text(path: str, before: Optional[str], after: Optional[str], source: str = "") -> Difference:
    """Two texts with what stands above them. path: the file; source: where the new text is from, when not the file."""
    headers = {"before_header": path, "after_header": source or path} if path else {}
    return {"before": before or "", "after": after or "", **headers}


def of_attributes(changes: Sequence[Change]) -> List[Difference]:
    """All that is no text in one difference; none when there is nothing."""
    named = [change for change in changes if change.what != "content"]
    if not named:
        return []
    return [{"before": {change.what: change.before for change in named},
             "after": {change.what: change.after for change in named}}]


def of_lines(path: str, changes: Sequence[Change]) -> List[Difference]:
    """A file in which lines change: the text, then owner, group and mode."""
    text = [of_text(f"{path} (content)", change.before, change.after)
            for change in changes if change.what == "content"]
    headers = dict.fromkeys(("before_header", "after_header"), f"{path} (file attributes)")
    return [*text, *({**item, **headers} for item in of_attributes(changes))]
