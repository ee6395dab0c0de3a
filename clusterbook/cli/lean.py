"""Invoke without what only its own tests and configuration files use, which takes 50 ms of every run."""

from __future__ import annotations

import sys
from types import ModuleType

import yaml


def load_invoke() -> None:
    """Its class for tests derives from `unittest.mock`, which brings asyncio; its YAML reader is one like ours."""
    stand_in = ModuleType("unittest.mock")
    stand_in.__dict__["Mock"] = None
    known = sys.modules.setdefault("unittest.mock", stand_in)
    sys.modules.setdefault("invoke.vendor.yaml", yaml)
    try:
        import invoke  # noqa: F401
    finally:
        if known is stand_in:
            del sys.modules["unittest.mock"]


def keep_compiled() -> None:
    """Python keeps what it compiles, unless the person forbids it; Invoke forbids it for all that it calls.

    In a clone, half of a short run would be spent on compiling the same files again.
    """
    sys.dont_write_bytecode = bool(sys.flags.dont_write_bytecode)
