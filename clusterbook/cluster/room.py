"""How many nodes a cluster has room for: each one takes a part of pod_cidr when it registers, and keeps it.

kube-controller-manager gives the parts out; a node that comes when none is left stays NotReady for ever.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any

from clusterbook import source
from clusterbook.errors import InvalidInput, Position

# A kubelet runs so many pods unless told otherwise (roles/kubelet, kubelet_max_pods): shorter parts leave some of them
# without an address.
PODS = 110
_WIDEST = 8


def nodes(complete: Mapping[str, Any]) -> int:
    """How many nodes a cluster can have; 0 when a part is wider than the whole. complete: its cluster.yaml."""
    spare = int(complete["node_pod_prefix_bits"]) - _pods(complete).prefixlen
    return int(2**spare) if spare >= 0 else 0


def problems(complete: Mapping[str, Any], written: Mapping[str, Any], file: str) -> Iterator[InvalidInput]:
    """What cluster.yaml by itself says too much of: one part wider than the whole, or more workers than parts."""
    room = nodes(complete)
    if not room:
        bits, whole = complete["node_pod_prefix_bits"], complete["pod_cidr"]
        yield InvalidInput(
            f"node_pod_prefix_bits: a node's part of /{bits} does not fit into pod_cidr {whole}",
            where=_where(written, file), next_step="Write a longer prefix, or a wider pod_cidr.",
        )  # fmt: skip
    elif "aws" in complete:
        aws = complete["aws"]
        most = aws["control_plane"]["count"] + sum(group["maximum"] for group in aws["worker_groups"])
        if most > room:
            yield too_many(f"aws: control planes and the most workers of all groups are {most} nodes",
                           most, complete, written, file)  # fmt: skip


def check(count: int, complete: Mapping[str, Any], written: Mapping[str, Any], file: str) -> None:
    """Raise InvalidInput when an inventory lists more nodes than there is room for."""
    if count > nodes(complete):
        raise too_many(f"the inventory has {count} nodes", count, complete, written, file)


def too_many(
    message: str, count: int, complete: Mapping[str, Any], written: Mapping[str, Any], file: str
) -> InvalidInput:
    """More nodes are wanted than there is room for. message: who wants how many."""
    parts = f"pod_cidr {complete['pod_cidr']} has room for {nodes(complete)} in parts of "
    return InvalidInput(
        f"{message}, and {parts}/{complete['node_pod_prefix_bits']}", where=_where(written, file),
        next_step=_advice(count, complete),
    )  # fmt: skip


def _advice(count: int, complete: Mapping[str, Any]) -> str:
    """What would make room for so many nodes. Shorter parts are only named where they hold the usual number of pods."""
    whole, bits = _pods(complete), int(complete["node_pod_prefix_bits"])
    needed = (count - 1).bit_length()
    ways = []
    if 2 ** (32 - whole.prefixlen - needed) - 2 >= PODS:
        ways.append(f"node_pod_prefix_bits: {whole.prefixlen + needed}")
    if bits - needed >= _WIDEST:
        ways.append(f"a wider pod_cidr, such as {whole.supernet(new_prefix=bits - needed)}")
    return f"Write {' or '.join(ways)}." if ways else "Make several clusters of these hosts."


def _pods(complete: Mapping[str, Any]) -> ipaddress.IPv4Network:
    return ipaddress.IPv4Network(complete["pod_cidr"], strict=False)


def _where(written: Mapping[str, Any], file: str) -> Position:
    name = next((name for name in ("node_pod_prefix_bits", "pod_cidr") if name in written), None)
    return source.position_of(written, name, Position(file, 1, 1)) if name else Position(file, 1, 1)
