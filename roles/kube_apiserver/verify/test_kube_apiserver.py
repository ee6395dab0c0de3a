"""The API server is well, answers strangers only whether it is, and is run by the rules."""

import pytest

GROUPS = ("control_plane",)
SERVICE = "kube-apiserver"
UNIT = "/etc/systemd/system/kube-apiserver.service"
CLOSED = [
    UNIT,
    *(
        f"/etc/kubernetes/apiserver/{name}.yaml"
        for name in ("admission", "audit-policy", "authentication", "encryption")
    ),
    *(
        f"/etc/kubernetes/pki/{name}.key"
        for name in ("apiserver", "apiserver-kubelet-client", "apiserver-etcd-client", "front-proxy-client")
    ),
]
# CIS Kubernetes benchmark, section 1.2, and what belongs to it.
ARGUMENTS = [
    "--authorization-mode=Node,RBAC",
    "--authentication-config=/etc/kubernetes/apiserver/authentication.yaml",
    "--enable-admission-plugins=NodeRestriction,DenyServiceExternalIPs,EventRateLimit",
    "--profiling=false",
    "--audit-log-path=/var/log/kubernetes/audit.log",
    "--client-ca-file=/etc/kubernetes/pki/ca.crt",
    "--kubelet-certificate-authority=/etc/kubernetes/pki/ca.crt",
    "--kubelet-client-certificate=/etc/kubernetes/pki/apiserver-kubelet-client.crt",
    "--kubelet-client-key=/etc/kubernetes/pki/apiserver-kubelet-client.key",
    "--etcd-cafile=/etc/kubernetes/pki/etcd-ca.crt",
    "--etcd-certfile=/etc/kubernetes/pki/apiserver-etcd-client.crt",
    "--etcd-keyfile=/etc/kubernetes/pki/apiserver-etcd-client.key",
    "--service-account-key-file=/etc/kubernetes/pki/sa.pub",
    "--service-account-extend-token-expiration=false",
    "--tls-cert-file=/etc/kubernetes/pki/apiserver.crt",
    "--tls-private-key-file=/etc/kubernetes/pki/apiserver.key",
    "--tls-min-version=VersionTLS12",
    "--encryption-provider-config=/etc/kubernetes/apiserver/encryption.yaml",
]
LEAST = {"--audit-log-maxage": 30, "--audit-log-maxbackup": 10, "--audit-log-maxsize": 100}
NEVER = [
    "--token-auth-file",
    "--anonymous-auth",
    "AlwaysAdmit",
    "--disable-admission-plugins",
    "--service-account-lookup=false",
    "--kubelet-port",
    "--kubelet-read-only-port",
    "--apiserver-count",
    "--admission-control=",
    "--insecure",
]


def ask(host, variables, path):
    """The status of an answer to someone without a credential."""
    url = f"https://{variables['node_address']}:{variables['api_server_port']}{path}"
    authority = "/etc/kubernetes/pki/ca.crt"
    command = "curl --silent --max-time 10 --cacert %s --output /dev/null --write-out '%%{http_code}' %s"
    return host.check_output(command, authority, url)


def test_the_api_server_runs_and_comes_back_after_a_boot(service):
    assert service.lapses() == []


def test_it_listens_on_the_hosts_own_address_alone(host, variables):
    port = variables["api_server_port"]
    assert host.socket(f"tcp://{variables['node_address']}:{port}").is_listening
    assert not host.socket(f"tcp://0.0.0.0:{port}").is_listening


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/healthz"])
def test_a_stranger_hears_that_it_is_well(host, variables, path):
    assert ask(host, variables, path) == "200"


@pytest.mark.parametrize("path", ["/version", "/api", "/apis", "/metrics", "/api/v1/namespaces/kube-system/secrets"])
def test_a_stranger_hears_nothing_else(host, variables, path):
    assert ask(host, variables, path) == "401"


