"""kube-proxy keeps the services' rules in nftables and tells its metrics to this host alone."""

import pytest

GROUPS = ("control_plane", "worker")
SERVICE = "kube-proxy"
CLOSED = [
    "/etc/kubernetes/kube-proxy.conf",
    "/etc/kubernetes/pki/kube-proxy.key",
    "/etc/systemd/system/kube-proxy.service",
    "/var/lib/kube-proxy/config.yaml",
]


def test_kube_proxy_runs_and_comes_back_after_a_boot(service):
    assert service.lapses() == []


@pytest.mark.parametrize("path", CLOSED)
def test_a_file_of_kube_proxy_is_closed_to_others(host, path):
    file = host.file(path)
    assert (file.user, file.group, file.mode) == ("root", "root", 0o600)


def test_the_version_is_the_one_that_was_wanted(host, variables):
    assert host.check_output("kube-proxy --version") == f"Kubernetes v{variables['kubernetes_version']}"


def test_it_works_by_nftables(host):
    assert host.check_output("curl --silent --max-time 10 http://127.0.0.1:10249/proxyMode") == "nftables"


def test_it_knows_the_api_s_own_service(host, variables):
    rules = host.check_output("nft list map ip kube-proxy service-ips")
    assert f"{variables['kubernetes_service_address']} . tcp . 443" in rules


def test_it_is_well_and_has_synced_lately(host, variables):
    url = f"http://{variables['node_address']}:10256/healthz"
    assert host.run("curl --silent --fail --max-time 10 %s", url).rc == 0


def test_metrics_are_told_to_this_host_alone(host, variables):
    assert host.socket("tcp://127.0.0.1:10249").is_listening
    url = f"http://{variables['node_address']}:10249/metrics"
    assert host.run("curl --silent --max-time 5 --output /dev/null %s", url).rc != 0


def test_the_certificate_is_kube_proxy_s_own_and_lasts(host):
    path = "/etc/kubernetes/pki/kube-proxy.crt"
    shown = host.check_output("openssl x509 -noout -subject -ext extendedKeyUsage -in %s", path)
    assert "CN=system:kube-proxy" in shown.replace(" ", "")
    assert "TLS Web Client Authentication" in shown
    assert "TLS Web Server Authentication" not in shown
    assert host.run("openssl x509 -noout -checkend 604800 -in %s", path).rc == 0
