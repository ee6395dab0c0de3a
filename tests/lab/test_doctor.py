"""What `doctor` says of clusters that are broken for real: each state is made on hosts or in the API, and named."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from clusterbook.cluster.acceptance import objects
from clusterbook.cluster.artifacts.catalog import load as load_catalog
from clusterbook.cluster.cluster import ensure_cluster
from clusterbook.cluster.store import open_store
from clusterbook.cluster.support import ETCDCTL
from clusterbook.lab import lab, record
from clusterbook.lab.mirror_servers import of_lab
from tests.lab.asking import as_root, until
from tests.lab.conftest import Cluster, environment
from tests.lab.forms import booted

pytestmark = pytest.mark.skipif("CLUSTERBOOK_FULL" not in os.environ, reason="a long form: make full")
FORM = "three control planes and one worker, of 1.36.3"
OLD, NEWER = "1.36.3", "1.37.2"
# What a node joins with, and a token that nobody gave.
BOOTSTRAP = """\
apiVersion: v1
kind: Config
clusters:
- name: forms
  cluster:
    certificate-authority: /etc/kubernetes/pki/ca.crt
    server: https://{api}:6443
contexts:
- name: bootstrap
  context:
    cluster: forms
    user: bootstrap
current-context: bootstrap
users:
- name: bootstrap
  user:
    token: aaaaaa.0123456789abcdef
