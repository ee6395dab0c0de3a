"""The current use of this node is known."""

import json

GROUPS = ("control_plane",)
WHEN = "metrics_server"


def test_the_use_of_every_node_is_known(host):
    nodes = json.loads(host.check_output("HOME=/root kubectl get nodes --output=json"))["items"]
    path = "/apis/metrics.k8s.io/v1beta1/nodes"
    known = json.loads(host.check_output("HOME=/root kubectl get --raw %s", path))["items"]
    assert {item["metadata"]["name"] for item in known} == {item["metadata"]["name"] for item in nodes}
