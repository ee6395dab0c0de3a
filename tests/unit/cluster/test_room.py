"""More nodes than parts of the pods' range are refused before the first of them waits for one."""

from __future__ import annotations

import pytest

from clusterbook.cluster import room, spec

SMALL = "cluster_name: lab\napi_address: 10.77.0.10\n"


@pytest.mark.parametrize(
    ("lines", "nodes"),
    [
        ("", 256),
        ("node_pod_prefix_bits: 25\n", 512),
        ("pod_cidr: 10.244.0.0/15\n", 512),
        ("pod_cidr: 10.244.0.0/24\n", 1),
        ("pod_cidr: 10.128.0.0/9\nservice_cidr: 10.96.0.0/16\n", 32768),
    ],
)
def test_each_node_takes_one_part_of_the_range(lines: str, nodes: int) -> None:
    assert room.nodes(spec.parse(SMALL + lines, "cluster.yaml").complete) == nodes


@pytest.mark.parametrize(
    ("count", "advice"),
    [
        (300, "Write node_pod_prefix_bits: 25 or a wider pod_cidr, such as 10.244.0.0/15."),
        (1000, "Write a wider pod_cidr, such as 10.244.0.0/14."),
        (5000, "Write a wider pod_cidr, such as 10.224.0.0/11."),
        (100_000, "Make several clusters of these hosts."),
    ],
)
def test_what_would_make_room_is_said_where_the_range_is_written(count: int, advice: str) -> None:
    found = spec.parse(SMALL + "pod_cidr: 10.244.0.0/16\n", "cluster.yaml")
    error = room.too_many("x", count, found.complete, found.written, "cluster.yaml")
    assert (error.next_step, str(error.where)) == (advice, "cluster.yaml:3:1")


def test_what_is_advised_has_room(count: int = 300) -> None:
    for line in ("node_pod_prefix_bits: 25\n", "pod_cidr: 10.244.0.0/15\n"):
        assert room.nodes(spec.parse(SMALL + line, "cluster.yaml").complete) >= count
