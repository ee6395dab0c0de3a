"""The current use of this node is known."""

import json
import time

GROUPS = ("control_plane",)
WHEN = "metrics_server"


def test_the_use_of_every_node_is_known(host, variables):
    nodes = json.loads(host.check_output("HOME=/root kubectl get nodes --output=json"))["items"]
    wanted = {item["metadata"]["name"] for item in nodes}
    # Two readings make a use: that of a kubelet that has just come back is known some rounds later. A new API server,
    # too, has yet to find the way to metrics-server.
    end = time.monotonic() + 4 * variables["metrics_server_resolution_seconds"]
    known = measured(host)
    while known != wanted and time.monotonic() < end:
        time.sleep(1)
        known = measured(host)
    assert known == wanted


def measured(host):
    """The nodes, or why they cannot be had."""
    done = host.run("HOME=/root kubectl get --raw /apis/metrics.k8s.io/v1beta1/nodes")
    return done.stderr if done.rc else {item["metadata"]["name"] for item in json.loads(done.stdout)["items"]}
