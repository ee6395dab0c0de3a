"""A supply with a cache and a lock of its own, and a real file server on the loopback address."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

import pytest

from clusterbook.cluster.artifacts.cache import Cache
from clusterbook.cluster.artifacts.catalog import Component, CRecipe, Release, load
from clusterbook.cluster.artifacts.supply import Supply
from clusterbook.lab.mirror_files import FileServer


@dataclass(frozen=True)
class Served:
    """A folder and where it is served."""

    folder: Path
    url: str


@pytest.fixture
def served(tmp_path):
    """A folder that is served while the test runs."""
    folder = tmp_path / "served"
    folder.mkdir()
    server = FileServer(folder, "127.0.0.1", 0)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield Served(folder, f"http://127.0.0.1:{server.server_address[1]}")
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def settings(tmp_path):
    """A supply that may use everything but builds."""
    return Supply(load(), Cache(tmp_path / "cache"), tmp_path / "lock.yaml", sources=("cache", "mirror", "release"))


@pytest.fixture
def component(served):
    """A component of one file whose release lies on the file server."""
    return made_component(Release(f"{served.url}/{{file}}", f"{served.url}/{{file}}.sha256", None))


def made_component(release: Release | None, files: tuple[str, ...] = ("tool",)) -> Component:
    """A component that is in no catalog."""
    recipe = CRecipe("example.org/tool", "v1.0.0", ("tool.c",), {}, "tool")
    return Component("tool", "1.0.0", "amd64", "A tool", "Apache-2.0", "", files, release, recipe)
