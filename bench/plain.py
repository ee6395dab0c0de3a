"""A control plane of plain processes of this machine, for when there is no lab: `python -m bench.scale --plain`.

The same programs with what of the roles' arguments counts for scale: one etcd, no TLS to it, no audit log, no
encryption of Secrets, no haproxy. Its address is this machine's on the light hosts' bridge.
"""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from bench.control_plane import Plane
from bench.kube_api import Api, Identity, Refused, identity, key_pair, kubeconfig_text
from bench.light import Network
from clusterbook.cluster import kubeconfig, pki
from clusterbook.cluster.artifacts import supply as supplies
from clusterbook.cluster.cluster import Cluster, ensure_cluster, ensure_secrets
from clusterbook.cluster.signing import CertificateSubject
from clusterbook.cluster.store import STORE_VARIABLE, open_store
from clusterbook.errors import Failed

NETWORK = Network("p", "cbplain", "10.93")
NAME, PORT, ETCD = "plain", 6443, "http://127.0.0.1:23790"
READY_SECONDS = 90.0
BINDINGS = {
    "system:node-bootstrapper": ("Group", "system:bootstrappers"),
    "system:certificates.k8s.io:certificatesigningrequests:nodeclient": ("Group", "system:bootstrappers"),
    "system:node": ("User", "flannel"),
}
_RBAC = "rbac.authorization.k8s.io"


@dataclass
class Plain:
    """Its processes. directory: for keys, data and logs."""

    cluster: Cluster
    directory: Path
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, program: Path, *arguments: str) -> None:
        """One program; it is known by its name."""
        with (self.directory / f"{program.name}.log").open("wb") as log:
            self.processes[program.name] = subprocess.Popen(
                [str(program), *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def plane(self) -> Plane:
        """As what is looked at."""
        return Plane(lambda: {name: [one.pid] for name, one in self.processes.items()})

    def end(self) -> None:
        """All of them."""
        for process in reversed(self.processes.values()):
            process.kill()
            process.wait(timeout=20)


@contextmanager
def running(directory: Path) -> Iterator[tuple[Plain, Api]]:
    """From nothing to an API that answers, until the end of the block."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True, mode=0o700)
    environment = {**os.environ, STORE_VARIABLE: f"file://{directory / 'store'}"}
    wishes = {"api_address": NETWORK.gateway, "api_endpoint_mode": "external"}
    plain = Plain(ensure_cluster(open_store(environment), NAME, wishes, environment), directory)
    try:
        _files(plain)
        _programs(plain)
        yield plain, _answering(plain)
    finally:
        plain.end()


def _files(plain: Plain) -> None:
    """Keys and certificates, as the roles put them on a control plane."""
    cluster, here = plain.cluster, plain.directory
    secrets = ensure_secrets(cluster)
    _, public = pki.ensure_service_account_key(cluster.store, cluster.keyring, cluster.name)
    texts = {
        "ca.crt": cluster.authorities.trust_bundle(), "sa.pub": public,
        "sa.key": secrets.value("cluster_service_account_key"), "signing.key": secrets.value("cluster_signing_ca_key"),
        "signing.crt": cluster.authorities.certificate(pki.SIGNING),
    }  # fmt: skip
    texts["api.key"], public_of_api = key_pair()
    subject = CertificateSubject("kube-apiserver", ip_addresses=(NETWORK.gateway,), usages=("server_auth",))
    texts["api.crt"] = cluster.authorities.sign("cluster", public_of_api, subject)
    for name in ("kube-controller-manager", "kube-scheduler"):
        who = identity(cluster, here, f"system:{name}")
        user = {"client-certificate": str(who.certificate), "client-key": str(who.key)}
        texts[f"{name}.conf"] = kubeconfig_text(cluster, here / "ca.crt", user)
    for name, text in texts.items():
        (here / name).write_text(text)


def _programs(plain: Plain) -> None:
    """The four programs."""
    settings, here, complete = supplies.default(), plain.directory, plain.cluster.spec.complete
    version = str(complete["kubernetes_version"])
    known = supplies.supply(settings, settings.catalog.component("kubernetes", version)).files
    etcd = supplies.supply(settings, settings.catalog.component("etcd")).files["etcd"]
    # Files of the cache are named by their sums; the name shows what runs.
    programs = {name: _named(here, name, path) for name, path in {**known, "etcd": etcd}.items()}
    plain.start(programs["etcd"], f"--data-dir={here}/etcd-data", f"--listen-client-urls={ETCD}",
                f"--advertise-client-urls={ETCD}", "--listen-peer-urls=http://127.0.0.1:23800",
                "--listen-metrics-urls=http://127.0.0.1:2381", "--quota-backend-bytes=8589934592")  # fmt: skip
    plain.start(
        programs["kube-apiserver"], f"--advertise-address={NETWORK.gateway}", f"--bind-address={NETWORK.gateway}",
        f"--secure-port={PORT}", "--enable-bootstrap-token-auth=true", "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction,DenyServiceExternalIPs", f"--client-ca-file={here}/ca.crt",
        f"--etcd-servers={ETCD}", "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={here}/sa.pub", f"--service-account-signing-key-file={here}/sa.key",
        f"--service-cluster-ip-range={complete['service_cidr']}", f"--tls-cert-file={here}/api.crt",
        f"--tls-private-key-file={here}/api.key", "--profiling=false",
    )  # fmt: skip
    own = "--bind-address=127.0.0.1"
    plain.start(
        programs["kube-controller-manager"], f"--kubeconfig={here}/kube-controller-manager.conf", own,
        "--controllers=*,bootstrapsigner,tokencleaner", "--allocate-node-cidrs=true",
        f"--cluster-cidr={complete['pod_cidr']}", f"--node-cidr-mask-size={complete['node_pod_prefix_bits']}",
        f"--root-ca-file={here}/ca.crt", f"--cluster-signing-cert-file={here}/signing.crt",
        f"--cluster-signing-key-file={here}/signing.key", f"--service-account-private-key-file={here}/sa.key",
        "--use-service-account-credentials=true", "--terminated-pod-gc-threshold=1000",
    )  # fmt: skip
    plain.start(programs["kube-scheduler"], f"--kubeconfig={here}/kube-scheduler.conf", own)


def _named(directory: Path, name: str, path: Path) -> Path:
    link = directory / "bin" / name
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(path)
    return link


def _answering(plain: Plain) -> Api:
    """The API as a person above every rule, with the rights that nodes need to join."""
    user = yaml.safe_load(kubeconfig.operator_kubeconfig(plain.cluster))["users"][0]["user"]
    own = Identity(plain.directory / "operator.crt", plain.directory / "operator.key")
    own.certificate.write_bytes(base64.b64decode(user["client-certificate-data"]))
    own.key.write_bytes(base64.b64decode(user["client-key-data"]))
    api = Api(plain.cluster)
    api.context, end = api.trusting(own), time.monotonic() + READY_SECONDS
    while not _ready(api):
        if time.monotonic() > end:
            raise Failed("the API does not answer", next_step=f"Read the logs in {plain.directory}.")
        time.sleep(0.5)
    for role, (kind, name) in BINDINGS.items():
        api.make(f"/apis/{_RBAC}/v1/clusterrolebindings", {
            "apiVersion": f"{_RBAC}/v1", "kind": "ClusterRoleBinding", "metadata": {"name": f"bench:{role}"},
            "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": role},
            "subjects": [{"apiGroup": _RBAC, "kind": kind, "name": name}],
        })  # fmt: skip
    return api


def _ready(api: Api) -> bool:
    try:
        api.ask("GET", "/readyz")
    except (OSError, Refused):
        return False
    return True
