"""A store of its own for each test, with its key outside of it, as on a person's machine."""

from __future__ import annotations

from pathlib import Path

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
