"""kube-scheduler is well, listens to this host alone and is run by the rules."""

import pytest

GROUPS = ("control_plane",)
SERVICE = "kube-scheduler"
CLOSED = [
    "/etc/systemd/system/kube-scheduler.service",
    "/etc/kubernetes/scheduler.conf",
    "/etc/kubernetes/pki/kube-scheduler.key",
]
ARGUMENTS = [
    "--profiling=false",
    "--bind-address=127.0.0.1",
    "--config=/etc/kubernetes/scheduler.yaml",
]


def test_it_runs_and_comes_back_after_a_boot(service):
    assert service.lapses() == []


def test_it_listens_to_this_host_alone(host):
    assert host.socket("tcp://127.0.0.1:10259").is_listening
    assert not host.socket("tcp://0.0.0.0:10259").is_listening


def test_it_is_healthy(host):
    assert host.check_output("curl --silent --insecure https://127.0.0.1:10259/healthz") == "ok"


@pytest.mark.parametrize("wanted", ARGUMENTS)
def test_it_runs_with_the_argument(service, wanted):
    assert wanted in service.arguments


@pytest.mark.parametrize("path", CLOSED)
def test_only_root_reads_the_file(host, path):
    file = host.file(path)
    assert (file.user, file.group, file.mode) == ("root", "root", 0o600)


def test_its_certificate_is_its_own(host):
    subject = host.check_output("openssl x509 -noout -subject -in /etc/kubernetes/pki/kube-scheduler.crt")
    assert subject.replace(" ", "").endswith("CN=system:kube-scheduler")


def test_the_version_is_the_one_that_was_wanted(host, variables):
    assert host.check_output("kube-scheduler --version") == f"Kubernetes v{variables['kubernetes_version']}"
