"""When a file was read and written last: the parameters of module file that set it."""

from __future__ import annotations

import time
from typing import Any, Iterator, List, Mapping, Optional, Tuple

from clusterbook.modules.contract import Arguments, Change, ModuleFailed, Parameter, State
from clusterbook.modules.system import System
from clusterbook.modules.system.files import FileState

NOW = "now"
_FORMAT = "%Y%m%d%H%M.%S"
_SAID = "preserve, now, or a time; by default now for touch, else preserve."
TIME_PARAMETERS: Mapping[str, Parameter] = {
    "access_time": Parameter("str", _SAID),
    "access_time_format": Parameter("str", "Form of access_time.", default=_FORMAT),
    "modification_time": Parameter("str", _SAID),
    "modification_time_format": Parameter("str", "Form of modification_time.", default=_FORMAT),
}
_KINDS = (("access_time", "accessed"), ("modification_time", "modified"))
NAMES = tuple(name.replace("_", " ") for name, _ in _KINDS)


def observed_times(found: Optional[FileState]) -> Mapping[str, int]:
    """The times of what is there, in nanoseconds since the epoch."""
    return {name: getattr(found, attribute) for name, attribute in _KINDS} if found is not None else {}


def time_changes(arguments: Arguments, state: State) -> List[Change]:
    """Times that are not as wanted; `now` never is."""
    return [Change(name.replace("_", " "), written(before), NOW if after is None else written(after))
            for name, before, after in _wanted(arguments, state) if after != before]


def set_times(arguments: Arguments, state: State, system: System) -> None:
    """Set what differs; `now` is one moment for both."""
    now = time.time_ns()
    found = {name: now if after is None else after for name, _, after in _wanted(arguments, state)}
    if time_changes(arguments, state):
        system.files.times(state["path"], found["access_time"], found["modification_time"])


def _wanted(arguments: Arguments, state: State) -> Iterator[Tuple[str, int, Optional[int]]]:
    """(parameter, nanoseconds before, after), after is None for now."""
    for name, before in state["times"].items():
        value = arguments[name] or (NOW if state["state"] == "touch" else "preserve")
        yield name, before, before if value == "preserve" else None if value == NOW else moment(arguments, name)


def moment(arguments: Arguments, name: str) -> int:
    """A time argument in nanoseconds since the epoch."""
    value, form = arguments[name], arguments[name + "_format"]
    try:
        return int(time.mktime(time.strptime(value, form))) * 1_000_000_000
    except (ValueError, OverflowError):
        raise ModuleFailed(f"{name} is {value!r}, expected the form {form}") from None


def written(nanoseconds: int) -> Any:
    """A time as people read it."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(nanoseconds / 1e9))
