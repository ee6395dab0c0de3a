"""etcd answers those who show a certificate, and nobody else can read its files."""

import json

import pytest

GROUPS = ("etcd",)
SERVICE = "etcd"
FILES = {
    "/etc/systemd/system/etcd.service": ("root", 0o600),
    "/etc/etcd/pki": ("etcd", 0o700),
    "/etc/etcd/pki/server.key": ("etcd", 0o600),
    "/etc/etcd/pki/peer.key": ("etcd", 0o600),
    "/etc/etcd/pki/healthcheck-client.key": ("etcd", 0o600),
    "/etc/etcd/pki/server.crt": ("etcd", 0o644),
}


def etcdctl(host, *arguments):
    """etcdctl at this member, by the health check's certificate."""
    pki = "/etc/etcd/pki"
    return host.check_output(
        "etcdctl --endpoints=https://127.0.0.1:2379 --cacert=%s/ca.crt --cert=%s/healthcheck-client.crt "
        "--key=%s/healthcheck-client.key " + " ".join(["%s"] * len(arguments)),
        pki, pki, pki, *arguments,
    )  # fmt: skip


def test_etcd_runs_as_its_own_user_and_comes_back_after_a_boot(service):
    assert service.lapses() == []
    assert service.user == "etcd"


@pytest.mark.parametrize("path", FILES)
def test_a_file_of_etcd_belongs_to_it_and_is_closed_to_others(host, path):
    file = host.file(path)
    assert (file.user, file.mode) == FILES[path]


def test_the_data_is_closed_to_all_but_etcd(host, variables):
    data = host.file(variables["etcd_data_directory"])
    assert (data.user, data.group, data.mode) == ("etcd", "etcd", 0o700)


def test_the_members_are_the_hosts_of_the_inventory(host, variables):
    members = json.loads(etcdctl(host, "member", "list", "--write-out=json"))["members"]
    assert {url for member in members for url in member["clientURLs"]} == set(variables["etcd_endpoints"])


def test_this_member_is_healthy(host):
    assert json.loads(etcdctl(host, "endpoint", "health", "--write-out=json"))[0]["health"]


@pytest.mark.parametrize("port", [2379, 2380])
def test_a_client_without_a_certificate_is_refused(host, variables, port):
    address = variables["node_address"]
    found = host.run("curl --silent --insecure --max-time 5 https://%s:%s/version", address, str(port))
    assert found.rc != 0
    assert found.stdout == ""


def test_metrics_are_told_to_this_host_alone(host):
    assert host.socket("tcp://127.0.0.1:2381").is_listening
    assert not host.socket("tcp://0.0.0.0:2381").is_listening


def test_the_version_is_the_one_that_was_wanted(host, variables):
    assert variables["artifacts"]["etcd"]["version"] in host.check_output("etcd --version")


@pytest.mark.parametrize("name", ["server", "peer"])
def test_a_certificate_names_the_host_and_lasts_a_week_or_more(host, variables, name):
    path = f"/etc/etcd/pki/{name}.crt"
    names = host.check_output("openssl x509 -noout -ext subjectAltName,extendedKeyUsage -in %s", path)
    assert f"IP Address:{variables['node_address']}" in names
    assert "TLS Web Server Authentication" in names
    assert "TLS Web Client Authentication" in names
    assert host.run("openssl x509 -noout -checkend 604800 -in %s", path).rc == 0
    assert host.run("openssl verify -CAfile /etc/etcd/pki/ca.crt %s", path).rc == 0
