"""Authorities, keys and certificates of a running cluster are replaced while people use it: run by `make full`."""

from __future__ import annotations

import base64
import json
import os
import shlex
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from clusterbook.cluster.certificates import COPIES, PLACES
from clusterbook.cluster.cluster import Cluster as Opened
from clusterbook.cluster.cluster import ensure_cluster
from clusterbook.cluster.pki import SIGNING, path_of
from clusterbook.cluster.signing import Issuer
from clusterbook.cluster.store import open_store
from clusterbook.lab import record
from tests.lab.asking import as_root
from tests.lab.conftest import Cluster
from tests.lab.forms import is_well, raised
from tests.lab.killing import killed_when
from tests.lab.probing import failed, paged, probed

pytestmark = pytest.mark.skipif("CLUSTERBOOK_FULL" not in os.environ, reason="a long form: make full")
HOSTS = ("cp-1", "cp-2", "cp-3", "w-1")
UNITS = ("etcd kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy flanneld "
         "clusterbook-csr-approver")  # fmt: skip


@pytest.fixture(scope="module")
def form(tmp_path_factory: pytest.TempPathFactory, clusters: Callable[[str, Path, Path], Cluster]) -> Iterator[Cluster]:
    if os.geteuid() != 0:
        pytest.skip("a lab needs root")
    folder = tmp_path_factory.mktemp("turn")
    with raised("three control planes and one worker", folder, clusters, "turn", "10.73.0") as one:
        yield one


@pytest.fixture(scope="module")
def tokens() -> list[str]:
    """A token of before the rotation."""
    return []


def opened(form: Cluster) -> Opened:
    return ensure_cluster(open_store(form.environment), form.name, {}, form.environment)


def on(form: Cluster, host: str, command: str) -> str:
    return as_root(record.read_spec(form.name), host, command)


def system(form: Cluster, *words: str) -> str:
    return form.kubectl("--namespace=kube-system", *words)


def answered(form: Cluster, authority: str, token: str) -> str:
    """The status of the API's answer to a token, by a client that trusts this authority alone."""
    on(form, "w-1", f"echo {shlex.quote(authority)} > /run/authority.crt")
    return on(form, "w-1", f"curl --silent --output /dev/null --write-out '%{{http_code}}' --cacert /run/authority.crt "
                           f"--header 'Authorization: Bearer {token}' "
                           f"{form.kubectl('config', 'view', '--output=jsonpath={.clusters[0].cluster.server}')}"
                           "/api || true")  # fmt: skip


def test_what_somebody_changed_of_an_add_on_is_seen_and_brought_back(form: Cluster) -> None:
    system(form, "scale", "deployment/coredns", "--replicas=0")
    system(form, "delete", "configmap", "coredns")
    (told,) = json.loads(form.on("drift", "--json", expect=2).output)["differences"]
    assert told["name"] == "apps.v1.Deployment.kube-system.coredns, v1.ConfigMap.kube-system.coredns"
    form.on("plan", expect=2)
    form.on("provision")
    assert system(form, "get", "deployment/coredns", "--output=jsonpath={.spec.replicas}") == "2"
    assert "coredns" in system(form, "get", "configmaps", "--output=name")
    assert all(not counts["changed"] for counts in form.on("provision", "--json").summary().values())
    form.on("validate-cluster", "--wait", "5m")


def stored_under(form: Cluster) -> set[str]:
    """The keys that etcd's own data names in front of every Secret and ConfigMap, and of each object without one ''."""
    ask = "etcdctl --cacert=/etc/etcd/pki/ca.crt --cert=/etc/etcd/pki/healthcheck-client.crt " \
          "--key=/etc/etcd/pki/healthcheck-client.key get --write-out=json --prefix /registry/"  # fmt: skip
    values = [base64.b64decode(found["value"]) for kind in ("secrets", "configmaps")
              for found in json.loads(on(form, "cp-1", f"{ask}{kind}/"))["kvs"]]  # fmt: skip
    assert len(values) > 5
    parts = [value[:80].split(b":", 5) for value in values]
    return {part[4].decode() if part[:4] == [b"k8s", b"enc", b"secretbox", b"v1"] else "" for part in parts}


