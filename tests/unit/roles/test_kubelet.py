"""What a node registers with: its group's labels and taints, and the control plane's own taint beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from clusterbook import source
from clusterbook.language.environment import Expressions
from clusterbook.language.scope import Scope

ROOT = Path(__file__).parents[3]
TEMPLATES = ROOT / "roles" / "kubelet" / "templates"
DEFAULTS = yaml.safe_load((ROOT / "roles/kubelet/defaults/main.yml").read_text())
GROUPS = [{"name": "cheap", "labels": {"tier": "spot", "example.org/disk": "ssd"},
           "taints": ["spot=yes:NoSchedule", "gpu:NoExecute"]}]  # fmt: skip


def rendered(name: str, **variables: Any) -> str:
    more = {"group_names": ["worker"], "control_plane_runs_pods": False, "ansible_managed": "", "node_address": "a",
            "node_api_url": "u", "cgroup_driver": "systemd", "cluster_dns_address": "d",
            "cluster_domain": "c"}  # fmt: skip
    scope = Scope([DEFAULTS, more, variables], Expressions({}), lambda name: "")
    return Expressions({}, {"trim_blocks": True}).text((TEMPLATES / name).read_text(), scope.resolve)


def of_group(group: str) -> dict[str, Any]:
    written = source.load_text((ROOT / "inventory/aws.yml").read_text(), "aws.yml")["variables"]
    host = {"aws": {"worker_groups": GROUPS, "ssh_user": "admin"}, "aws_instance": {"tags": {}}}
    if group:
        host["aws_instance"] = {"tags": {"clusterbook.io/group": group}}
    scope = Scope([written, host], Expressions({}), lambda name: "")
    return {name: scope.resolve(name) for name in ("kubelet_node_labels", "kubelet_node_taints")}


def test_a_worker_registers_with_the_labels_and_taints_of_its_group() -> None:
    found = of_group("cheap")
    assert found == {"kubelet_node_labels": GROUPS[0]["labels"], "kubelet_node_taints": GROUPS[0]["taints"]}
    config = yaml.safe_load(rendered("config.yaml.j2", **found))
    assert config["registerWithTaints"] == [
        {"key": "spot", "value": "yes", "effect": "NoSchedule"}, {"key": "gpu", "effect": "NoExecute"}
    ]  # fmt: skip
    unit = rendered("kubelet.service.j2", **found)
    assert "  --node-labels=example.org/disk=ssd,tier=spot \\\n  --node-ip=a\n" in unit


def test_other_nodes_register_with_none() -> None:
    for group in ("masters", ""):
        assert of_group(group) == {"kubelet_node_labels": {}, "kubelet_node_taints": []}
    assert "registerWithTaints" not in rendered("config.yaml.j2")
    assert "--node-labels" not in rendered("kubelet.service.j2")


def test_a_control_plane_keeps_its_own_taint_beside_others() -> None:
    text = rendered("config.yaml.j2", group_names=["control_plane"], kubelet_node_taints=["a=b:NoExecute"])
    assert [one["key"] for one in yaml.safe_load(text)["registerWithTaints"]] == [
        "node-role.kubernetes.io/control-plane", "a"
    ]  # fmt: skip
