"""The dashboard, where it was deployed, shows the nodes and may not see what is secret."""

import json

import pytest

GROUPS = ("control_plane",)
PAGE = "/api/v1/namespaces/dashboard/services/dashboard:http/proxy"
ACCOUNTS = ("dashboard", "dashboard-viewer")
HIDDEN = ("get secrets", "list configmaps", "get pods --subresource=log", "create pods", "delete pods",
          "create pods --subresource=exec")  # fmt: skip


@pytest.fixture
def kubectl(host):
    if not host.file("/etc/kubernetes/addons/dashboard.yaml").exists:
        pytest.skip("no dashboard was deployed")
    return lambda words, *values: host.check_output(f"HOME=/root kubectl {words}", *values)


@pytest.mark.parametrize("name", ["dashboard.yaml", "dashboard-access.yaml"])
def test_its_manifests_are_for_root_alone(host, kubectl, name):
    file = host.file(f"/etc/kubernetes/addons/{name}")
    assert (file.mode, file.user, file.group) == (0o600, "root", "root")


def test_every_pod_of_it_answers(kubectl):
    status = json.loads(kubectl("get deployment dashboard --namespace=dashboard --output=json"))["status"]
    assert status["readyReplicas"] == status["replicas"]


def test_its_first_page_comes_through_the_api_server(kubectl):
    assert "<html" in kubectl("get --raw %s", f"{PAGE}/")


@pytest.mark.parametrize("account", ACCOUNTS)
@pytest.mark.parametrize("right", HIDDEN)
def test_its_accounts_have_no_right_beyond_looking(host, kubectl, account, right):
    person = f"system:serviceaccount:dashboard:{account}"
    asked = host.run(f"HOME=/root kubectl auth can-i {right} --all-namespaces --as=%s", person)
    assert asked.stdout.strip() == "no"
