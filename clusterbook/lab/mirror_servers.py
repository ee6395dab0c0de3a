"""The two servers of a lab's mirror: started detached, known by pid and start time, ended only by those.

Both run as nobody and see only their own folder: the file server by the one descriptor that it holds, the registry by
a change of root, which it bears because it is one static file.
"""

from __future__ import annotations

import os
import shutil
import socket
import sys
import time
from pathlib import Path

from clusterbook.errors import Failed, InvalidInput
from clusterbook.lab import process
from clusterbook.lab.spec import STATE, LabSpec
from clusterbook.records import dataclass

NOBODY = 65534
READY_SECONDS = 15
PACKAGE_ROOT = Path(__file__).parents[2]
REGISTRY_CONFIGURATION = """\
version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
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


def of_machine(address: str) -> Mirror:
    """This machine's mirror for hosts outside of labs, on one of its addresses."""
    return Mirror(STATE.parent / "mirror" / "served", address)


def check_address(mirror: Mirror) -> None:
    """Raise InvalidInput when the mirror's address is none of this machine, before anything is fetched for it."""
    try:
        with socket.create_server((mirror.address, 0)):
            return
    except OSError as error:
        raise InvalidInput(
            f"{mirror.address!r} is no address of this machine: {(error.strerror or '').partition(' (')[0].lower()}",
            next_step="Give an address that `ip address` shows and that the hosts reach; of a lab: bring it up first.",
        ) from error


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
