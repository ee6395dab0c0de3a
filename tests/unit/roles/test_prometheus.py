"""What Prometheus is told to ask, and what it may read."""

from __future__ import annotations

import os
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
    assert {verb for rule in role["rules"] for verb in rule["verbs"]} == {"get", "list", "watch"}
    assert {one for rule in role["rules"] for one in rule.get("resources", ())} == {"nodes/metrics", "nodes", "pods"}
