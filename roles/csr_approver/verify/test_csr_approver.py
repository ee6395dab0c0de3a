"""The approver runs with few rights, and every kubelet has its serving certificate."""

import json

GROUPS = ("control_plane",)
SERVICE = "clusterbook-csr-approver"


def test_it_runs_as_its_own_user_and_comes_back_after_a_boot(service):
    assert service.lapses() == []
    assert service.user == "clusterbook-csr-approver"


def test_its_key_is_closed_to_others(host):
    key = host.file("/etc/kubernetes/csr-approver/client.key")
    assert (key.user, key.mode) == ("clusterbook-csr-approver", 0o600)


def test_it_may_not_read_secrets(host):
    ask = "HOME=/root kubectl auth can-i get secrets --all-namespaces --as=clusterbook-csr-approver"
    assert host.run(ask).stdout.strip() == "no"


def test_no_kubelet_waits_for_its_serving_certificate(host):
    items = json.loads(host.check_output("HOME=/root kubectl get csr --output=json"))["items"]
    serving = [item for item in items if item["spec"]["signerName"] == "kubernetes.io/kubelet-serving"]
    assert not [item["spec"]["username"] for item in serving if not item["status"].get("certificate")]
