"""Modules of the standard library that are loaded when something of them is first used.

A host spends more on loading modules than on a short play, and most of what Jinja2 and the agent import is for what a
play seldom does: start programs, look at addresses, draw lots. While the agent is loaded, stand-ins take their places;
`from module import name` gives something that is looked up at its first call. Only functions, and classes that are
called or asked for their instances, can be had so: no bases, no exceptions (tests/contract/test_late.py).
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any, Iterator, Sequence

# By what `python -X importtime` says; all together a quarter of the agent's start.
LATE = (
    "ast", "base64", "datetime", "hashlib", "hmac", "importlib.util", "inspect", "ipaddress", "ntpath", "numbers",
    "pprint", "random", "secrets", "selectors", "shlex", "subprocess", "textwrap", "traceback", "urllib.parse",
)  # fmt: skip


def real(name: str) -> ModuleType:
    """The module itself, also while others get its stand-in."""
    if isinstance(sys.modules.get(name), StandIn):
        del sys.modules[name]
    return import_module(name)


class Late:
    """What a name of a module means, looked up when it is used."""

    def __init__(self, module: str, name: str) -> None:
        self._place = (module, name)

    def _real(self) -> Any:
        module, name = self._place
        return getattr(real(module), name)

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return self._real()(*arguments, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real(), name)

    def __instancecheck__(self, value: object) -> bool:
        return isinstance(value, self._real())


class StandIn(ModuleType):
    """In the place of a module: while others are loaded its names are late, after that they are its own."""

    loading = True

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if self.loading:
            return Late(self.__name__, name)
        value = getattr(real(self.__name__), name)
        setattr(self, name, value)
        return value


def load_all() -> None:
    """All of them now: another user may not be able to read where this Python is."""
    for name in LATE:
        import_module(name)


@contextmanager
def late(names: Sequence[str] = LATE) -> Iterator[None]:
    """Load what is loaded meanwhile without these modules, unless they are there already."""
    stand_ins = {name: StandIn(name) for name in names if name not in sys.modules}
    sys.modules.update(stand_ins)
    try:
        yield
    finally:
        for name, module in stand_ins.items():
            module.loading = False
            if sys.modules.get(name) is module:
                del sys.modules[name]
