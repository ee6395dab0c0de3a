"""Real files in temporary directories, the live host and the predicted one."""

from __future__ import annotations

import dataclasses
import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from clusterbook.modules import registry
from clusterbook.modules.contract import Outcome
from clusterbook.modules.perform import perform as perform_unchecked
from clusterbook.modules.system import Source, System
from clusterbook.modules.system.predicted import PredictedSystem
from clusterbook.schema.returned import COMMON, OF_PROGRAMS, RETURNED

Do = Callable[..., Outcome]
TYPES = {"bool": bool, "int": int, "str": str, "list": list, "dict": dict, "raw": object}
# What a failure may name of what it is about, whichever module fails.
ABOUT = ("path", "dest", "src", "url", "name", "file")


def perform(module: str, arguments: Mapping[str, Any], system: System, check: bool) -> Outcome:
    """Run a module, and hold its result against what the reference says that it returns."""
    outcome = perform_unchecked(module, arguments, system, check)
    assert list(unlisted(module, outcome)) == []
    return outcome


def unlisted(module: str, outcome: Outcome) -> Iterator[str]:
    """The values that are not listed for the module, or of another type than there."""
    listed = RETURNED[registry.canonical(module) or ""]
    known = {**COMMON, **listed, **(OF_PROGRAMS if outcome.failed else {})}
    # What the engine shows in place of Ansible's words is not registered.
    registered = {name: value for name, value in outcome.values.items() if name != "explained"}
    for name, value in registered.items():
        if name in known:
            if value is not None and not isinstance(value, TYPES[known[name].type]):
                yield f"{name} is {value!r}, not {known[name].type}"
        elif "HEADER" not in listed and not (outcome.failed and name in ABOUT):
            yield name


def local_files(root: Path) -> Callable[[str], Source]:
    """Files below a directory in the place of the local machine's."""

    def source(name: str) -> Source:
        path = root / name
        if path.is_dir():
            return Source(name, "directory", 0o755, 0, "", sorted(child.name for child in path.iterdir()), lambda: b"")
        data = path.read_bytes()
        mode = path.stat().st_mode & 0o7777
        return Source(name, "file", mode, len(data), hashlib.sha256(data).hexdigest(), (), path.read_bytes)

    return source


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """The directory of the local machine's files."""
    path = tmp_path / "sources"
    path.mkdir()
    return path


@pytest.fixture
def host(tmp_path: Path, sources: Path) -> System:
    """The live host."""
    return System(source=local_files(sources), state_directory=str(tmp_path / "agent"))


@pytest.fixture
def predicted(sources: Path) -> PredictedSystem:
    """The predicted host."""
    return PredictedSystem(source=local_files(sources))


@pytest.fixture
def do(host: System) -> Do:
    """Run a module on the live host."""

    def run(module: str, **arguments: Any) -> Outcome:
        return perform(module, arguments, host, False)

    return run


@pytest.fixture
def plan(predicted: PredictedSystem) -> Do:
    """Run a module on the predicted host, in check mode."""

    def run(module: str, **arguments: Any) -> Outcome:
        return perform(module, arguments, predicted, True)

    return run


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory of the host."""
    path = tmp_path / "host"
    path.mkdir()
    return path


class Quiet(SimpleHTTPRequestHandler):
    """Serves files without a word, and echoes what is posted."""

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""

    def do_POST(self) -> None:
        """Give the body back."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(201)
        self.send_header("Content-Type", self.headers.get("Content-Type", "text/plain"))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@dataclasses.dataclass(frozen=True)
class Web:
    """A web server on loopback and the directory that it serves."""

    address: str
    root: Path


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    """A real web server."""
    root = tmp_path / "web"
    root.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(root)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield Web(f"http://127.0.0.1:{server.server_address[1]}", root)
    server.shutdown()
    thread.join()
    server.server_close()


def tree(root: Path) -> Mapping[str, object]:
    """Everything below a directory: kind, mode, owner, content."""
    found: dict[str, object] = {}
    for path in sorted(root.rglob("*")):
        status = path.lstat()
        content: object = path.readlink() if path.is_symlink() else path.read_bytes() if path.is_file() else None
        found[str(path.relative_to(root))] = (status.st_mode, status.st_uid, status.st_gid, content)
    return found