def test_secrets_get_a_new_key_and_no_request_fails(form: Cluster) -> None:
    system(form, "create", "secret", "generic", "of-before", "--from-literal=word=before")
    before = stored_under(form)
    form.on("rotate-encryption-key", expect=2)
    assert stored_under(form) == before
    with probed(form, paged(form, "w-1")) as records:
        form.on("rotate-encryption-key", "--yes")
    assert failed(records) == {}
    after = stored_under(form)
    assert len(after) == 1
    assert after.isdisjoint(before)
    for host in HOSTS[:3]:
        assert on(form, host, "grep --count name: /etc/kubernetes/apiserver/encryption.yaml") == "1"
    word = system(form, "get", "secret", "of-before", "--output=jsonpath={.data.word}")
    assert base64.b64decode(word) == b"before"
    system(form, "delete", "secret", "of-before")
    form.on("plan")


def test_authorities_are_replaced_by_a_task_that_is_killed_twice_and_no_request_fails(
    form: Cluster, tokens: list[str]
) -> None:  # fmt: skip
    old = opened(form).authorities
    tokens.append(system(form, "create", "token", "coredns", "--duration=2h"))
    pods = system(form, "get", "pods", "--selector=k8s-app=kube-dns", "--output=name")
    form.on("rotate-ca", "--service-accounts", expect=2)
    assert opened(form).authorities.numbers == (1,)
    words = ("rotate-ca", "--yes", "--service-accounts")
    with probed(form, paged(form, "w-1")) as records:
        killed_when(form, "Ensure etcd is restarted", *words)
        killed_when(form, "Ensure kube-apiserver's certificates are in place", *words)
        form.on(*words)
    print(json.dumps(records))
    assert failed(records) == {}
    new = opened(form).authorities
    assert (new.numbers, new.issuers["cluster"].name) == ((2,), "kubernetes-ca-2")
    trusted_nowhere(form, old.certificate("cluster"), old.certificate("etcd"), old.certificate("front_proxy"))
    assert system(form, "get", "pods", "--selector=k8s-app=kube-dns", "--output=name") == pods
    assert "x509" not in system(form, "logs", "--selector=k8s-app=kube-dns", "--tail=-1")
    assert answered(form, old.certificate("cluster"), tokens[0]) == "200", "a pod of before trusts the old one alone"
    assert system(form, "top", "nodes")
    is_well(form)


def trusted_nowhere(form: Cluster, *authorities: str) -> None:
    """Neither a host nor the API tells anybody to trust one of these."""
    maps = form.kubectl("get", "configmaps", "--all-namespaces", "--output=json")
    for pem in authorities:
        line = pem.splitlines()[5]
        look = f"grep --recursive --files-with-matches {line} /etc/kubernetes /etc/etcd /var/lib/kubelet/pki || true"
        assert [on(form, host, look) for host in HOSTS] == [""] * len(HOSTS)
        assert line not in maps
    told = json.loads(form.on("certs", "--json").output)["certificates"]
    assert [one for one in told if one["fault"]] == []


def test_the_old_key_of_service_accounts_goes_once_nobody_has_its_tokens(
    form: Cluster, tokens: list[str]
) -> None:  # fmt: skip
    new, root = system(form, "create", "token", "coredns", "--duration=2h"), opened(form).authorities
    for name in ("coredns", "metrics-server"):
        system(form, "rollout", "restart", f"deployment/{name}")
        system(form, "rollout", "status", f"deployment/{name}", "--timeout=120s")
    assert answered(form, root.certificate("cluster"), tokens[0]) == "200"
    waits = form.on("rotate-ca", "--yes", "--json").events()[-1]
    assert (waits["done"], waits["waits"]) == (False, True)
    with probed(form, paged(form, "w-1")) as records:
        form.on("rotate-ca", "--yes", "--token-hours", "0")
    assert failed(records) == {}
    assert answered(form, root.certificate("cluster"), tokens[0]) == "401"
    assert answered(form, root.certificate("cluster"), new) == "200"
    assert {on(form, host, "grep --count BEGIN /etc/kubernetes/pki/sa.pub") for host in HOSTS[:3]} == {"1"}
    form.on("validate-cluster", "--wait", "5m")


