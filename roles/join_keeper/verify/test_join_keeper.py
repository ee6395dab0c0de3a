"""The keeper of joining runs with few rights, and its token is not kept on the host."""

GROUPS = ("control_plane",)
WHEN = "joining | length > 0"
SERVICE = "clusterbook-join-keeper"


def test_it_runs_as_its_own_user_and_comes_back_after_a_boot(service):
    assert service.lapses() == []
    assert service.user == "clusterbook-join-keeper"


def test_it_may_not_read_secrets(host):
    ask = "HOME=/root kubectl auth can-i get secrets --namespace=kube-system --as=clusterbook-join-keeper"
    assert host.run(ask).stdout.strip() == "no"


def test_its_key_is_closed_to_others(host):
    key = host.file("/etc/kubernetes/join-keeper/client.key")
    assert (key.user, key.mode) == ("clusterbook-join-keeper", 0o600)