@pytest.mark.parametrize("wanted", ARGUMENTS)
def test_it_runs_with_the_argument(service, wanted):
    assert wanted in service.arguments


@pytest.mark.parametrize("name", LEAST)
def test_it_keeps_enough_of_its_audit_log(service, name):
    assert next(int(each.split("=")[1]) for each in service.arguments if each.startswith(f"{name}=")) >= LEAST[name]


@pytest.mark.parametrize("refused", NEVER)
def test_it_runs_without_the_argument(service, refused):
    assert not [each for each in service.arguments if refused in each]


@pytest.mark.parametrize("path", CLOSED)
def test_only_root_reads_the_file(host, path):
    file = host.file(path)
    assert (file.user, file.group, file.mode) == ("root", "root", 0o600)


def test_the_audit_log_grows_and_is_closed(host):
    log = host.file("/var/log/kubernetes/audit.log")
    assert (log.user, log.mode) == ("root", 0o600)
    assert log.size > 0


def test_the_audit_log_holds_no_body_of_a_secret(host):
    line = '"resource":"secrets".*"(requestObject|responseObject)"'
    assert host.run("tail --lines=2000 /var/log/kubernetes/audit.log | grep --extended-regexp %s", line).rc == 1


@pytest.mark.parametrize("resource", ["secrets", "configmaps"])
def test_stored_objects_are_encrypted(host, variables, resource):
    pki = "/etc/kubernetes/pki"
    found = host.check_output(
        "ETCDCTL_API=3 curl --silent --cacert %s/etcd-ca.crt --cert %s/apiserver-etcd-client.crt "
        "--key %s/apiserver-etcd-client.key --data %s %s/v3/kv/range",
        pki, pki, pki, range_of(f"/registry/{resource}/kube-system/"), variables["etcd_endpoints"][0],
    )  # fmt: skip
    values = values_of(found)
    assert all(value.startswith(b"k8s:enc:secretbox:v1:") for value in values)


def range_of(prefix):
    """An etcd range request for everything under a prefix."""
    import base64
    import json

    start, end = prefix.encode(), prefix[:-1].encode() + bytes([ord(prefix[-1]) + 1])
    keys = {"key": base64.b64encode(start).decode(), "range_end": base64.b64encode(end).decode(), "limit": 20}
    return json.dumps(keys)


def values_of(answer):
    """The stored bytes in an answer of etcd."""
    import base64
    import json

    return [base64.b64decode(each["value"]) for each in json.loads(answer).get("kvs", [])]


def test_its_certificate_names_everything_it_is_reached_by(host, variables):
    path = "/etc/kubernetes/pki/apiserver.crt"
    names = host.check_output("openssl x509 -noout -ext subjectAltName,extendedKeyUsage -in %s", path)
    addresses = [variables["node_address"], variables["kubernetes_service_address"], "127.0.0.1"]
    assert all(f"IP Address:{address}" in names for address in addresses)
    assert variables["api_address"] in names
    assert f"DNS:kubernetes.default.svc.{variables['cluster_domain']}" in names
    assert "TLS Web Server Authentication" in names
    assert "TLS Web Client Authentication" not in names


@pytest.mark.parametrize(
    "name", ["apiserver", "apiserver-kubelet-client", "apiserver-etcd-client", "front-proxy-client"]
)
def test_a_certificate_lasts_a_week_or_more(host, name):
    assert host.run("openssl x509 -noout -checkend 604800 -in %s", f"/etc/kubernetes/pki/{name}.crt").rc == 0


def test_old_tls_is_refused(host, variables):
    address = f"{variables['node_address']}:{variables['api_server_port']}"
    assert host.run("echo | openssl s_client -tls1_1 -connect %s", address).rc != 0


def test_the_version_is_the_one_that_was_wanted(host, variables):
    assert host.check_output("kube-apiserver --version") == f"Kubernetes v{variables['kubernetes_version']}"
