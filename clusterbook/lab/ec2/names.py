"""Names of load balancers and of private zones on this machine: a marked part of /etc/hosts. Hosts ask resolver.py."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

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


def publish(lab: str, names: Names, machine: Path = HOSTS) -> None:
    """Let this machine find the names. A file that is right already is left alone."""
    before = machine.read_text() if machine.exists() else ""
    after = with_names(before, lab, names)
    if after != before:
        machine.write_text(after)  # in place: /etc/hosts may be a mount of its own
