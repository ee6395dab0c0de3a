"""What Prometheus is told to ask, and what it may read."""

from __future__ import annotations

import os
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
import yaml

from clusterbook.language.environment import Expressions
from clusterbook.language.scope import Scope

ROLE = Path(__file__).parents[3] / "roles" / "prometheus"
DEFAULTS = yaml.safe_load((ROLE / "defaults/main.yml").read_text())
KNOWN: dict[str, Any] = {
    "node_name": "cp-1", "node_api_url": "https://192.0.2.11:6443", "api_server_port": 6443, "prometheus_port": 9090,
    "groups": {"control_plane": ["cp-1", "cp-2"]},
    "hostvars": {name: {"node_address": f"192.0.2.1{name[-1]}", "node_name": name} for name in ("cp-1", "cp-2")},
}  # fmt: skip


def rendered(name: str) -> str:
    scope = Scope([DEFAULTS, KNOWN], Expressions({}), lambda name: "")
    return Expressions({}, {"trim_blocks": True}).text((ROLE / "templates" / name).read_text(), scope.resolve)


@pytest.mark.parametrize(("template", "golden"), [
    ("prometheus.yml.j2", "prometheus.yml"), ("rights.yaml.j2", "prometheus-rights.yaml"),
    ("clusterbook-prometheus.service.j2", "clusterbook-prometheus.service"),
    ("clusterbook-prometheus-targets.service.j2", "clusterbook-prometheus-targets.service"),
])  # fmt: skip
def test_what_hosts_get_is_as_it_was_looked_at(template: str, golden: str) -> None:
    """CLUSTERBOOK_WRITE_GOLDEN=1 writes them anew: read the difference before you keep it."""
    path = Path(__file__).parent / "golden" / golden
    if "CLUSTERBOOK_WRITE_GOLDEN" in os.environ:
        path.write_text(rendered(template))
    assert rendered(template) == path.read_text()


def test_every_component_is_asked_over_tls_with_the_cluster_s_own_authority() -> None:
    jobs = {job["job_name"]: job for job in yaml.safe_load(rendered("prometheus.yml.j2"))["scrape_configs"]}
    for name in ("kube-apiserver", "kubelet", "containers"):
        assert jobs[name]["scheme"] == "https"
        assert jobs[name]["tls_config"]["ca_file"] == "/etc/clusterbook-prometheus/ca.crt"
        assert "insecure_skip_verify" not in jobs[name]["tls_config"]


def test_it_may_read_measurements_and_places_and_nothing_else() -> None:
    role, _ = yaml.safe_load_all(rendered("rights.yaml.j2"))
    assert {verb for rule in role["rules"] for verb in rule["verbs"]} == {"get", "list"}
    assert {one for rule in role["rules"] for one in rule.get("resources", ())} == {"nodes/metrics", "nodes", "pods"}


@pytest.fixture
def targets() -> Any:
    spec = spec_from_file_location("targets", ROLE / "files" / "targets.py")
    assert spec and spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def node(name: str, *addresses: tuple[str, str]) -> dict[str, Any]:
    told = [{"type": kind, "address": address} for kind, address in addresses]
    return {"metadata": {"name": name},
            "status": {"addresses": told, "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}}}}  # fmt: skip


def pod(name: str, **annotations: str) -> dict[str, Any]:
    asked = {f"prometheus.io/{key}": value for key, value in annotations.items()}
    return {"metadata": {"name": name, "namespace": "shop", "annotations": asked}, "spec": {"nodeName": "w-1"},
            "status": {"podIP": "10.1.0.7"}}  # fmt: skip


def test_a_node_is_asked_at_its_own_address(targets: Any) -> None:
    found = targets.nodes([node("w-1", ("Hostname", "w-1"), ("InternalIP", "192.0.2.21")),
                           node("w-2", ("InternalIP", "2001:db8::2")), node("w-3", ("Hostname", "w-3"))])  # fmt: skip
    assert found == [{"targets": ["192.0.2.21:10250"], "labels": {"node": "w-1"}},
                     {"targets": ["[2001:db8::2]:10250"], "labels": {"node": "w-2"}}]  # fmt: skip


def test_only_pods_that_ask_for_it_and_say_their_port_are_asked(targets: Any) -> None:
    found = targets.pods([pod("a", scrape="true", port="8080"), pod("b", scrape="true", port="9", path="/stats"),
                          pod("c", scrape="true", port="http"), pod("d", port="80"), pod("e")])  # fmt: skip
    common = {"namespace": "shop", "node": "w-1"}
    assert found == [
        {"targets": ["10.1.0.7:8080"], "labels": {**common, "pod": "a"}},
        {"targets": ["10.1.0.7:9"], "labels": {**common, "pod": "b", "__metrics_path__": "/stats"}},
    ]


def test_a_file_is_left_alone_when_nothing_changed(targets: Any, tmp_path: Path) -> None:
    found = targets.nodes([node("w-1", ("InternalIP", "192.0.2.21"))])
    targets.write(tmp_path / "nodes.json", found)
    before = (tmp_path / "nodes.json").stat().st_ino
    targets.write(tmp_path / "nodes.json", found)
    assert (tmp_path / "nodes.json").stat().st_ino == before
    assert [path.name for path in tmp_path.iterdir()] == ["nodes.json"]
