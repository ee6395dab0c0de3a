"""What API servers count of deprecated APIs, asked of two real ones and an etcd on loopback, without hosts or nodes.

Kubernetes 1.37 has no networking.k8s.io/v1beta1 any more, which 1.36 serves when it is asked to, and calls deprecated;
nor scheduling.k8s.io/v1alpha2, whose end nothing announces.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from clusterbook.cluster import preflight
from clusterbook.cluster.artifacts import supply as supplies
from clusterbook.cluster.cluster import Cluster, ensure_cluster
from clusterbook.cluster.health import Hosts
from clusterbook.cluster.kube import Kubectl
from clusterbook.cluster.store import FileStore
from tests.lab.asking import until
from tests.unit.ports import free_port

OLD, NEW = "1.36.3", "1.37.2"
HOSTS = Hosts({"cp-1": "127.0.0.2", "cp-2": "127.0.0.3"}, {}, ())
API, UNANNOUNCED = "networking.k8s.io/v1beta1", "scheduling.k8s.io/v1alpha2"
NAME = "servicecidrs.v1beta1.networking.k8s.io"
POLICY = '{"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": [{"level": "Metadata"}]}'


def programs(component: str, version: str | None = None) -> Mapping[str, Path]:
    """Its files, when they are in the cache: no test builds for minutes."""
    settings = supplies.default(sources=("cache",))
    wanted = settings.catalog.component(component, version)
    if supplies.from_cache(settings, wanted) is None:
        pytest.skip(f"{wanted.path} is not in the artifact cache: invoke artifacts --fetch")
    return supplies.supply(settings, wanted).files


@dataclass
class Servers:
    """API servers of two hosts, which share an etcd."""

    folder: Path
    cluster: Cluster
    etcd: int
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def port(self) -> int:
        """Of every API server."""
        return int(self.cluster.spec.complete["api_server_port"])

    @property
    def kubectl(self) -> Kubectl:
        """Of the older version, as an administrator."""
        return Kubectl(programs("kubernetes", OLD)["kubectl"], self.folder / "kubeconfig")

    def start(self, host: str, version: str, *apis: str) -> None:
        """Start one that serves these APIs as well; one that runs is ended before."""
        self.end(host)
        address, key = HOSTS.control_planes[host], self.folder / "accounts.key"
        with (self.folder / f"{host}.log").open("wb") as log:
            self.running[host] = subprocess.Popen([
                programs("kubernetes", version)["kube-apiserver"], f"--etcd-servers=http://127.0.0.1:{self.etcd}",
                f"--bind-address={address}", f"--advertise-address={address}", f"--secure-port={self.port}",
                "--endpoint-reconciler-type=none", f"--cert-dir={self.folder / host}",
                "--service-cluster-ip-range=10.201.0.0/16", "--service-account-issuer=https://clusterbook.test",
                f"--service-account-key-file={key}", f"--service-account-signing-key-file={key}",
                f"--token-auth-file={self.folder / 'tokens'}", "--authorization-mode=RBAC",
                f"--audit-policy-file={self.folder / 'policy'}", f"--audit-log-path={self.folder / host}-audit.log",
                f"--runtime-config={','.join(f'{one}=true' for one in apis)}",
            ], stdin=subprocess.DEVNULL, stdout=log, stderr=log)  # fmt: skip

    def well(self, host: str) -> None:
        """Wait until it is."""
        until(lambda: self.asked(host, "/readyz").stdout == "ok", f"the API server is well: {self.log(host)[-900:]}")

    def asked(self, host: str, path: str) -> subprocess.CompletedProcess[str]:
        """What this one answers."""
        server = f"--server=https://{HOSTS.control_planes[host]}:{self.port}"
        return self.kubectl.try_run("get", f"--raw={path}", server, "--request-timeout=5s")

    def counted(self) -> preflight.Requested:
        """What the preflight of an upgrade finds."""
        return preflight.requested(self.cluster, self.kubectl, HOSTS)

    def gone(self) -> list[preflight.RequestedApi]:
        """APIs in use that the newer version has no more."""
        return [one for one in self.counted().apis if one.gone(NEW)]

    def log(self, host: str) -> str:
        """All that it said."""
        return (self.folder / f"{host}.log").read_text()

    def end(self, host: str) -> None:
        """End it and wait for that."""
        if host in self.running:
            ended(self.running.pop(host))


def ended(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(30)


@contextmanager
def etcd(folder: Path, port: int) -> Iterator[None]:
    """One member on loopback."""
    peers = f"http://127.0.0.1:{free_port()}"
    words = {"data-dir": folder / "etcd", "listen-client-urls": f"http://127.0.0.1:{port}",
             "advertise-client-urls": f"http://127.0.0.1:{port}", "listen-peer-urls": peers,
             "initial-advertise-peer-urls": peers, "initial-cluster": f"default={peers}"}  # fmt: skip
    argv = [programs("etcd")["etcd"], *(f"--{name}={value}" for name, value in words.items())]
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        ended(process)


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    """None is started yet."""
    subprocess.run(["openssl", "genrsa", "-out", tmp_path / "accounts.key", "2048"], check=True, capture_output=True)
    (tmp_path / "tokens").write_text("only-for-this-test,admin,1,system:masters\n")
    (tmp_path / "policy").write_text(POLICY)
    wishes = {"api_address": "127.0.0.2", "api_server_port": free_port(), "kubernetes_version": OLD}
    cluster = ensure_cluster(FileStore(tmp_path / "store"), "demo", wishes, {}, tmp_path / "configuration")
    one = Servers(tmp_path, cluster, free_port())
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump({
        "apiVersion": "v1", "kind": "Config", "current-context": "a",
        "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
        "clusters": [{"name": "a", "cluster": {"server": "https://127.0.0.2", "insecure-skip-tls-verify": True}}],
        "users": [{"name": "a", "user": {"token": "only-for-this-test"}}],
    }))  # fmt: skip
    with ExitStack() as stack:
        stack.enter_context(etcd(tmp_path, one.etcd))
        for host in HOSTS.control_planes:
            stack.callback(one.end, host)
        yield one


def test_the_use_of_an_api_that_goes_is_counted_until_its_api_server_is_started_anew(servers: Servers) -> None:
    for host in HOSTS.control_planes:
        servers.start(host, OLD, API)
        servers.well(host)
    assert servers.gone() == []
    path = f"/apis/{API}/servicecidrs"
    assert json.loads(servers.asked("cp-2", path).stdout)["apiVersion"] == API
    assert servers.gone() == [preflight.RequestedApi(NAME, "1.37", ("cp-2",))]
    (line,) = [line for line in (servers.folder / "cp-2-audit.log").read_text().splitlines()
               if '"k8s.io/removed-release":"1.37"' in line]  # fmt: skip
    asker = json.loads(line)
    assert (asker["user"]["username"], asker["requestURI"].split("?")[0]) == ("admin", path)

    before = servers.counted().since
    servers.start("cp-2", OLD, API)
    servers.well("cp-2")
    after = servers.counted().since
    assert servers.gone() == [] and before and after and after > before


def test_the_next_version_does_not_serve_it_and_does_not_start_with_one_whose_end_nobody_announced(
    servers: Servers,
) -> None:
    servers.start("cp-1", NEW, API)
    servers.well("cp-1")
    assert "NotFound" in servers.asked("cp-1", f"/apis/{API}/servicecidrs").stderr
    servers.start("cp-2", NEW, API, UNANNOUNCED)
    assert servers.running["cp-2"].wait(60) == 1
    assert f"group version {UNANNOUNCED} that has not been registered" in servers.log("cp-2")