def ended(held: x509.Certificate, issuer: Issuer) -> bytes:
    """The same certificate, good for ten minutes that ended a minute ago."""
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(
        issuer.certificate.subject, held.subject, held.public_key(), x509.random_serial_number(),
        now - timedelta(minutes=11), now - timedelta(minutes=1), list(held.extensions),
    ).sign(issuer.key, hashes.SHA256())  # fmt: skip
    return made.public_bytes(serialization.Encoding.PEM)


def end_every_certificate(form: Cluster) -> None:
    """Each certificate of each host, its kubelet's own included, has ended; all that runs was started since."""
    issuers = opened(form).authorities.issuers
    for host in HOSTS:
        commands = []
        for place in PLACES:
            pem = on(form, host, f"cat {place.path} 2>/dev/null || true")
            if pem and place.authority != COPIES:
                new = ended(x509.load_pem_x509_certificate(pem.encode()), issuers[place.authority])
                rest = pem[pem.index("-----END CERTIFICATE-----") + 25 :] if "PRIVATE KEY" in pem else ""
                text = base64.b64encode(new + rest.encode()).decode()
                commands.append(f"echo {text} | base64 --decode > $(readlink --canonicalize {place.path})")
        assert len(commands) >= 4
        on(form, host, "; ".join(commands))
    for host in HOSTS:
        on(form, host, f"systemctl stop {UNITS} 2>/dev/null; systemctl start --no-block {UNITS} 2>/dev/null; true")


def end_every_authority(form: Cluster) -> None:
    """The authorities' own certificates have ended as well, in the store and in every file of every host."""
    was = opened(form).authorities
    ends = {}
    for name, issuer in was.issuers.items():
        parent = was.issuers["cluster"] if name == SIGNING else issuer
        path = f"{path_of(form.name, name, was.numbers[-1])}.crt"
        ends[was.store.read(path) or b""] = new = ended(issuer.certificate, parent)
        assert was.store.swap(path, was.store.read(path), new)
    swap = "\n".join(f"    text = text.replace({before!r}, {after!r})" for before, after in ends.items())
    program = f"""
import pathlib
folders = map(pathlib.Path, ("/etc/kubernetes", "/etc/etcd", "/var/lib/kubelet/pki"))
for file in [one for folder in folders for one in folder.rglob("*") if one.is_file() and not one.is_symlink()]:
    text = was = file.read_bytes()
{swap}
    if text != was:
        file.write_bytes(text)
        print(file)
"""
    for host in HOSTS:
        assert "ca.crt" in on(form, host, f"python3 -c {shlex.quote(program)}")


def test_a_cluster_whose_certificates_and_authorities_have_all_ended_comes_back(form: Cluster) -> None:
    pods = system(form, "get", "pods", "--output=name")
    end_every_authority(form)
    end_every_certificate(form)
    form("kubectl", "get", "nodes", "--request-timeout=10s", expect=1)
    assert "rotate-certs --yes" in form.on("provision", expect=1).output
    form.on("rotate-certs", expect=2)
    killed_when(form, "Ensure etcd is restarted", "rotate-certs", "--yes")
    told = form.on("rotate-certs", "--yes").output
    assert "renewed  the authorities' certificates, which had ended" in told
    form.on("certs")
    is_well(form)
    assert not {*pods.split()} & {*system(form, "get", "pods", "--output=name").split()}, "all were started again"
    assert "x509" not in system(form, "logs", "--selector=k8s-app=kube-dns", "--tail=-1")
    assert system(form, "top", "nodes")


def test_a_cluster_whose_certificates_have_all_ended_comes_back(form: Cluster) -> None:
    end_every_certificate(form)
    form("kubectl", "get", "nodes", "--request-timeout=10s", expect=1)
    told = json.loads(form.on("certs", "--json", expect=2).output)["certificates"]
    assert len([one for one in told if one["host"] and one["days_left"] < 0]) > 40
    form.on("rotate-certs", "--yes")
    form.on("certs")
    is_well(form)
