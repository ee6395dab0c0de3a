"""This node is ready and carries the labels of its roles."""

import json

GROUPS = ("control_plane", "worker")


def test_the_node_is_ready_and_carries_its_roles(host, subject, variables):
    if "control_plane" in subject.host.groups:
        command = "HOME=/root kubectl get node %s --output=json"
    else:
        command = "kubectl --kubeconfig=/etc/kubernetes/kubelet.conf get node %s --output=json"
    node = json.loads(host.check_output(command, variables["node_name"]))
    conditions = {each["type"]: each["status"] for each in node["status"]["conditions"]}
    assert conditions["Ready"] == "True"
    roles = {
        label.split("/")[1] for label in node["metadata"]["labels"] if label.startswith("node-role.kubernetes.io/")
    }
    groups = {group.replace("_", "-") for group in subject.host.groups}
    assert roles == groups & {"control-plane", "worker"}
