"""What a cluster costs: machines at the list price and spot ones apart."""

from __future__ import annotations

import pytest

from clusterbook.cloud.cost import estimate
from clusterbook.cloud.design import wanted
from clusterbook.cloud.layout import Design
from clusterbook.cluster import spec

NAME = "demo.k8s.local"


@pytest.mark.parametrize(("bought", "on_demand", "spot"), [
    ("", 10, 0),
    (", instance_types: [m5.large, m6i.large]", 10, 0),
    (", spot: true", 0, 10),
    (", spot: true, on_demand_base: 3", 3, 7),
    (", spot: true, on_demand_base: 3, on_demand_percent: 50", 7, 3),  # AWS rounds what is bought up
    (", spot: true, on_demand_base: 20", 10, 0),
])  # fmt: skip
def test_workers_on_demand_and_of_spot_have_lines_of_their_own(bought: str, on_demand: int, spot: int) -> None:
    text = f"cluster_name: {NAME}\naws:\n  zones: [us-east-2a]\n  worker_groups: [{{name: a, count: 10{bought}}}]\n"
    found = estimate(wanted(Design(NAME, spec.parse(text, "cluster.yaml").complete, image="")), "us-east-2")
    rows = [line for line in found.lines if line.what.endswith(f" a.{NAME}")]
    assert sum(line.count for line in rows if not line.spot) == on_demand
    assert sum(line.count for line in rows if line.spot) == spot
    assert all(line.count and line.month for line in rows)
    (volumes,) = [line for line in found.lines if line.what.startswith(f"volumes of a.{NAME}")]
    assert volumes.count == 10
