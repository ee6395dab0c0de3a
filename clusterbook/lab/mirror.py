"""The lab's mirror: one file server and one image registry on the lab machine's own address.

Hosts of a lab get every binary and image from here, under the names and sums that they would use anywhere, so a lab
without network proves what an installation without network does. Both servers run as nobody and see only their own
folder; they are known by pid and start time and are only ended by those.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clusterbook.cluster.artifacts import supply as supplies
from clusterbook.cluster.artifacts.documents import write
from clusterbook.cluster.artifacts.publish import COMPONENTS, IMAGES, TEST_IMAGES, collect, publish, variables
from clusterbook.cluster.artifacts.registry import push
from clusterbook.cluster.artifacts.supply import Supply
from clusterbook.errors import ClusterbookError, Failed
from clusterbook.lab import process, record
from clusterbook.lab.spec import LabSpec

NOBODY = 65534
READY_SECONDS = 15
PACKAGE_ROOT = Path(__file__).parents[2]
REGISTRY_CONFIGURATION = """\
version: 0.1
log: {{level: warn, accesslog: {{disabled: true}}}}
storage: {{filesystem: {{rootdirectory: /data}}, maintenance: {{uploadpurging: {{enabled: false}}}}}}
http: {{addr: "{address}:{port}"}}
"""


@dataclass(frozen=True)
class Mirror:
    """One mirror. directory: its folder, for root only; address: the one address that it listens on."""

    directory: Path
    address: str
    files_port: int = 8080
    registry_port: int = 5000

    @property
    def files_url(self) -> str:
        """Where hosts fetch files."""
        return f"http://{self.address}:{self.files_port}"

    @property
    def registry_url(self) -> str:
        """Where hosts fetch images."""
        return f"http://{self.address}:{self.registry_port}"

    @property
    def files(self) -> Path:
        """The folder that the file server shows."""
        return self.directory / "files"

    @property
    def registry(self) -> Path:
        """The folder that is the registry's whole file system."""
        return self.directory / "registry"

    @property
    def variables(self) -> Path:
        """The inventory variables of what the mirror holds."""
        return self.directory.parent / "artifacts.yml"

    def record(self, server: str) -> Path:
        """Where the identity of one of its servers is kept."""
        return self.directory / f"{server}.json"


def of_lab(spec: LabSpec) -> Mirror:
    """The mirror of a lab, on the lab machine's own address in the lab's network."""
    return Mirror(spec.directory / "mirror", spec.gateway, spec.files_port, spec.registry_port)


