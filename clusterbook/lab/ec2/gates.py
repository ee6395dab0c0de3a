"""Who gets to ssh on a host: whom its instance's security groups admit, held by nftables in the host's own network.

Of all that groups say this alone is enforced, so that a host behind a bastion is reached by nobody but the bastion. The
lab itself has an address of its own for what AWS does inside an instance (see LabSpec.hand), which is always let in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from clusterbook.lab import network
from clusterbook.lab.command import run
from clusterbook.lab.ec2 import admission
from clusterbook.lab.spec import LabSpec

TABLE = "clusterbook_gate"
# An instance's id -> networks that ssh is let in from; None for no gate.
Admitted = Mapping[str, tuple[str, ...] | None]


def wanted(running: Iterable[Mapping[str, Any]], rules: Mapping[str, list[Mapping[str, Any]]]) -> Admitted:
    """What the account says of each running instance."""
    instances = list(running)
    return {item["InstanceId"]: admission.ssh_sources(item, instances, rules) for item in instances}


def ruleset(sources: tuple[str, ...] | None, hand: str) -> str:
    """For nft: the gate as wanted, in place of the one before, at once."""
    before = f"table ip {TABLE} {{}}\ndelete table ip {TABLE}\n"
    if sources is None:
        return before
    admit = [f"ip saddr {one} tcp dport {admission.SSH} accept" for one in (hand, *sources) if one]
    lines = ['iifname "lo" accept', *admit, f"tcp dport {admission.SSH} drop"]
    chain = "\n".join(["type filter hook input priority filter; policy accept;", *lines])
    return f"{before}table ip {TABLE} {{\nchain input {{\n{chain}\n}}\n}}\n"


class Gates:
    """The gates of one lab's hosts. A host that was started again has a new network, and none yet."""

    def __init__(self) -> None:
        self._done: dict[str, tuple[int, tuple[str, ...] | None]] = {}

    def keep(self, spec: LabSpec, admitted: Admitted) -> None:
        """Set those that are not as wanted."""
        for one in spec.hosts:
            name, sources = network.namespace(spec.name, one.name), admitted.get(one.name)
            place = network.NAMESPACES / name
            if one.name not in admitted or not place.exists():
                continue
            now = (place.stat().st_ino, sources)
            if self._done.get(one.name, (now[0], None)) != now:
                run(["ip", "netns", "exec", name, "nft", "-f", "-"], stdin=ruleset(sources, spec.hand))
                self._done[one.name] = now
