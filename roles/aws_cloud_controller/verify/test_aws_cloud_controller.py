"""The cloud controller runs with few rights, and every node is tied to its instance."""

import json

GROUPS = ("control_plane",)
WHEN = "on_aws"
SERVICE = "aws-cloud-controller-manager"


def test_it_runs_as_its_own_user_and_comes_back_after_a_boot(service):
    assert service.lapses() == []
    assert service.user == "aws-cloud-controller"


def test_its_key_is_closed_to_others(host):
    key = host.file("/etc/kubernetes/aws-cloud-controller/client.key")
    assert (key.user, key.mode) == ("aws-cloud-controller", 0o600)


def test_it_may_not_read_secrets(host):
    ask = "HOME=/root kubectl auth can-i get secrets --all-namespaces --as=aws-cloud-controller-manager"
    assert host.run(ask).stdout.strip() == "no"


def test_every_node_has_its_instance_its_zone_and_no_taint_of_an_unknown_cloud(host):
    nodes = json.loads(host.check_output("HOME=/root kubectl get nodes --output=json"))["items"]
    for node in nodes:
        assert node["spec"]["providerID"].startswith("aws:///")
        assert "topology.kubernetes.io/zone" in node["metadata"]["labels"]
        taints = [taint["key"] for taint in node["spec"].get("taints", [])]
        assert "node.cloudprovider.kubernetes.io/uninitialized" not in taints