def up(
    mirror: Mirror, settings: Supply, components: tuple[str, ...] = COMPONENTS,
    images: tuple[str, ...] = (*IMAGES, *TEST_IMAGES), versions: dict[str, str] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Bring everything into the cache, serve it, and return the inventory variables. Twice changes nothing."""
    collection = collect(settings, components, images, versions)
    registry = supplies.supply(settings, settings.catalog.component("registry"))
    mirror.files.mkdir(parents=True, exist_ok=True)
    publish(collection, mirror.files)
    start(mirror, registry.files["registry"])
    for image in collection.images:
        push(mirror.registry_url, image)
    found = variables(collection, mirror.files_url, mirror.registry_url)
    write(mirror.variables, found, "# What the mirror holds. Written when it starts.\n")
    return found


def start(mirror: Mirror, registry_program: Path) -> bool:
    """Start both servers unless they run. Whether anything was started."""
    mirror.files.mkdir(parents=True, exist_ok=True)
    changed = _start(mirror, "files", mirror.files_port, _file_server(mirror))
    configured = _prepare_registry(mirror, registry_program)
    if configured:
        process.stop(process.read_record(mirror.record("registry")))
    return _start(mirror, "registry", mirror.registry_port, _registry_server(mirror)) or changed


def stop(mirror: Mirror) -> bool:
    """Stop both servers; whether one of them ran. What the mirror holds stays."""
    ran = False
    for server in ("files", "registry"):
        known = process.read_record(mirror.record(server))
        ran = process.alive(known) or ran
        process.stop(known)
        mirror.record(server).unlink(missing_ok=True)
    return ran


def status(mirror: Mirror) -> dict[str, bool]:
    """Which of the servers run."""
    return {server: process.alive(process.read_record(mirror.record(server))) for server in ("files", "registry")}


def _start(mirror: Mirror, server: str, port: int, argv: list[str]) -> bool:
    if process.alive(process.read_record(mirror.record(server))):
        return False
    if _answers(mirror.address, port):
        raise Failed(f"another program listens on {mirror.address}:{port}",
                     next_step="Stop it, or give the mirror another port.")  # fmt: skip
    log = mirror.directory / f"{server}.log"
    log.unlink(missing_ok=True)
    environment = {"PATH": os.environ.get("PATH", os.defpath), "OTEL_TRACES_EXPORTER": "none",
                   "PYTHONPATH": str(PACKAGE_ROOT), "PYTHONDONTWRITEBYTECODE": "1"}  # fmt: skip
    started = process.start(argv, log, mirror.record(server), environment)
    deadline = time.monotonic() + READY_SECONDS
    while not _answers(mirror.address, port):
        if not process.alive(started) or time.monotonic() > deadline:
            process.stop(started)
            raise Failed(f"the mirror's {server} server does not run: {process.tail(log)}",
                         next_step=f"Check that {mirror.address} is an address of this machine.")  # fmt: skip
        time.sleep(0.05)
    return True


def _file_server(mirror: Mirror) -> list[str]:
    return [sys.executable, "-m", "clusterbook.lab.mirror_files", str(mirror.files),
            "--address", mirror.address, "--port", str(mirror.files_port)]  # fmt: skip


def _registry_server(mirror: Mirror) -> list[str]:
    """The registry is one static file: a change of root keeps it inside its own folder."""
    prefix = ["chroot", f"--userspec={NOBODY}:{NOBODY}", str(mirror.registry)] if os.geteuid() == 0 else []
    return [*prefix, "/registry", "serve", "/config.yml"]


def _prepare_registry(mirror: Mirror, program: Path) -> bool:
    """Lay out the registry's folder; whether its program or configuration changed."""
    data = mirror.registry / "data"
    data.mkdir(parents=True, exist_ok=True)
    os.chown(data, NOBODY, NOBODY)
    text = REGISTRY_CONFIGURATION.format(address=mirror.address, port=mirror.registry_port)
    configuration, target = mirror.registry / "config.yml", mirror.registry / "registry"
    if configuration.exists() and configuration.read_text() == text and _same_program(target, program):
        return False
    configuration.write_text(text)
    target.unlink(missing_ok=True)
    shutil.copy2(program, target)
    return True


def _same_program(copy: Path, program: Path) -> bool:
    """Whether a copy was made of this very file; copies keep the time of what they were made of."""
    if not copy.exists():
        return False
    made, original = copy.stat(), program.stat()
    return (made.st_size, made.st_mtime) == (original.st_size, original.st_mtime)


def _answers(address: str, port: int) -> bool:
    try:
        with socket.create_connection((address, port), timeout=1):
            return True
    except OSError:
        return False


def main(arguments: list[str]) -> int:
    """start, stop and status of one lab's mirror."""
    parser = argparse.ArgumentParser(prog="python -m clusterbook.lab.mirror", description=__doc__)
    parser.add_argument("action", choices=("start", "stop", "status"))
    parser.add_argument("--lab", default="lab", help="name of a lab that is up")
    options = parser.parse_args(arguments)
    try:
        mirror = of_lab(record.read_spec(options.lab))
        if options.action == "start":
            up(mirror, supplies.default(_say))
        elif options.action == "stop":
            stop(mirror)
        _print(" ".join(f"{server}={'running' if runs else 'stopped'}" for server, runs in status(mirror).items()))
    except ClusterbookError as error:
        _print(f"{error.message}\n{error.next_step}")
        return error.exit_code
    return 0


def _say(event: Any) -> None:
    if event.kind in ("started", "done"):
        _print(f"{event.artifact}: {event.kind} {event.detail}")


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
