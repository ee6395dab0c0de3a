"""flannel has given this node its part of the pods' range and keeps the way to the others."""

import json

import pytest

GROUPS = ("control_plane", "worker")
WHEN = "cni == 'flannel'"
SERVICE = "flanneld"
CLOSED = [
    "/etc/cni/net.d/10-flannel.conflist",
    "/etc/flannel/flannel.conf",
    "/etc/kubernetes/pki/flannel.key",
    "/etc/systemd/system/flanneld.service",
]


def test_flannel_runs_and_comes_back_after_a_boot(service):
    assert service.lapses() == []


@pytest.mark.parametrize("path", CLOSED)
def test_a_file_of_flannel_is_closed_to_others(host, path):
    file = host.file(path)
    assert (file.user, file.group, file.mode) == ("root", "root", 0o600)


def test_the_plugins_are_in_place(host, variables):
    assert set(variables["cni_flannel_plugins"]) <= set(host.file("/opt/cni/bin").listdir())


def test_the_node_has_its_part_of_the_pods_range(host, variables):
    assert f"FLANNEL_NETWORK={variables['pod_cidr']}" in host.file("/run/flannel/subnet.env").content_string


def test_pods_are_connected_within_that_part(host):
    bridge = host.run("ip -4 -oneline address show dev cni0").stdout
    (own,) = [line for line in host.file("/run/flannel/subnet.env").content_string.splitlines() if "_SUBNET=" in line]
    assert not bridge or f" {own.split('=')[1]} " in bridge


def test_there_is_a_way_to_the_pods_of_every_other_node(host, variables):
    through = "flannel.1" if variables["cni_flannel_backend"] == "vxlan" else None
    routes = json.loads(host.check_output("ip -json -4 route show"))
    others = [route for route in routes if through in (None, route["dev"]) and route.get("gateway")]
    nodes = json.loads(host.check_output(
        "curl --silent --max-time 10 --cacert /etc/kubernetes/pki/ca.crt --cert /etc/kubernetes/pki/flannel.crt "
        "--key /etc/kubernetes/pki/flannel.key %s", f"{variables['node_api_url']}/api/v1/nodes",
    ))["items"]  # fmt: skip
    wanted = {node["spec"]["podCIDR"] for node in nodes if node["metadata"]["name"] != variables["node_name"]}
    assert wanted <= {route["dst"] for route in others}


def test_what_pods_send_outside_is_masqueraded(host):
    assert "masquerade" in host.check_output("nft list table ip flannel-ipv4")
