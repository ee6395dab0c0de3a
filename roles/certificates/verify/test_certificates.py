"""What everyone trusts is there, and the keys behind it are closed."""

import pytest

GROUPS = ("control_plane", "worker")


def test_each_node_has_the_certificates_that_everyone_trusts(host, variables):
    file = host.file("/etc/kubernetes/pki/ca.crt")
    assert (file.user, file.group, file.mode) == ("root", "root", 0o644)
    assert file.content_string.strip() == variables["cluster_ca_certificate"].strip()


def test_no_key_can_be_read_by_others_than_its_owner(host):
    assert host.check_output("find /etc/kubernetes /etc/etcd -name '*.key' -perm /077 2>/dev/null || true") == ""


def test_no_certificate_or_configuration_can_be_written_by_others(host):
    assert host.check_output("find /etc/kubernetes -type f -perm /022") == ""


def test_no_host_has_the_key_of_the_clusters_root(host):
    assert not host.file("/etc/kubernetes/pki/ca.key").exists


def test_no_host_keeps_a_credential_above_every_access_rule(host):
    found = host.check_output(
        "find /etc/kubernetes /run/clusterbook* /root -name '*.crt' 2>/dev/null | "
        "xargs --no-run-if-empty --max-args=1 openssl x509 -noout -subject -in"
    )
    assert "system:masters" not in found


@pytest.mark.parametrize("key", ["sa.key", "signing-ca.key"])
def test_only_control_planes_have_the_keys_that_sign(host, subject, key):
    file = host.file(f"/etc/kubernetes/pki/{key}")
    if "control_plane" in subject.host.groups:
        assert (file.user, file.group, file.mode) == ("root", "root", 0o600)
    else:
        assert not file.exists
