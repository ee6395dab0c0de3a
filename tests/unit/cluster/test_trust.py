"""What a rotation of authorities waits for is found in what hosts and the API answer."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest

from clusterbook.cluster import generations, pki, trust
from clusterbook.cluster.certificates import Certificate, of_host
from clusterbook.cluster.secrets import Keyring
from clusterbook.cluster.signing import CertificateSubject
from clusterbook.cluster.store import FileStore


class Answers:
    """A kubectl that knows some objects."""

    def __init__(self, *items: dict[str, Any]) -> None:
        self.items = list(items)

    def json(self, *_: str) -> Any:
        """The list."""
        return {"items": self.items}


@pytest.fixture
def both(store: FileStore, keyring: Keyring) -> tuple[pki.Authorities, pki.Authorities]:
    old = pki.ensure_authorities(store, keyring, "lab")
    pki.ensure_next(store, keyring, "lab")
    generations.write(store, "lab", generations.AUTHORITIES, (1,), (2, 1))
    return old, pki.ensure_authorities(store, keyring, "lab")


def found(authorities: pki.Authorities, path: str, pem: str) -> list[Certificate]:
    return of_host("cp-1", f"certificate of {path}\n{pem}".encode(), authorities)


def test_a_file_that_lacks_a_new_authority_is_named(both: tuple[pki.Authorities, pki.Authorities]) -> None:
    old, new = both
    path = "/etc/kubernetes/pki/ca.crt"
    assert trust.without(found(new, path, new.trust_bundle()), new) == []
    assert trust.without(found(new, path, old.trust_bundle()), new) == [f"cp-1 {path}"]
    etcd = "/etc/kubernetes/pki/etcd-ca.crt"
    assert trust.without(found(new, etcd, new.bundle("etcd")), new) == []
    assert trust.without(found(new, etcd, new.bundle("front_proxy")), new) == [f"cp-1 {etcd}"]
    assert trust.without(found(new, etcd, old.bundle("etcd")), new) == [f"cp-1 {etcd}"]


def test_a_certificate_of_an_old_authority_is_named(both: tuple[pki.Authorities, pki.Authorities]) -> None:
    old, new = both
    path, subject = "/etc/kubernetes/pki/kube-scheduler.crt", CertificateSubject("system:kube-scheduler")
    key = pki.new_public_key()
    assert trust.of_old_ones(found(new, path, new.sign("cluster", key, subject))) == []
    assert trust.of_old_ones(found(new, path, old.sign("cluster", key, subject))) == [f"cp-1 {path}"]


def test_namespaces_in_which_pods_find_another_bundle_are_named() -> None:
    def published(namespace: str, text: str) -> dict[str, Any]:
        return {"metadata": {"namespace": namespace}, "data": {"ca.crt": text}}

    kubectl: Any = Answers(published("default", "new\n"), published("kube-system", "old\n"))
    assert trust.unpublished(kubectl, "new") == ["kube-system"]


def test_what_api_servers_only_add_to_is_set_to_the_new_authorities_alone(
    both: tuple[pki.Authorities, pki.Authorities],
) -> None:
    _, new = both
    written: list[str] = []

    class Held:
        data: ClassVar[dict[str, str]] = {"client-ca-file": new.trust_bundle(), "other": "x",
                                          "requestheader-client-ca-file": new.bundle("front_proxy")}  # fmt: skip

        def json(self, *_: str) -> Any:
            return {"data": self.data}

        def run(self, *words: str) -> str:
            written.append(words[-1])
            self.data.update(json.loads(words[-1].removeprefix("--patch="))["data"])
            return ""

    kubectl: Any = Held()
    assert trust.forget_in_api(kubectl, new.newest()) == ["kube-system/extension-apiserver-authentication"]
    assert trust.forget_in_api(kubectl, new.newest()) == []
    assert len(written) == 1
    assert kubectl.data["requestheader-client-ca-file"] == new.certificate("front_proxy")


def test_pods_that_run_since_before_are_named() -> None:
    def pod(name: str, phase: str, minute: int) -> dict[str, Any]:
        return {"metadata": {"namespace": "default", "name": name},
                "status": {"phase": phase, "startTime": f"2026-11-27T10:{minute:02}:00Z"}}  # fmt: skip

    kubectl: Any = Answers(pod("old", "Running", 1), pod("done", "Succeeded", 1), pod("new", "Running", 9))
    assert trust.started_before(kubectl, datetime(2026, 11, 27, 10, 5, tzinfo=UTC)) == ["default/old"]
