"""Which versions may run beside each other while a cluster is upgraded: rules over the live versions, nothing else.

Each rule that is broken is one InvalidInput with its reason and what to do instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from clusterbook.errors import InvalidInput

Version = tuple[int, int, int]
# Kubelets may be so many minor versions behind their API server.
KUBELETS_BEHIND = 3
# Earlier ones leave members in the newer store that left long ago: 3.6 reads that store and brings them back.
ETCD_REPAIRED: Version = (3, 5, 26)


@dataclass(frozen=True)
class Live:
    """The versions that run, such as 1.36.3. api_servers, etcd: by host; kubelets: by node.

    own: node -> host of its own API server, for control planes; other nodes ask all of them.
    """

    api_servers: Mapping[str, str]
    kubelets: Mapping[str, str]
    etcd: Mapping[str, str]
    own: Mapping[str, str]


def problems(live: Live, target: str, etcd_target: str) -> list[InvalidInput]:
    """Why the cluster must not be brought to these versions of Kubernetes and etcd; empty when it may be."""
    return [*_api_servers(live, target), *_kubelets(live, target), *_etcd(live, etcd_target)]


def parsed(text: str) -> Version:
    """'v1.36.3' as numbers; what a vendor puts behind them is left out."""
    major, minor, patch = text.removeprefix("v").split("-")[0].split("+")[0].split(".")
    return int(major), int(minor), int(patch)


def at(live: Live, target: str) -> bool:
    """Whether every API server and every kubelet has that version already."""
    return all(parsed(one) == parsed(target) for one in (*live.api_servers.values(), *live.kubelets.values()))


def minor_differs(live: Live, target: str) -> bool:
    """Whether an API server has another minor version than that one."""
    return any(parsed(one)[:2] != parsed(target)[:2] for one in live.api_servers.values())


def _extremes(live: Live) -> tuple[str, str]:
    """The hosts of the newest and of the oldest API server."""

    def version(host: str) -> Version:
        return parsed(live.api_servers[host])

    return max(live.api_servers, key=version), min(live.api_servers, key=version)


def _api_servers(live: Live, target: str) -> list[InvalidInput]:
    wanted, found = parsed(target), []
    newest, oldest = _extremes(live)
    high, low = live.api_servers[newest], live.api_servers[oldest]
    if wanted < parsed(high):
        found.append(InvalidInput(
            f"{target} would be a downgrade: kube-apiserver of {newest} is {high}, and what a newer one stored an "
            "older one may not read",
            next_step=f"Upgrade to {high} or newer. To go back, restore a backup from before: invoke backups",
        ))  # fmt: skip
    if wanted[0] != parsed(low)[0] or wanted[1] > parsed(low)[1] + 1:
        between = f"{parsed(low)[0]}.{parsed(low)[1] + 1}"
        found.append(InvalidInput(
            f"{target} would skip a minor version: kube-apiserver of {oldest} is {low}, and objects are carried from "
            "one minor version to the next",
            next_step=f"Upgrade to {between} first (invoke artifacts shows what there is), then to {target}.",
        ))  # fmt: skip
    if parsed(high)[1] > parsed(low)[1] + 1:
        found.append(InvalidInput(
            f"API servers are more than one minor version apart: {oldest} has {low}, {newest} has {high}",
            next_step=f"Bring {oldest} to the version of the others first.",
        ))  # fmt: skip
    return found


def _kubelets(live: Live, target: str) -> list[InvalidInput]:
    found = []
    _, oldest = _extremes(live)
    for node, version in live.kubelets.items():
        server = live.own.get(node, oldest)
        serves = live.api_servers[server]
        if parsed(version) > parsed(serves):
            found.append(InvalidInput(
                f"the kubelet of {node} is {version}, newer than its API server ({server}: {serves})",
                next_step=f"Bring that kubelet back to {serves} first; API servers go before kubelets.",
            ))  # fmt: skip
        if parsed(version)[1] + KUBELETS_BEHIND < parsed(target)[1]:
            found.append(InvalidInput(
                f"the kubelet of {node} is {version}: an API server of {target} knows kubelets of at most "
                f"{KUBELETS_BEHIND} minor versions before",
                next_step=f"Bring the kubelet of {node} to {live.api_servers[oldest]} first.",
            ))  # fmt: skip
    return found


def _etcd(live: Live, target: str) -> list[InvalidInput]:
    """What would lose members of etcd, or their data, when the roles bring it to that version."""
    found, wanted = [], parsed(target)
    for host, version in live.etcd.items():
        have = parsed(version)
        if have > wanted and have[:2] != wanted[:2]:
            found.append(_refused(host, version, target, "a member of an older minor version cannot read its data",
                                  "Use a version of clusterbook whose etcd is not older."))  # fmt: skip
        elif have[:2] == (3, 5) and have < ETCD_REPAIRED and wanted[:2] > (3, 5):
            first = ".".join(str(number) for number in ETCD_REPAIRED)
            found.append(_refused(host, version, target, "members that left before would come back, and the majority "
                                  "would be lost", f"Bring every member to {first} or a newer 3.5 first."))  # fmt: skip
        elif wanted[0] != have[0] or wanted[1] > have[1] + 1:
            between = f"{have[0]}.{have[1] + 1}"
            found.append(_refused(host, version, target, "members may be one minor version apart at most: one that "
                                  "skips is not let in", f"Bring every member to {between} first."))  # fmt: skip
    return found


def _refused(host: str, version: str, target: str, reason: str, step: str) -> InvalidInput:
    return InvalidInput(f"etcd of {host} is {version} and would become {target}: {reason}", next_step=step)
