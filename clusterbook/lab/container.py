"""The command line that boots one host: an overlay root, its own /var/lib, and systemd as its first process."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from clusterbook.lab.network import NAMESPACES, namespace
from clusterbook.lab.spec import LabSpec

# nspawn ends with this code when the host asked for a reboot.
REBOOT = 133
# Container runtimes and their tools use these calls, which nspawn denies by default.
SYSTEM_CALLS = "add_key keyctl request_key bpf perf_event_open @known"
# Mounts happen in a mount namespace of the host's own: nothing stays mounted on the machine, even after a kill.
_MOUNT_AND_BOOT = 'mount -t overlay overlay -o "$1" "$2" && shift 2 && exec "$@"'


def environment() -> dict[str, str]:
    """Settings of nspawn that have no option: a writable /proc/sys and /sys.

    The layout of control groups is the machine's own, which nspawn finds: version 2, version 1, or version 1 with a
    tree of version 2 for systemd alone. Without that tree systemd in a host is not told that the last process of a unit
    has ended, and holds the unit for seconds before it starts it again.
    """
    return {
        "PATH": os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
        "SYSTEMD_NSPAWN_API_VFS_WRITABLE": "yes",
        # Debian keeps /tmp on the disk.
        "SYSTEMD_NSPAWN_TMPFS_TMP": "0",
        # Its lock files would stay after a kill; the supervisor is the lock.
        "SYSTEMD_NSPAWN_LOCK": "0",
    }


def argv(spec: LabSpec, host: str, directory: Path, base: Path, extra: Mapping[str, str] | None = None) -> list[str]:
    """The whole command. directory: the host's own, which has upper, work, root and var-lib; base: the image."""
    root = str(directory / "root")
    layers = f"lowerdir={base},upperdir={directory / 'upper'},workdir={directory / 'work'}"
    mount = ["unshare", "--mount", "--propagation", "slave", "sh", "-c", _MOUNT_AND_BOOT, "sh", layers, root]
    return [*mount, *_nspawn(spec, host, root, directory), *_binds(directory), *_variables(extra or {})]


def _nspawn(spec: LabSpec, host: str, root: str, directory: Path) -> list[str]:
    """systemd-nspawn without machined, with every capability and the host's own network."""
    return [
        "systemd-nspawn", "--quiet", "--boot", f"--directory={root}", "--settings=no",
        f"--machine={namespace(spec.name, host)}", f"--hostname={host}",
        f"--network-namespace-path={NAMESPACES / namespace(spec.name, host)}",
        "--register=no", "--keep-unit", "--capability=all", f"--system-call-filter={SYSTEM_CALLS}",
        "--resolv-conf=off", "--timezone=off", "--link-journal=no", "--console=pipe",
    ]  # fmt: skip


def _binds(directory: Path) -> list[str]:
    """Directories and devices of the machine. /var/lib is a plain directory, since overlays do not nest."""
    devices = [device for device in ("/dev/kmsg", "/dev/fuse") if Path(device).exists()]
    return [f"--bind={device}" for device in devices] + [f"--bind={directory / 'var-lib'}:/var/lib"]


def _variables(values: Mapping[str, str]) -> list[str]:
    """Variables for the host's first process."""
    return [f"--setenv={name}={value}" for name, value in values.items()]
