"""A whole lab: up, down, status, reset. Each may be repeated, and may follow a run that was killed."""

from __future__ import annotations

import fcntl
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from clusterbook.errors import ClusterbookError, Failed
from clusterbook.lab import apt_cache, cgroups, host, keys, network, process, record, requirements, rootfs, sysctl
from clusterbook.lab.ec2 import names
from clusterbook.lab.spec import STATE, LabHost, LabSpec, check
from clusterbook.records import dataclass

Progress = Callable[[str], None]
LOCKS = Path("/run/lock")
# More at once only makes each of them wait: a booting host keeps a core busy.
_AT_ONCE = 8
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class LabStatus:
    """How a lab is. hosts in the spec's order."""

    spec: LabSpec
    bridge: bool
    masquerade: bool
    apt_cache: bool
    hosts: tuple[host.HostStatus, ...]

    @property
    def up(self) -> bool:
        """Whether everything runs."""
        return self.bridge and all(one.state == "running" for one in self.hosts)


def up(spec: LabSpec, progress: Progress = lambda line: None) -> tuple[str, ...]:
    """Bring a lab up and wait until every host is ready. Returns what was changed; nothing on a second run.

    Hosts that the spec no longer has, or has with another address or image, are removed.
    """
    check(spec)
    requirements.check(spec)
    with _locked(spec.name):
        _remove_other(spec, progress)
        bases = {image: rootfs.base(image, progress) for image in sorted({one.image for one in spec.hosts})}
        rootfs.prune([*bases.values(), *_used_bases()], time.time())
        changes = _prepare(spec, progress)
        changes += _remove_strangers(spec)
        public_key = keys.ensure_key(spec.directory / "id_ed25519", f"{spec.name} lab")
        _write_known_hosts(spec)
        changes += [
            line
            for line in _parallel(lambda one: _bring_up(spec, one, bases[one.image], public_key), spec.hosts)
            if line
        ]
    for line in changes:
        progress(line)
    return tuple(changes)


def ground(spec: LabSpec, progress: Progress = lambda line: None) -> tuple[str, ...]:
    """What hosts will stand on, for a lab whose hosts come later: bridge, masquerading, package cache."""
    check(spec)
    requirements.check(spec)
    with _locked(spec.name):
        _remove_other(spec, progress)
        before = record.read_spec(spec.name) if spec.name in record.names() else spec
        return tuple(_prepare(replace(spec, hosts=before.hosts), progress))


def down(spec: LabSpec, progress: Progress = lambda line: None) -> tuple[str, ...]:
    """Stop a lab and remove everything of it but the caches. Returns what was removed."""
    requirements.check_root()
    with _locked(spec.name):
        removed = _remove_all(spec, progress)
    for line in removed:
        progress(line)
    return removed


def status(spec: LabSpec) -> LabStatus:
    """How a lab is now."""
    return LabStatus(
        spec=spec,
        bridge=network.bridge_exists(spec),
        masquerade=network.masquerades(spec),
        apt_cache=apt_cache.running(spec),
        hosts=tuple(host.status(spec, one) for one in spec.hosts),
    )


def reset_host(spec: LabSpec, name: str) -> None:
    """Make one host bare again and boot it. Its address, ssh host key and machine id stay."""
    reset_hosts(spec, [name])


def reset_hosts(spec: LabSpec, names: Iterable[str], progress: Progress = lambda line: None) -> None:
    """Make hosts bare again and boot them, at the same time."""
    chosen = [spec.host(name) for name in names]
    requirements.check_root()
    public_key = keys.ensure_key(spec.directory / "id_ed25519", f"{spec.name} lab")
    bases = {image: rootfs.base(image, progress) for image in sorted({one.image for one in chosen})}

    def reset(one: LabHost) -> None:
        with _locked(spec.name, one.name):
            host.end(spec, one.name)
            host.make(spec, one, bases[one.image], public_key)
            _boot(spec, one)
        progress(f"{one.name}: bare again")

    list(_parallel(reset, chosen))


def stop_host(spec: LabSpec, name: str, grace: float = 0.0) -> None:
    """Power one host off, keeping its disk. grace: seconds for a clean shutdown, 0 pulls the plug."""
    with _locked(spec.name, name):
        host.end(spec, spec.host(name).name, grace)


def start_host(spec: LabSpec, name: str) -> None:
    """Power one host on again with the disk it had, and wait until it is ready."""
    with _locked(spec.name, name):
        _boot(spec, spec.host(name))


def _remove_all(spec: LabSpec, progress: Progress) -> tuple[str, ...]:
    """Remove everything of a lab, in an order that may be cut short and begun again at any point."""
    existed, names = spec.directory.exists(), sorted({one.name for one in spec.hosts} | set(_made_hosts(spec)))
    _stop_services(spec, "ec2")  # first: it would make hosts anew
    _parallel(lambda name: _discard(spec, name), names)
    apt_cache.stop(spec)
    _stop_services(spec, "mirror")
    cgroups.weigh(f"{cgroups.TOP}/{spec.name}", 0, cgroups.mounted())
    network.delete_masquerade(spec)
    network.delete_bridge(spec)
    if existed:
        shutil.rmtree(spec.directory)
    if not record.names():
        sysctl.put_back(progress)
    return (f"removed the lab {spec.name} with {len(names)} hosts",) if existed else ()


