"""Paramiko without the reader of e-mail that it has its own version read with, which takes 15 ms of every run."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType


def load_paramiko() -> None:
    """It asks `importlib.metadata` for its version once, when it is loaded."""
    if "importlib.metadata" in sys.modules or "paramiko" in sys.modules:
        return
    stand_in = ModuleType("importlib.metadata")
    stand_in.__dict__["version"] = _version
    sys.modules["importlib.metadata"] = stand_in
    try:
        import paramiko  # noqa: F401
    finally:
        del sys.modules["importlib.metadata"]


def _version(package: str) -> str:
    """The version of an installed package, as the name of its folder says it."""
    for folder in sys.path:
        for found in Path(folder or ".").glob(f"{package}-*.dist-info"):
            return found.name.removeprefix(f"{package}-").removesuffix(".dist-info")
    return "unknown"
