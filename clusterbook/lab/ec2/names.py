"""Names of load balancers and of private zones in the lab: a marked part of /etc/hosts, here and on each host."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from pathlib import Path

from clusterbook.lab import host
from clusterbook.lab.spec import LabHost, LabSpec

HOSTS = Path("/etc/hosts")
# A name -> its addresses.
Names = Mapping[str, tuple[str, ...]]


def with_names(text: str, lab: str, names: Names) -> str:
    """A hosts file with the lab's part as wanted. No names take the part away."""
    begin, end = f"# names of the lab {lab}", f"# end of the lab {lab}"
    rest = re.sub(rf"^{begin}\n.*?^{end}\n", "", text, flags=re.DOTALL | re.MULTILINE)
    if not names:
        return rest
    if rest and not rest.endswith("\n"):
        rest += "\n"
    lines = "".join(f"{address}\t{name}\n" for name in sorted(names) for address in names[name])
    return f"{rest}{begin}\n{lines}{end}\n"


def publish(spec: LabSpec, names: Names, machine: Path = HOSTS) -> None:
    """Let this machine and every host of the lab find the names. A file that is right already is left alone."""
    before = machine.read_text() if machine.exists() else ""
    after = with_names(before, spec.name, names)
    if after != before:
        machine.write_text(after)  # in place: /etc/hosts may be a mount of its own
    for one in spec.hosts:
        _tell(spec, one, names)


def _tell(spec: LabSpec, one: LabHost, names: Names) -> None:
    """A host's files can only be seen from inside: its root is mounted in a namespace of its own."""
    before = host.ssh(spec, one, ["cat", str(HOSTS)])
    after = with_names(before.stdout, spec.name, names)
    if before.returncode == 0 and after != before.stdout:
        form = base64.b64encode(after.encode()).decode()
        host.ssh(spec, one, ["sudo", "sh", "-c", f"'echo {form} | base64 -d > {HOSTS}'"])
