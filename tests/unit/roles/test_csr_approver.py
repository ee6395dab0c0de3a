"""The rule by which kubelets get serving certificates: what is approved, and everything that is not."""

from __future__ import annotations

import base64
import importlib.util
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

FILES = Path(__file__).parents[3] / "roles" / "csr_approver" / "files"
SETTINGS = {
    "node_networks": ["10.77.0.0/24"],
    "refused_networks": ["10.96.0.0/16", "10.244.0.0/16"],
    "refused_names": ["localhost", "kubernetes.default.svc", "10.77.0.10"],
    "joining_clients": ["system:kube-proxy", "flannel"],
}


@dataclass(frozen=True)
class Wish:
    """What a kubelet asks for; the defaults are good."""

    common_name: str = "system:node:w-1"
    organizations: tuple[str, ...] = ("system:nodes",)
    dns_names: tuple[str, ...] = ("w-1",)
    addresses: tuple[str, ...] = ("10.77.0.21",)
    more_names: tuple[x509.GeneralName, ...] = ()
    extended: bool = False


def node(name: str, *addresses: str) -> dict[str, Any]:
    """A Node object as its kubelet reports it."""
    told = [{"type": "InternalIP", "address": address} for address in addresses]
    return {
        "metadata": {"name": name},
        "status": {"addresses": [*told, {"type": "Hostname", "address": name}]},
    }


NODES = [node("cp-1", "10.77.0.11"), node("w-1", "10.77.0.21"), node("w-2", "10.77.0.22")]


def spec(wish: Wish, **changes: Any) -> dict[str, Any]:
    """The `spec` of a request of node w-1."""
    names = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, each) for each in wish.organizations]
    subject = x509.Name([*names, x509.NameAttribute(NameOID.COMMON_NAME, wish.common_name)])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    alternative: list[x509.GeneralName] = [x509.DNSName(each) for each in wish.dns_names]
    alternative += [x509.IPAddress(ip_address(each)) for each in wish.addresses]
    alternative += wish.more_names
    if alternative:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternative), critical=False)
    if wish.extended:
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
    pem = builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256()).public_bytes(
        serialization.Encoding.PEM
    )
    made = {
        "signerName": "kubernetes.io/kubelet-serving",
        "username": "system:node:w-1",
        "groups": ["system:nodes", "system:authenticated"],
        "usages": ["digital signature", "server auth"],
        "request": base64.b64encode(pem).decode(),
    }
    return {**made, **changes}


@pytest.fixture(scope="module")
def rules() -> Iterator[ModuleType]:
    """The program's own modules, which stand beside each other on a host."""
    loaded = {name: _module(name) for name in ("request", "rules")}
    yield loaded["rules"]
    for name in loaded:
        sys.modules.pop(name, None)


def _module(name: str) -> ModuleType:
    found = importlib.util.spec_from_file_location(name, FILES / f"{name}.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules[name] = module
    found.loader.exec_module(module)
    return module


def refusal(rules: ModuleType, asked: dict[str, Any], nodes: list[dict[str, Any]] = NODES, **settings: Any) -> Any:
    """What the approver says against a request."""
    return rules.refusal(asked, nodes, rules.Rules.from_settings({**SETTINGS, **settings}))


def test_a_node_gets_a_certificate_for_its_own_name_and_address(rules: ModuleType) -> None:
    assert refusal(rules, spec(Wish())) is None


def test_a_node_may_ask_for_addresses_alone(rules: ModuleType) -> None:
    assert refusal(rules, spec(Wish(dns_names=()))) is None


@pytest.mark.parametrize(
    ("wish", "reason"),
    [
        (Wish(addresses=("10.77.0.22",)), "10.77.0.22 is not the node's"),
        (Wish(addresses=("10.77.0.21", "10.77.0.11")), "10.77.0.11 is not the node's"),
        (Wish(addresses=()), "it asks for no address"),
        (Wish(addresses=("127.0.0.1",)), "127.0.0.1 is no address of a node"),
        (Wish(addresses=("10.96.0.1",)), "10.96.0.1 is no address of a node"),
        (Wish(addresses=("10.244.3.1",)), "10.244.3.1 is no address of a node"),
        (Wish(addresses=("10.77.0.10",)), "10.77.0.10 is no address of a node"),
        (Wish(addresses=("192.168.7.7",)), "192.168.7.7 lies outside the nodes' networks"),
        (Wish(dns_names=("w-2",)), "w-2 is not the node's"),
        (Wish(dns_names=("kubernetes.default.svc",)), "kubernetes.default.svc is a name of the API"),
        (Wish(dns_names=("localhost",)), "localhost is a name of the API"),
        (Wish(common_name="system:node:w-2"), "its subject is not the node that asks"),
        (Wish(organizations=("system:masters",)), "its subject is not the node that asks"),
        (Wish(organizations=("system:nodes", "system:masters")), "its subject is not the node that asks"),
    ],
)
def test_a_node_gets_nothing_that_is_not_its_own(rules: ModuleType, wish: Wish, reason: str) -> None:
    assert refusal(rules, spec(wish)) == reason


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"username": "system:serviceaccount:default:thief"}, "who asks is no node"),
        ({"groups": ["system:authenticated"]}, "who asks is no node"),
        ({"usages": ["digital signature", "client auth"]}, "it asks for other usages than a server's"),
        ({"usages": ["digital signature", "server auth", "cert sign"]}, "it asks for other usages than a server's"),
        ({"usages": []}, "it asks for other usages than a server's"),
    ],
)
def test_who_asks_and_what_for_is_looked_at(rules: ModuleType, changes: dict[str, Any], reason: str) -> None:
    assert refusal(rules, spec(Wish(), **changes)) == reason