"""
# The program on a machine whose clock is 10 s behind: hosts of a lab share this machine's.
LATE = ("import sys, time; true = time.time; time.time = lambda: true() - 10; "
        "from clusterbook.cli.main import main; sys.argv[0] = 'clusterbook'; main()")  # fmt: skip


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("doctor")
    with booted(FORM, folder, lambda name, file, store: Cluster(name, file, environment(store))) as raised:
        raised.on("mirror", "--start", "--kubernetes-version", OLD)
        raised.on("provision")
        raised.on("validate-cluster", "--wait", "3m")
        yield raised


def asked(one: Cluster) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(one.on("doctor", "--json", expect=None).output)
    return answer


def names(one: Cluster, *wanted: tuple[str, str], first: bool = False) -> None:
    """All of these are found, sooner or later: the kubelet, for one, takes its time to tell.

    first: the first of them is what is told first; what follows from it comes behind.
    """

    def found() -> bool:
        told = [(each["cause"], each["where"]) for each in asked(one)["causes"]]
        return set(wanted) <= set(told) and (not first or told[0] == wanted[0])

    until(found, f"{wanted} {'at the head of' if first else 'among'} what is found")


def is_well(one: Cluster) -> None:
    until(lambda: asked(one)["well"], "nothing is found any more")


def on(host: str, command: str) -> str:
    return as_root(record.read_spec("forms"), host, command)


@contextmanager
def applied(one: Cluster, *items: dict[str, Any]) -> Iterator[None]:
    """Objects of the cluster, for a while."""
    file = one.apply(*items)
    try:
        yield
    finally:
        one.kubectl("delete", "--ignore-not-found", "--wait=false", f"--filename={file}")


def certificate(one: Cluster, *, ours: bool) -> str:
    """One that ended yesterday, or one that signed itself; PEM."""
    env = {**one.environment}
    issuer = ensure_cluster(open_store(env), one.name, {}, env).authorities.issuers["cluster"]
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "system:kube-scheduler")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(
        issuer.certificate.subject if ours else name, name, key.public_key(), x509.random_serial_number(),
        now - timedelta(days=9), now + timedelta(days=-1 if ours else 9),
    ).sign(issuer.key if ours else key, hashes.SHA256())  # fmt: skip
    return made.public_bytes(serialization.Encoding.PEM).decode()


def test_nothing_is_wrong_with_a_new_cluster(one: Cluster) -> None:
    is_well(one)
    assert "nothing is wrong" in one.on("doctor").output


def test_files_and_settings_of_hosts(one: Cluster) -> None:
    on("cp-1", "systemctl disable --now kube-scheduler")
    pki = "/etc/kubernetes/pki"
    on("cp-2", f"echo {shlex.quote(certificate(one, ours=True))} > {pki}/kube-scheduler.crt")
    on("cp-3", f"echo {shlex.quote(certificate(one, ours=False))} > {pki}/kube-scheduler.crt")
    on("cp-2", f"sed --in-place 's/[A-Za-z]/x/2' {pki}/sa.pub")
    on("cp-3", "echo '}' >> /var/lib/kubelet/config.yaml; systemctl restart kubelet")
    on("w-1", "echo 0 > /proc/sys/net/ipv4/ip_forward; ip address add 10.244.77.1/32 dev lo scope global")
    on("w-1", "cp /etc/machine-id /root/own-id")
    on("w-1", f"echo {on('cp-1', 'cat /etc/machine-id')} > /etc/machine-id")
    on("w-1", "sed --in-place 's/SystemdCgroup = .*/SystemdCgroup = NOT/' /etc/containerd/config.toml; "
       "grep -q 'cgroupDriver: systemd' /var/lib/kubelet/config.yaml && new=false || new=true; "
       "sed --in-place s/NOT/$new/ /etc/containerd/config.toml")  # fmt: skip
    on("w-1", "systemctl disable --now kube-proxy; rm /etc/systemd/system/kube-proxy.service; systemctl daemon-reload")
    on("w-1", "mkdir -p /root/cni; mv /etc/cni/net.d/* /root/cni/")
    on("w-1", "mount -t tmpfs -o size=1m none /tmp; dd if=/dev/zero of=/tmp/full bs=1M 2>/dev/null || true")
    try:
        names(
            one, ("unit-off", "cp-1 kube-scheduler"), ("unit-off", "w-1 kube-proxy"), ("certificate-expired", "cp-2"),
            ("certificate-foreign", "cp-3"), ("keys-differ", "cp-1, cp-2, cp-3"), ("unit-failing", "cp-3 kubelet"),
            ("forwarding-off", "w-1"),
            ("networks-overlap", "w-1"), ("same-machine-id", "cp-1, w-1"), ("cgroup-drivers-differ", "w-1"),
            ("cni-not-configured", "w-1"), ("disk-full", "w-1"),
        )  # fmt: skip
        told = one.on("doctor", expect=1).output  # also in the second in which the kubelet is starting again
        assert "yaml: line" in told, "the kubelet's own words say which setting"
    finally:
        on("w-1", "umount /tmp; ip address delete 10.244.77.1/32 dev lo; mv /root/own-id /etc/machine-id")
    one.on("provision")
    is_well(one)


def test_what_hosts_have_of_the_machine_they_run_on(one: Cluster, tmp_path: Path) -> None:
    swap, hosts = tmp_path / "swap", ("cp-1", "cp-2", "cp-3", "w-1")
    swap.touch(mode=0o600)
    swap.write_bytes(bytes(16 << 20))
    for command in ("mkswap", "swapon"):
        subprocess.run([command, str(swap)], check=True, capture_output=True)
    try:
        names(one, *(("swap-on", host) for host in hosts))
    finally:
        subprocess.run(["swapoff", str(swap)], check=True)
    is_well(one)
    argv = [sys.executable, "-c", LATE, "doctor", "--json", "--inventory", str(one.inventory)]
    late = subprocess.run(argv, capture_output=True, text=True, check=False, env=one.environment, timeout=300)
    found = json.loads(late.stdout)["causes"]
    assert [each["where"] for each in found if each["cause"] == "clock-skew"] == list(hosts)
    assert "10 s ahead of this machine's clock" in late.stdout


def test_nodes_that_are_short_of_disk_too_new_or_of_another_network(one: Cluster) -> None:
    on("cp-3", "printf 'evictionHard:\\n  nodefs.available: \"99%%\"\\n' >> /var/lib/kubelet/config.yaml; "
       "systemctl restart kubelet")  # fmt: skip
    one.on("mirror", "--start", "--kubernetes-version", NEWER)
    served = yaml.safe_load(of_lab(record.read_spec(one.name)).variables.read_text())["artifacts"]["kubelet"]["url"]
    one.on("mirror", "--start", "--kubernetes-version", OLD)
    on("w-1", f"curl --silent --fail --output /usr/local/bin/newer {served}; chmod 755 /usr/local/bin/newer; "
       "cp /usr/local/bin/kubelet /root/own-kubelet; mv /usr/local/bin/newer /usr/local/bin/kubelet; "
       "systemctl restart kubelet")  # fmt: skip
    elsewhere = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "w-9"},
                 "spec": {"podCIDR": "192.168.7.0/24", "podCIDRs": ["192.168.7.0/24"]}}  # fmt: skip
    with applied(one, elsewhere):
        names(one, ("node-pressure", "cp-3"), ("kubelet-newer", "w-1"), ("pod-network-wrong", "w-9"))
        refused = one.on("upgrade", "--to", NEWER, expect=3).errors
        assert "the kubelet of w-1 is 1.37.2, newer than its API server" in " ".join(refused.split())
    on("w-1", "mv /root/own-kubelet /usr/local/bin/kubelet; systemctl restart kubelet")  # no provision goes back
    one.on("provision")
    is_well(one)


def test_what_keeps_a_node_from_the_cluster(one: Cluster) -> None:
    api = on("w-1", "sed -n 's,^ *server: https://,,p' /etc/kubernetes/kubelet.conf").rpartition(":")[0]
    on("w-1", f"ip route add blackhole {api}/32")
    names(one, ("api-unreachable", "w-1"), first=True)
    on("w-1", f"ip route delete blackhole {api}/32")

    on("w-1", "systemctl stop kubelet; systemd-run --unit=squatter python3 -m http.server 10250; sleep 1; "
       "systemctl start kubelet --no-block")  # fmt: skip
    names(one, ("port-taken", "w-1"), ("node-not-ready", "w-1"), first=True)
    on("w-1", "systemctl stop squatter")
    is_well(one)

    for host in ("cp-1", "cp-2", "cp-3"):
        on(host, "systemctl stop clusterbook-csr-approver")
    on("w-1", "rm /var/lib/kubelet/pki/kubelet-server-*; systemctl restart kubelet")
    off = [("unit-off", f"{host} clusterbook-csr-approver") for host in ("cp-1", "cp-2", "cp-3")]
    names(one, *off, ("request-not-approved", "system:node:w-1"), first=True)
    one.on("provision")
    is_well(one)

    on("w-1", "systemctl stop kubelet; rm /etc/kubernetes/kubelet.conf /var/lib/kubelet/pki/*")
    on("w-1", f"echo {shlex.quote(BOOTSTRAP.format(api=api))} > /etc/kubernetes/bootstrap-kubelet.conf; "
       "systemctl start kubelet --no-block")  # fmt: skip
    names(one, ("token-refused", "w-1"), first=True)
    one.on("provision")
    is_well(one)


def test_what_the_api_holds(one: Cluster) -> None:
    image = load_catalog().image("busybox").reference

    def pod(name: str, line: str = objects.FOREVER, **more: Any) -> dict[str, Any]:
        spec = more.pop("spec", {})
        return objects.pod(name, objects.container(image, "sh", "-c", line, **more), **spec)

    stuck = pod("stuck")
    stuck["metadata"]["finalizers"] = ["example.com/never"]
    kept = {"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "kept", "namespace": "leaving", "finalizers": ["example.com/never"]}}  # fmt: skip
    rule = {"apiGroups": ["example.com"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["things"]}
    webhook = {"name": "guard.example.com", "rules": [rule], "sideEffects": "None", "admissionReviewVersions": ["v1"],
               "clientConfig": {"service": {"namespace": "default", "name": "nobody"}}}  # fmt: skip
    service = {"service": {"namespace": "default", "name": "nobody"}, "group": "example.com", "version": "v1",
               "groupPriorityMinimum": 1000, "versionPriority": 10, "insecureSkipTLSVerify": True}  # fmt: skip
    claim = {"accessModes": ["ReadWriteOnce"], "storageClassName": "fast",
             "resources": {"requests": {"storage": "1Mi"}}}  # fmt: skip
    small = {"requests": {"cpu": "5m", "memory": "8Mi"}, "limits": {"memory": "8Mi"}}
    items = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "leaving"}}, kept, stuck,
        {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
         "metadata": {"name": "guard"}, "webhooks": [webhook]},
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"}, "spec": claim},
        {**pod("no-image"), "spec": {"containers": [objects.container("registry.k8s.io/there-is-none:1", "true")]}},
        pod("no-map", envFrom=[{"configMapRef": {"name": "none"}}]), pod("crashes", "exit 3"),
        pod("eats", "sleep 1; tail /dev/zero", resources=small),
        pod("big", resources={"requests": {"memory": "900Gi"}}),
        pod("silent", readinessProbe={"exec": {"command": ["false"]}, "periodSeconds": 1}),
    ]  # fmt: skip
    with applied(one, *items):
        until(lambda: "Running" in one.kubectl("get", "pod", "stuck"), "the pod runs")
        one.kubectl("delete", "pod", "stuck", "--wait=false", "--grace-period=1")
        one.kubectl("delete", "namespace", "leaving", "--wait=false")
        one.kubectl("cordon", "w-1")
        one.kubectl("-n", "kube-system", "scale", "deployment/coredns", "--replicas=0")
        names(
            one, ("image-not-pullable", "default/no-image main"), ("configuration-missing", "default/no-map main"),
            ("container-crashing", "default/crashes main"), ("out-of-memory", "default/eats main"),
            ("pod-unschedulable", "default/big"), ("probe-failing", "default/silent main"),
            ("volume-not-bound", "default/data"), ("webhook-without-pods", "guard"), ("namespace-stuck", "leaving"),
            ("pod-stuck", "default/stuck"), ("node-cordoned", "w-1"), ("dns-without-pods", "kube-system/kube-dns"),
        )  # fmt: skip
        for thing in (("pod", "stuck"), ("configmap", "kept", "-n", "leaving")):
            one.kubectl("patch", *thing, "--type=json", '--patch=[{"op": "remove", "path": "/metadata/finalizers"}]')
    one.kubectl("uncordon", "w-1")
    extension = {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
                 "metadata": {"name": "v1.example.com"}, "spec": service}  # fmt: skip
    with applied(one, extension):
        names(one, ("api-service-down", "v1.example.com"))
    one.kubectl("-n", "kube-system", "scale", "deployment/coredns", "--replicas=2")
    is_well(one)


def test_etcd_and_lost_hosts(one: Cluster) -> None:
    on("cp-3", "systemctl stop etcd")
    names(one, ("unit-off", "cp-3 etcd"), ("etcd-member-lost", "cp-3"), first=True)
    assert "etcd cp-3" in one.on("upgrade", "--to", NEWER, expect=3).errors
    on("cp-2", "systemctl stop etcd")
    names(one, ("etcd-no-quorum", "cp-2, cp-3"), ("unit-off", "cp-2 etcd"), ("unit-off", "cp-3 etcd"), first=True)
    on("cp-2", "systemctl start etcd")
    on("cp-3", "systemctl start etcd")
    is_well(one)

    on("cp-1", "sed --in-place 's/--quota-backend-bytes=[0-9]*/--quota-backend-bytes=1/' "
       "/etc/systemd/system/etcd.service; systemctl daemon-reload; systemctl restart etcd")  # fmt: skip
    names(one, ("etcd-full", "cp-1, cp-2, cp-3"), first=True)
    one.on("provision", expect=None)
    on("cp-1", "systemctl restart etcd")
    on("cp-1", f"{ETCDCTL} alarm disarm")
    one.on("provision")
    is_well(one)

    spec = record.read_spec(one.name)
    lab.stop_host(spec, "w-1")
    names(one, ("host-unreachable", "w-1"), ("node-not-ready", "w-1"), first=True)
    lab.start_host(spec, "w-1")
    is_well(one)