def _stop_services(spec: LabSpec, kind: str) -> None:
    """kind: the folder of the lab that holds their records. Names that they published go with them."""
    services = list(spec.directory.glob(f"{kind}/*.json"))
    for service in services:
        process.stop(process.read_record(service))
    if services:
        names.publish(spec.name, {})


def _remove_other(spec: LabSpec, progress: Progress) -> None:
    """Remove a lab of the same name that has another network or other ports: nothing of it would fit."""
    if spec.name not in record.names():
        return
    before = record.read_spec(spec.name)
    if replace(before, hosts=()) != replace(spec, hosts=()):
        progress(f"the lab {spec.name} was made for {before.network} and other ports: making it anew")
        _remove_all(before, progress)


def _prepare(spec: LabSpec, progress: Progress) -> list[str]:
    """Everything that the hosts stand on. Returns what was changed."""
    for directory in (STATE.parent, STATE, spec.directory):
        directory.mkdir(parents=True, exist_ok=True)
    spec.directory.chmod(0o700)
    record.write_spec(spec)
    changes = [f"raised {name}" for name in sysctl.raise_settings(progress)]
    if network.create_bridge(spec):
        changes.append(f"made the bridge {spec.bridge} with {spec.gateway}")
    if network.create_masquerade(spec):
        changes.append(f"masquerades {spec.network}")
    if apt_cache.available() and apt_cache.start(spec):
        changes.append(f"started the package cache on port {spec.apt_port}")
    return changes


def _bring_up(spec: LabSpec, one: LabHost, base: Path, public_key: str) -> str:
    """Make and boot what is missing of one host. Returns what was changed, empty for nothing."""
    with _locked(spec.name, one.name):
        state = host.status(spec, one).state
        if state == "running":
            return ""
        if state != "stopped":
            host.end(spec, one.name)
            host.make(spec, one, base, public_key)
        _boot(spec, one)
    return f"{one.name}: {'booted' if state == 'stopped' else 'made'} ({one.image}, {one.address})"


def _boot(spec: LabSpec, one: LabHost) -> None:
    """Start a host and wait until it is ready."""
    host.start(spec, one)
    word = host.wait_ready(spec, one)
    if word != "running":
        failed = host.ssh(spec, one, ["systemctl", "--failed", "--no-legend", "--plain"]).stdout.strip()
        raise Failed(f"the host {one.name} is {word or 'not reachable'}: {failed}",
                     next_step="Reset the host, or read its journal.")  # fmt: skip


def _remove_strangers(spec: LabSpec) -> list[str]:
    """Remove hosts that the spec does not have, or that were made for another address or image."""
    wanted = {one.name: one for one in spec.hosts}
    gone = []
    for name in _made_hosts(spec):
        if name in wanted and not _differs(spec, wanted[name]):
            continue
        _discard(spec, name)
        gone.append(f"{name}: removed, the inventory has it no longer like that")
    return gone


def _differs(spec: LabSpec, one: LabHost) -> bool:
    """Whether a host was made for other settings; a half-made one is not, since it is made anew anyway."""
    try:
        made = record.read_settings(record.host_directory(spec, one.name))
    except ClusterbookError:
        return False
    return made.spec.host(one.name) != one


def _made_hosts(spec: LabSpec) -> list[str]:
    """Names of the hosts that have files."""
    directory = spec.directory / "hosts"
    return sorted(path.name for path in directory.iterdir()) if directory.is_dir() else []


def _used_bases() -> list[Path]:
    """The bases under the hosts of all labs."""
    return [record.read_base(path.parent) for path in STATE.glob("*/hosts/*/settings.json")]


def _discard(spec: LabSpec, name: str) -> None:
    """Stop a host and remove its files."""
    with _locked(spec.name, name):
        host.end(spec, name)
        host.wipe(spec, name)


def _write_known_hosts(spec: LabSpec) -> None:
    """Write down every host's identity before it is first connected to."""
    lines = [keys.known_host(one.name, one.address, host.host_key(spec, one)) for one in spec.hosts]
    partial = spec.directory / "known_hosts.partial"
    partial.write_text("".join(lines))
    partial.replace(spec.directory / "known_hosts")


def _parallel(function: Callable[[_Item], _Result], items: Iterable[_Item]) -> list[_Result]:
    """Apply a function to several items at once; the first error is raised when all have ended."""
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        futures = [pool.submit(function, item) for item in items]
    return [future.result() for future in futures]


@contextmanager
def _locked(lab: str, name: str = "") -> Iterator[None]:
    """Let one command at a time work on a lab, or on one host of it."""
    LOCKS.mkdir(parents=True, exist_ok=True)
    path = LOCKS / f"clusterbook-lab-{lab}{'.' if name else ''}{name}"
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
