"""What goes into a bundle follows from the inventory alone, and what cannot go in is refused before anything else."""

from __future__ import annotations

from pathlib import Path

import pytest

from clusterbook.cli import bundle
from clusterbook.errors import InvalidInput

ROOT = Path(__file__).parents[3]
BASE = {"ca-certificates", "conntrack", "curl", "ethtool", "iptables", "nftables", "runc", "socat", "systemd-timesyncd"}
INVENTORY = """\
all:
  vars: {{bundle_system: debian-12, api_address: 192.0.2.10{more}}}
  children:
    control_plane: {{hosts: {{cp-1: {{ansible_host: 192.0.2.11}}}}}}
    etcd: {{children: {{control_plane: {{}}}}}}
    worker: {{hosts: {{w-1: {{ansible_host: 192.0.2.21, bundle_system: debian-13}}}}}}
"""


@pytest.fixture
def planned(tmp_path, monkeypatch):
    """Plans a bundle for an inventory with more variables."""
    monkeypatch.setenv("CLUSTERBOOK_STATE_STORE", f"file://{tmp_path}/store")
    (tmp_path / "group_vars").symlink_to(ROOT / "inventory" / "group_vars")

    def plan(more="", version=""):
        (tmp_path / "gap.yml").write_text(INVENTORY.format(more=f", {more}" if more else ""))
        return bundle._plan(str(tmp_path / "gap.yml"), "", "", version)

    return plan


def packages(plan):
    return {system.release: names for system, names in plan.found.packages.items()}


def test_a_plain_cluster_needs_its_programs_its_three_images_and_packages_of_each_release(planned):
    plan = planned()
    assert {"etcdctl", "kube_apiserver", "flanneld", "cni_flannel", "containerd"} <= plan.found.artifacts
    assert not plan.found.artifacts & {"aws_cloud_controller_manager", "cni_tuning", "registry", "crane", "agnhost"}
    assert {image.name for image in plan.wanted.images} == {"coredns", "metrics-server", "pause"}
    assert packages(plan) == {"debian-12": BASE | {"haproxy", "keepalived"}, "debian-13": BASE}
    assert not (Path(plan.site.path).parent / "store").exists(), "no cluster is made"


def test_what_the_configuration_asks_for_goes_in_and_what_it_leaves_out_stays_out(planned):
    plan = planned("cni: bridge-routes, docker_engine: true, metrics_server: false, api_endpoint_mode: local_proxy,"
                   " base_time_sync_enabled: false, logging_agent: rsyslog", "1.36.3")  # fmt: skip
    assert not plan.found.artifacts & {"flanneld", "cni_flannel"}
    assert {image.name for image in plan.wanted.images} == {"coredns", "pause"}
    common = BASE - {"systemd-timesyncd"} | {"docker.io", "rsyslog", "rsyslog-relp", "rsyslog-gnutls"}
    assert packages(plan) == {"debian-12": common | {"logrotate"}, "debian-13": common | {"docker-cli", "haproxy"}}
    assert {component.version for component, _ in plan.wanted.files if component.name == "kubernetes"} == {"1.36.3"}


def test_a_version_that_the_inventory_would_beat_is_refused_with_its_place(planned):
    with pytest.raises(InvalidInput, match=r"group all says kubernetes_version: 1\.36\.3, which beats") as caught:
        planned("kubernetes_version: 1.36.3", "1.37.2")
    assert "gap.yml" in caught.value.where.file
    assert planned("kubernetes_version: 1.36.3", "1.36.3").kubernetes == "1.36.3"


def test_an_image_that_somebody_else_publishes_is_refused_with_its_place(planned):
    with pytest.raises(InvalidInput, match=r"the cluster runs docker.io/fluent/fluent-bit:\S+ \(.*roles/logging/tasks"):
        planned("logging_agent: fluent-bit")


def test_hosts_of_two_architectures_are_refused(planned):
    with pytest.raises(InvalidInput, match="several architectures: amd64, arm64"):
        planned("bundle_architecture: \"{{ 'arm64' if inventory_hostname == 'w-1' else 'amd64' }}\"")


def test_a_host_that_nobody_can_ask_must_say_what_it_runs(call_on_hosts, monkeypatch, tmp_path):
    monkeypatch.setenv("CLUSTERBOOK_STATE_STORE", f"file://{tmp_path}/store")
    (tmp_path / "group_vars").symlink_to(ROOT / "inventory" / "group_vars")
    code, _, errors = call_on_hosts("bundle", "--check")
    assert code == 3
    assert "api_address" in errors or "nothing says which Debian w-1 runs" in errors


def test_a_bundle_needs_a_place_and_a_name_that_says_how_it_is_packed(call):
    code, _, errors = call("bundle")
    assert (code, "nothing says where to write the bundle" in errors) == (3, True)
    code, _, errors = call("bundle", "--out", "x.zip")
    assert (code, "does not say how to pack it" in errors) == (3, True)


def test_a_bundle_is_served_by_start_alone(call):
    code, _, errors = call("mirror", "--address", "127.0.0.1", "--bundle", "x.tar")
    assert (code, "a bundle is served by --start" in errors) == (3, True)
