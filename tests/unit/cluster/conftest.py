"""A store of its own for each test, with its key outside of it, as on a person's machine."""

from __future__ import annotations

import os
import signal
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clusterbook.cluster.secrets import Keyring, open_keyring
from clusterbook.cluster.store import FileStore


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    """An empty store in a directory that does not exist yet."""
    return FileStore(tmp_path / "state" / "clusterbook")


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    """Where the key file lives."""
    return tmp_path / "config"


@pytest.fixture
def keyring(store: FileStore, configuration: Path) -> Keyring:
    """The keyring of the store, with a key file."""
    return open_keyring(store, {}, configuration)


def _dying(function: Callable[..., Any], left: list[int]) -> Callable[..., Any]:
    def call(*arguments: Any, **keywords: Any) -> Any:
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left[0] -= 1
        return function(*arguments, **keywords)

    return call


@pytest.fixture
def killed_at() -> Callable[[int, Callable[[], object]], int]:
    """Does something in a process that is killed at its n-th write or sync; the signal that ended it, or 0."""

    def run(count: int, action: Callable[[], object]) -> int:
        process = os.fork()
        if process == 0:
            left = [count]
            os.link, os.fsync, os.unlink = (_dying(each, left) for each in (os.link, os.fsync, os.unlink))
            Path.replace = _dying(Path.replace, left)  # type: ignore[method-assign]
            status = 0
            try:
                action()
            except BaseException:
                traceback.print_exc()
                status = 1
            finally:
                os._exit(status)
        _, status = os.waitpid(process, 0)
        assert not os.WIFEXITED(status) or os.WEXITSTATUS(status) == 0, "the action itself failed: see its traceback"
        return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0

    return run
