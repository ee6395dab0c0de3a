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
            "cluster_domain": "c", "on_aws": False}  # fmt: skip
    scope = Scope([DEFAULTS, more, variables], Expressions({}), lambda name: "")
    return Expressions({}, {"trim_blocks": True}).text((TEMPLATES / name).read_text(), scope.resolve)


def of_group(group: str, runs_pods: bool = False) -> dict[str, Any]:
    written = source.load_text((ROOT / "inventory/aws.yml").read_text(), "aws.yml")["variables"]
    host = {"aws": {"worker_groups": GROUPS, "ssh_user": "admin"}, "aws_instance": {"tags": {}},
            "control_plane_runs_pods": runs_pods}  # fmt: skip
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


def test_control_planes_register_without_taints_of_a_group_and_get_no_traffic_of_load_balancers() -> None:
    for group in ("masters", ""):
        found = of_group(group)
        assert found["kubelet_node_taints"] == []
        assert found["kubelet_node_labels"] == {"node.kubernetes.io/exclude-from-external-load-balancers": ""}
        assert of_group(group, runs_pods=True)["kubelet_node_labels"] == {}


def test_nodes_elsewhere_register_with_neither_labels_nor_taints() -> None:
    assert "registerWithTaints" not in rendered("config.yaml.j2")
    assert "--node-labels" not in rendered("kubelet.service.j2")


def test_a_control_plane_keeps_its_own_taint_beside_others() -> None:
    text = rendered("config.yaml.j2", group_names=["control_plane"], kubelet_node_taints=["a=b:NoExecute"])
    assert [one["key"] for one in yaml.safe_load(text)["registerWithTaints"]] == [
        "node-role.kubernetes.io/control-plane", "a"
    ]  # fmt: skip


def test_on_ec2_a_kubelet_names_its_instance_and_waits_for_the_cloud_controller() -> None:
    instance = {"zone": "us-east-2b", "instance_id": "i-0123"}
    on_aws = {"on_aws": True, "aws_instance": instance}
    assert yaml.safe_load(rendered("config.yaml.j2", **on_aws))["providerID"] == "aws:///us-east-2b/i-0123"
    unit = rendered("kubelet.service.j2", **on_aws)
    assert "  --cloud-provider=external \\\n" in unit and "--image-credential-provider-config=" in unit
    assert "providerID" not in rendered("config.yaml.j2") and "cloud-provider" not in rendered("kubelet.service.j2")
