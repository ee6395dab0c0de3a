"""Groups of instances say how many run, of how many that should."""

from __future__ import annotations

from clusterbook.cluster import spec
from clusterbook.cluster.instance_groups import instance_groups, judge

TEXT = """
cluster_name: demo
aws:
  zones: [us-east-2a, us-east-2b]
  control_plane: {count: 3}
  worker_groups:
  - {name: nodes, count: 2}
  - {name: cheap, count: 1, maximum: 4, spot: true, instance_types: [m6i.large, m5.large], zones: [us-east-2b]}
"""


def test_each_group_knows_its_bounds_and_what_runs() -> None:
    instances = [{"tags": {"clusterbook.io/group": name}} for name in ("masters", "masters", "nodes", "nodes", "cheap")]
    found = instance_groups(spec.parse(TEXT, "cluster.yaml").complete["aws"], [*instances, {"tags": {}}])
    assert [(one.name, one.role, one.minimum, one.maximum, one.running) for one in found] == [
        ("masters", "control-plane", 3, 3, 2), ("nodes", "worker", 2, 2, 2), ("cheap", "worker", 1, 4, 1),
    ]  # fmt: skip
    assert found[2].machine_types == ("m6i.large", "m5.large") and found[2].zones == ("us-east-2b",)


def test_too_few_instances_are_not_well_and_it_says_where_to_look() -> None:
    found = instance_groups(spec.parse(TEXT, "cluster.yaml").complete["aws"], [])
    masters, nodes, _ = (judge(one, "demo") for one in found)
    assert (masters.healthy, masters.detail) == (False, "0 of 3 instances run")
    assert masters.next_step == "Run: invoke update-cluster demo"
    assert nodes.next_step.endswith("describe-scaling-activities --auto-scaling-group-name nodes.demo")
