"""Base root file systems, one for each image: made once by mmdebstrap, kept in the cache, shared by all hosts."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from clusterbook.cluster.artifacts import debian_mirrors
from clusterbook.errors import ClusterbookError, Failed
from clusterbook.lab.command import run
from clusterbook.lab.files import make_directory, write_file

CACHE = Path("/var/cache/clusterbook/rootfs")
USER = "admin"
_DAY = 86400.0
# What a plain Debian server image has. What Kubernetes needs beyond it (conntrack, nftables, socat, runc ...)
# is left to the playbooks, which would otherwise be tested on hosts that have it already.
PACKAGES = (
    "ca-certificates", "curl", "dbus", "ethtool", "gpg", "iproute2", "iputils-ping", "kmod", "less", "netbase",
    "openssh-server", "procps", "python3", "python3-apt", "sudo", "systemd", "systemd-sysv", "udev", "xz-utils",
    "zstd",
)  # fmt: skip
# Device management belongs to the machine, and a timer that takes dpkg's lock makes tests fail at random.
MASKED = (
    "systemd-udevd.service", "systemd-udev-trigger.service", "systemd-udev-settle.service",
    "systemd-udevd-kernel.socket", "systemd-udevd-control.socket", "apt-daily.timer", "apt-daily-upgrade.timer",
    "console-getty.service", "container-getty@.service", "systemd-networkd-wait-online.service",
    "dpkg-db-backup.timer", "e2scrub_all.timer", "fstrim.timer", "systemd-firstboot.service",
)  # fmt: skip
# nspawn mounts control groups read-only and nothing shared; kubelet and containerd need both otherwise.
MOUNTS_UNIT = """\
[Unit]
Description=Make control groups writable and mounts shared, as on a machine of its own
DefaultDependencies=no
Before=sysinit.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/lib/lab/mounts

[Install]
WantedBy=sysinit.target
"""
MOUNTS_SCRIPT = """\
#!/bin/sh
while read -r device target kind rest; do
    case "$kind" in
    cgroup | cgroup2) mount -o remount,bind,rw "$target" ;;
    tmpfs) [ "$target" != /sys/fs/cgroup ] || mount -o remount,bind,rw "$target" ;;
    esac
done </proc/self/mounts
mount --make-rshared /
"""
FILES = {
    "etc/sudoers.d/90-admin": f"{USER} ALL=(ALL) NOPASSWD: ALL\n",
    "etc/ssh/sshd_config.d/lab.conf": "HostKey /etc/ssh/ssh_host_ed25519_key\nPasswordAuthentication no\n",
    "etc/apt/apt.conf.d/90lab": 'Acquire::Languages "none";\nAcquire::https::Proxy "DIRECT";\n',
    # The hosts' disks are directories of the machine: forcing every file of a package to disk only costs time.
    "etc/dpkg/dpkg.cfg.d/lab": "force-unsafe-io\n",
    "etc/systemd/system/lab-mounts.service": MOUNTS_UNIT,
    "usr/local/lib/lab/mounts": MOUNTS_SCRIPT,
    "etc/default/locale": "LANG=C.UTF-8\n",
    "etc/fstab": "",
    "etc/machine-id": "",
}


def recipe(image: str, sources: str) -> str:
    """Everything that decides what a base holds, as text; its hash names the directory."""
    parts = [image, sources, *PACKAGES, *MASKED, *(f"{name}\n{text}" for name, text in FILES.items())]
    return "\n".join(parts)


def base(image: str, progress: Callable[[str], None] = lambda line: None) -> Path:
    """The base directory of an image, made now if it is not in the cache (about a minute, once)."""
    sources = debian_mirrors.sources(image, debian_mirrors.mirrors())
    digest = hashlib.sha256(recipe(image, sources).encode()).hexdigest()[:12]
    directory = CACHE / f"{image}-{digest}"
    if directory.is_dir():
        return directory
    make_directory(CACHE)
    with (CACHE / f".{image}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not directory.is_dir():
            progress(f"making the base root file system of {image} (about a minute, once)")
            _build(image, sources, directory)
    return directory


def prune(used: Collection[Path], now: float) -> list[Path]:
    """Remove bases that no host uses and that are older than a day. now: seconds since 1970."""
    kept = {*used}
    old = [
        path
        for path in CACHE.glob("debian-*")
        if path.is_dir() and path not in kept and now - path.stat().st_ctime > _DAY
    ]
    for path in old:
        run(["rm", "-rf", "--one-file-system", str(path)], seconds=300)
    return old


def _build(image: str, sources: str, directory: Path) -> None:
    """Make a base beside its place and move it there when it is complete."""
    partial = directory.with_name(f"{directory.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    listed = directory.with_name(f"{directory.name}.list")
    listed.write_text(sources)
    argv = [
        "mmdebstrap", "--variant=minbase", "--skip=check/empty,cleanup/apt/lists",
        f"--include={','.join(PACKAGES)}", debian_mirrors.CODENAMES[image], str(partial), str(listed),
    ]  # fmt: skip
    try:
        run(argv, seconds=900)
        _furnish(partial, sources)
    except ClusterbookError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise Failed(
            f"the base root file system of {image} could not be made: {error.message}",
            next_step="Check that apt-get update works on this machine, then try again.",
        ) from error
    finally:
        listed.unlink(missing_ok=True)
    partial.rename(directory)


def _furnish(root: Path, sources: str) -> None:
    """Give a fresh root file system its user, settings and units; take away what each host gets of its own."""
    for key in root.glob("etc/ssh/ssh_host_*"):
        key.unlink()
    for name, text in FILES.items():
        write_file(root / name, text)
    (root / "usr/local/lib/lab/mounts").chmod(0o755)
    (root / "etc/sudoers.d/90-admin").chmod(0o440)
    (root / "etc/apt/sources.list").write_text(sources)
    shutil.rmtree(root / "etc/apt/sources.list.d", ignore_errors=True)
    make_directory(root / "etc/apt/sources.list.d")
    for unit, target in _unit_links():
        link = root / "etc/systemd/system" / unit
        make_directory(link.parent)
        link.unlink(missing_ok=True)
        link.symlink_to(target)
    if USER not in (root / "etc/passwd").read_text():
        run(["chroot", str(root), "useradd", "--create-home", "--shell", "/bin/bash", USER])
    for stale in ("etc/hostname", "etc/resolv.conf"):
        (root / stale).unlink(missing_ok=True)
    # Prepared lookups make the first package installation on a host quick.
    run(["chroot", str(root), "apt-cache", "gencaches"])


def _unit_links() -> Iterator[tuple[str, str]]:
    """Links below /etc/systemd/system with their targets."""
    for unit in MASKED:
        yield unit, os.devnull
    yield "sysinit.target.wants/lab-mounts.service", "/etc/systemd/system/lab-mounts.service"
    yield "default.target", "/lib/systemd/system/multi-user.target"