def test_a_node_that_claims_anothers_address_gets_nothing(rules: ModuleType) -> None:
    nodes = [*NODES[:1], node("w-1", "10.77.0.21", "10.77.0.22"), NODES[2]]
    asked = spec(Wish(addresses=("10.77.0.21", "10.77.0.22")))
    assert refusal(rules, asked, nodes) == "10.77.0.22 is another node's too"


def test_a_node_that_takes_anothers_name_as_its_host_name_gets_nothing(rules: ModuleType) -> None:
    liar = node("w-1", "10.77.0.21")
    liar["status"]["addresses"].append({"type": "Hostname", "address": "cp-1"})
    asked = spec(Wish(dns_names=("cp-1",)))
    assert refusal(rules, asked, [NODES[0], liar]) == "cp-1 is another node's too"


def test_a_node_that_is_not_there_gets_nothing(rules: ModuleType) -> None:
    assert refusal(rules, spec(Wish()), [NODES[0]]) == "there is no such node"


def test_an_address_that_the_node_has_not_told_yet_waits(rules: ModuleType) -> None:
    assert refusal(rules, spec(Wish()), [node("w-1")]) == "10.77.0.21 is not the node's"


def test_without_networks_any_address_of_the_node_will_do(rules: ModuleType) -> None:
    asked = spec(Wish(addresses=("192.168.7.7",)))
    assert refusal(rules, asked, [node("w-1", "192.168.7.7")], node_networks=[]) is None


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        (replace(Wish(), more_names=(x509.RFC822Name("a@b.example"),)), "neither DNS nor an address"),
        (replace(Wish(), more_names=(x509.UniformResourceIdentifier("https://x.example"),)), "neither DNS nor"),
        (replace(Wish(), extended=True), "an extension other than names"),
    ],
)
def test_a_request_for_more_than_names_cannot_be_read(rules: ModuleType, wish: Wish, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        refusal(rules, spec(wish))


def test_bytes_that_are_no_request_cannot_be_read(rules: ModuleType) -> None:
    good = base64.b64decode(spec(Wish())["request"])
    lines = good.decode().splitlines()
    for broken in (b"", b"no PEM at all", good[:80], "\n".join([lines[0], "MAA=", lines[-1]]).encode()):
        with pytest.raises(ValueError):
            refusal(rules, spec(Wish(), request=base64.b64encode(broken).decode()))


def test_a_cut_request_is_refused_at_every_length(rules: ModuleType) -> None:
    good = base64.b64decode(spec(Wish())["request"]).decode().splitlines()
    der = base64.b64decode("".join(good[1:-1]))
    for length in range(1, len(der), 7):
        text = "\n".join([good[0], base64.b64encode(der[:length]).decode(), good[-1]])
        with pytest.raises(ValueError):
            refusal(rules, spec(Wish(), request=base64.b64encode(text.encode()).decode()))


PROXY = Wish("system:kube-proxy", (), (), ())
TOKEN = {
    "signerName": "kubernetes.io/kube-apiserver-client", "username": "system:bootstrap:abcde0",
    "groups": ["system:bootstrappers", "system:bootstrappers:clusterbook:joining", "system:authenticated"],
    "usages": ["digital signature", "client auth"],
}  # fmt: skip


@pytest.mark.parametrize("name", ["system:kube-proxy", "flannel"])
def test_a_joining_host_gets_the_client_names_that_every_worker_has(rules: ModuleType, name: str) -> None:
    assert refusal(rules, spec(replace(PROXY, common_name=name), **TOKEN)) is None


@pytest.mark.parametrize(
    ("wish", "changes", "reason"),
    [
        (PROXY, {"groups": ["system:bootstrappers"]}, "who asks shows no joining token"),
        (PROXY, {"groups": ["system:nodes"]}, "who asks shows no joining token"),
        (PROXY, {"usages": ["digital signature", "client auth", "server auth"]},
         "it asks for other usages than a client's"),
        (replace(PROXY, common_name="kubernetes-admin"), {}, "kubernetes-admin is no name that joining hosts get"),
        (replace(PROXY, organizations=("system:nodes",)), {}, "a joining host gets a client's name alone"),
        (replace(PROXY, dns_names=("w-1",)), {}, "a joining host gets a client's name alone"),
        (PROXY, {"signerName": "kubernetes.io/kube-apiserver-client-kubelet"}, "its signer is none of these rules"),
    ],
)  # fmt: skip
def test_a_joining_host_gets_nothing_else(
    rules: ModuleType, wish: Wish, changes: dict[str, Any], reason: str
) -> None:
    assert refusal(rules, spec(wish, **{**TOKEN, **changes})) == reason


def test_where_no_worker_joins_by_itself_no_client_is_granted(rules: ModuleType) -> None:
    asked = spec(PROXY, **TOKEN)
    assert refusal(rules, asked, joining_clients=[]) == "system:kube-proxy is no name that joining hosts get"
