"""The route keeper has given this node its pod network and keeps a route to every other node's pods."""

import ipaddress
import json

import pytest

GROUPS = ("control_plane", "worker")
WHEN = "cni == 'bridge-routes'"
SERVICE = "clusterbook-routes"
CLOSED = [
    "/etc/cni/net.d/10-bridge-routes.conflist",
    "/etc/kubernetes/pki/bridge-routes.key",
    "/etc/systemd/system/clusterbook-routes.service",
]


def test_the_route_keeper_runs_and_comes_back_after_a_boot(service):
    assert service.lapses() == []


@pytest.mark.parametrize("path", CLOSED)
def test_a_file_of_the_route_keeper_is_closed_to_others(host, path):
    file = host.file(path)
    assert (file.user, file.group, file.mode) == ("root", "root", 0o600)


def test_pods_are_connected_within_the_nodes_part_of_their_range(host):
    bridge = host.run("ip -4 -oneline address show dev cni0").stdout
    plugin, *_ = json.loads(host.file("/etc/cni/net.d/10-bridge-routes.conflist").content_string)["plugins"]
    own = ipaddress.ip_network(plugin["ipam"]["ranges"][0][0]["subnet"])
    assert not bridge or f" {own[1]}/{own.prefixlen} " in bridge


def test_there_is_a_route_to_the_pods_of_every_other_node(host, variables):
    protocol = str(variables["cni_bridge_routes_protocol"])
    routes = json.loads(host.check_output("ip -json -4 route show proto %s", protocol) or "[]")
    nodes = json.loads(host.check_output(
        "curl --silent --max-time 10 --cacert /etc/kubernetes/pki/ca.crt --cert /etc/kubernetes/pki/bridge-routes.crt "
        "--key /etc/kubernetes/pki/bridge-routes.key %s", f"{variables['node_api_url']}/api/v1/nodes",
    ))["items"]  # fmt: skip
    wanted = {node["spec"]["podCIDR"] for node in nodes if node["metadata"]["name"] != variables["node_name"]}
    assert wanted == {route["dst"] for route in routes}


def test_what_pods_send_outside_is_masqueraded(host):
    assert "masquerade" in host.check_output("nft list table ip clusterbook_routes")
