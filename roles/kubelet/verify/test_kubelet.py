"""The kubelet answers the API server alone, by certificates that it rotates, and is run by the rules."""

import json

import pytest

GROUPS = ("control_plane", "worker")
SERVICE = "kubelet"
CONFIGURATION = "/var/lib/kubelet/config.yaml"
CLOSED = ["/etc/systemd/system/kubelet.service", "/etc/kubernetes/kubelet.conf", CONFIGURATION]
CERTIFICATES = ["kubelet-client-current.pem", "kubelet-server-current.pem"]
# CIS Kubernetes benchmark, section 4.2, as the kubelet's configuration file says it.
LINES = [
    "authorization:\n  mode: Webhook",
    "  anonymous:\n    enabled: false",
    "    clientCAFile: /etc/kubernetes/pki/ca.crt",
    "makeIPTablesUtilChains: true",
    "readOnlyPort: 0",
    "rotateCertificates: true",
    "serverTLSBootstrap: true",
    "seccompDefault: true",
    "tlsMinVersion: VersionTLS12",
]
# Flags that newer kubelets refuse, and the one that would part the node's name from the host's.
NEVER = ["--pod-infra-container-image", "--hostname-override", "--anonymous-auth", "--read-only-port"]


def status_of(host, variables, path):
    """The kubelet's answer to someone without a credential."""
    url = f"https://{variables['node_address']}:10250{path}"
    command = "curl --silent --max-time 10 --cacert %s --output /dev/null --write-out '%%{http_code}' %s"
    return host.check_output(command, "/etc/kubernetes/pki/ca.crt", url)


def test_the_kubelet_runs_and_comes_back_after_a_boot(service):
    assert service.lapses() == []


def test_the_kubelet_is_well(host):
    assert host.check_output("curl --silent --max-time 10 http://127.0.0.1:10248/healthz") == "ok"


def test_the_version_is_the_one_that_was_wanted(host, variables):
    assert host.check_output("kubelet --version") == f"Kubernetes v{variables['kubernetes_version']}"


@pytest.mark.parametrize("path", CLOSED)
def test_a_file_of_the_kubelet_is_closed_to_others(host, path):
    file = host.file(path)
    assert (file.user, file.group, file.mode) == ("root", "root", 0o600)


def test_it_asks_the_api_where_the_host_is_told_to(host, variables):
    """A control plane's asks its own API server, so that an upgrade never has a kubelet newer than what it asks."""
    lines = host.file("/etc/kubernetes/kubelet.conf").content_string.splitlines()
    assert [line.strip() for line in lines if "server:" in line] == [f"server: {variables['node_api_url']}"]


@pytest.mark.parametrize("line", LINES)
def test_the_configuration_keeps_to_the_benchmark(host, line):
    assert line in host.file(CONFIGURATION).content_string


def test_the_configuration_limits_what_pods_may_take(host, variables):
    text = host.file(CONFIGURATION).content_string
    assert f"podPidsLimit: {variables['kubelet_pod_pids_limit']}" in text
    assert variables["kubelet_event_record_qps"] > 0
    assert f"protectKernelDefaults: {str(variables['kubelet_protect_kernel_defaults']).lower()}" in text


@pytest.mark.parametrize("flag", NEVER)
def test_a_refused_flag_is_not_used(host, flag):
    assert flag not in host.process.get(comm="kubelet").args


@pytest.mark.parametrize("path", ["/pods", "/metrics", "/healthz", "/configz"])
def test_a_stranger_is_refused(host, variables, path):
    assert status_of(host, variables, path) == "401"


def test_the_read_only_port_is_closed(host):
    assert not host.socket("tcp://0.0.0.0:10255").is_listening
    assert not host.socket("tcp://:::10255").is_listening


@pytest.mark.parametrize("name", CERTIFICATES)
def test_a_certificate_says_who_the_node_is_and_lasts(host, variables, name):
    path = f"/var/lib/kubelet/pki/{name}"
    subject = host.check_output("openssl x509 -noout -subject -nameopt multiline -in %s", path)
    assert f"= system:node:{variables['node_name']}" in subject
    assert "= system:nodes" in subject
    assert host.run("openssl x509 -noout -checkend 604800 -in %s", path).rc == 0
    assert host.file(path).mode == 0o600


def test_the_serving_certificate_is_the_cluster_s_own_and_for_this_host_alone(host, variables):
    path = "/var/lib/kubelet/pki/kubelet-server-current.pem"
    names = host.check_output("openssl x509 -noout -ext subjectAltName,extendedKeyUsage -in %s", path)
    assert f"IP Address:{variables['node_address']}" in names
    assert "TLS Web Server Authentication" in names
    assert "TLS Web Client Authentication" not in names
    assert host.run("openssl verify -CAfile /etc/kubernetes/pki/ca.crt %s", path).rc == 0


def test_no_bootstrap_token_is_left_on_the_host(host):
    assert not host.file("/etc/kubernetes/bootstrap-kubelet.conf").exists


def test_the_node_is_ready(host, variables):
    command = "kubectl --kubeconfig=/etc/kubernetes/kubelet.conf get node %s --output=json"
    node = json.loads(host.check_output(command, variables["node_name"]))
    assert {each["type"]: each["status"] for each in node["status"]["conditions"]}["Ready"] == "True"
