"""People and components have the rights that they need, and no token lets nodes in."""

import json

import pytest

GROUPS = ("control_plane",)
BINDINGS = {
    "clusterbook:cluster-admins": "cluster-admin",
    "clusterbook:kube-apiserver-kubelet-client": "system:kubelet-api-admin",
    "clusterbook:bootstrap-kubelets": "system:node-bootstrapper",
    "clusterbook:csr-approver": "clusterbook:csr-approver",
}


def kubectl(host, *arguments):
    """What kubectl prints on this control plane, as JSON."""
    command = "HOME=/root kubectl --output=json " + " ".join(["%s"] * len(arguments))
    return json.loads(host.check_output(command, *arguments))


@pytest.mark.parametrize("name", BINDINGS)
def test_a_right_is_bound(host, name):
    assert kubectl(host, "get", "clusterrolebinding", name)["roleRef"]["name"] == BINDINGS[name]


def test_strangers_have_no_right_but_public_information(host):
    bindings = kubectl(host, "get", "clusterrolebindings")["items"]
    strangers = ("system:unauthenticated", "system:anonymous")
    given = {
        binding["roleRef"]["name"]
        for binding in bindings
        for subject in binding.get("subjects", [])
        if subject["name"] in strangers
    }
    assert given <= {"system:public-info-viewer"}


def test_no_bootstrap_token_is_left(host):
    secrets = kubectl(host, "get", "secrets", "--namespace=kube-system")["items"]
    assert not [item["metadata"]["name"] for item in secrets if item["type"] == "bootstrap.kubernetes.io/token"]


def test_manifests_are_for_root_alone(host):
    assert host.check_output("find /etc/kubernetes/addons -type f ! -perm 0600") == ""
