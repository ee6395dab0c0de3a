"""What a lab may leave on the machine that it runs on: everything that it makes or changes there."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from clusterbook.lab import cgroups, network, record, sysctl
from clusterbook.lab.spec import STATE


def machine_state(name: str) -> dict[str, list[str]]:
    """Everything of the machine that a lab touches, without what belongs to other labs that are up meanwhile."""
    others = [record.read_spec(other) for other in record.names() if other != name]
    strange = {network.interface(one.name, two.name) for one in others for two in one.hosts}
    strange |= {network.namespace(one.name, two.name) for one in others for two in one.hosts}
    strange |= {word for one in others for word in (one.bridge, network.table(one.name))}

    def own(lines: list[str]) -> list[str]:
        return sorted(line for line in lines if not strange & set(re.findall(r"[\w-]+", line)))

    links = [path.name for path in Path("/sys/class/net").iterdir()]
    groups = [
        str(path)
        for one in cgroups.mounted()
        for path in one.path.glob(f"{cgroups.TOP}/*")
        if path.is_dir() and path.name not in {other.name for other in others}
    ]
    settings = sysctl.Machine()
    return {
        "namespaces": own(output("ip", "netns", "list")),
        "links": own(links),
        "routes": own(output("ip", "route", "show", "table", "all")),
        "mounts": own(Path("/proc/self/mounts").read_text().splitlines()),
        "control groups": sorted(groups),
        "tables": own(output("nft", "list", "tables")),
        "settings": [f"{key}={settings.read(key)}" for key in (*sysctl.RAISED, *sysctl.TOUCHED_BY_KUBELET)],
        "processes": own(processes(name)),
        "files": sorted(str(path) for path in (STATE / name).glob("*")),
        "nspawn": own([str(path) for path in Path("/run/systemd/nspawn").glob("*/*")]),
    }


def output(*argv: str) -> list[str]:
    """Lines that a program prints: none where it is not installed, as before a machine's first lab."""
    if shutil.which(argv[0]) is None:
        return []
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.splitlines()


def processes(name: str) -> list[str]:
    """Command lines of the machine's processes that speak of a lab, or run inside its control groups."""
    found = [str(pid) for pid in cgroups.members(f"{cgroups.TOP}/{name}", cgroups.mounted())]
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if f"{STATE}/{name}/" in words:
            found.append(words)
    return found
