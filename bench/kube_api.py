"""A cluster's API for benchmarks: certificates signed here, requests, metrics, and watches that only listen."""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from http.client import HTTPSConnection
from pathlib import Path
from threading import Thread
from typing import Any

import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from clusterbook.cluster import kubeconfig
from clusterbook.cluster.cluster import Cluster
from clusterbook.cluster.signing import CertificateSubject

_SECONDS = 60
_CHUNK = 1 << 16
_SAMPLE = re.compile(r"^([a-z_:]+)(?:\{(.*)\})? ([0-9.e+-]+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="([^"]*)"')
Sample = tuple[str, Mapping[str, str], float]


class Refused(Exception):
    """The API said no. status: of HTTP."""

    def __init__(self, status: int, text: str) -> None:
        """text: the answer."""
        super().__init__(f"{status}: {text[:300]}")
        self.status = status


@dataclass
class Identity:
    """A client's certificate and key, as files."""

    certificate: Path
    key: Path


def key_pair() -> tuple[str, str]:
    """A new private key and its public one, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
    return key.private_bytes(*form).decode(), public.decode()


def identity(cluster: Cluster, directory: Path, name: str, *groups: str) -> Identity:
    """A certificate that the cluster's authority signs here, as provision does for a host's own key."""
    private, public = key_pair()
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    files = Identity(*(directory / f"{name.replace(':', '-')}.{end}" for end in ("crt", "key")))
    files.certificate.write_text(cluster.authorities.sign("cluster", public, CertificateSubject(name, groups)))
    files.key.write_text(private)
    return files


def kubeconfig_text(cluster: Cluster, authority: Path, user: Mapping[str, str]) -> str:
    """A kubeconfig for the address under which workers reach the API."""
    server = {"server": kubeconfig.server_url(cluster), "certificate-authority": str(authority)}
    return yaml.safe_dump({
        "apiVersion": "v1", "kind": "Config", "current-context": "it",
        "clusters": [{"name": "it", "cluster": server}], "users": [{"name": "it", "user": dict(user)}],
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
    })  # fmt: skip


class Api:
    """The API at its address, as an administrator."""

    def __init__(self, cluster: Cluster) -> None:
        """cluster: one that answers."""
        self.address = str(cluster.spec.complete["api_address"])
        self.port = int(cluster.spec.complete["api_port"])
        self.authority = cluster.authorities.trust_bundle()
        with tempfile.TemporaryDirectory() as folder:
            own = identity(cluster, Path(folder), kubeconfig.ADMINISTRATOR, kubeconfig.ADMINISTRATORS)
            self.context = self.trusting(own)

    def trusting(self, who: Identity) -> ssl.SSLContext:
        """TLS to the API as somebody."""
        context = ssl.create_default_context(cadata=self.authority)
        context.load_cert_chain(who.certificate, who.key)
        return context

    def ask(self, method: str, path: str, body: object = None) -> bytes:
        """The answer to one request. Refused when it is none of success."""
        connection = HTTPSConnection(self.address, self.port, context=self.context, timeout=_SECONDS)
        try:
            text = json.dumps(body) if body is not None else None
            connection.request(method, path, text, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            data = answer.read()
        finally:
            connection.close()
        if answer.status >= 300:
            raise Refused(answer.status, data.decode(errors="replace"))
        return data

    def get(self, path: str) -> Any:
        """An object or a list."""
        return json.loads(self.ask("GET", path))

    def make(self, path: str, body: Mapping[str, Any]) -> None:
        """Make an object that may be there already."""
        try:
            self.ask("POST", path, body)
        except Refused as error:
            if error.status != 409:
                raise

    def watch(self, path: str, seconds: int) -> Iterator[Any]:
        """Objects as they change, for so long."""
        connection = HTTPSConnection(self.address, self.port, context=self.context, timeout=seconds + 5)
        try:
            connection.request("GET", f"{path}&watch=1&timeoutSeconds={seconds}")
            for line in connection.getresponse():
                yield json.loads(line)["object"]
        finally:
            connection.close()

    def metrics(self) -> list[Sample]:
        """What the API server measures of itself."""
        return samples(self.ask("GET", "/metrics").decode())


def samples(text: str) -> list[Sample]:
    """Metrics as text -> name, labels, value."""
    return [(name, dict(_LABEL.findall(labels)), float(value)) for name, labels, value in _SAMPLE.findall(text)]


def total(found: list[Sample], name: str, **labels: str) -> float:
    """The sum over all samples of a name that have these labels."""
    return sum(value for one, has, value in found if one == name and labels.items() <= has.items())


@dataclass
class Watches:
    """Watches of all nodes as every node's flanneld keeps one: what comes is counted and thrown away."""

    api: Api
    who: Identity
    received: int = 0
    ended: int = 0
    _tasks: list[Future[None]] = field(default_factory=list)
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)

    def __post_init__(self) -> None:
        """The listening runs in a thread of its own."""
        self._context = self.api.trusting(self.who)
        Thread(target=self._loop.run_forever, daemon=True).start()

    def add(self, count: int) -> None:
        """So many more."""
        for _ in range(count):
            self._tasks.append(asyncio.run_coroutine_threadsafe(self._listen(), self._loop))

    async def _listen(self) -> None:
        path = "/api/v1/nodes?watch=1&resourceVersion=0&allowWatchBookmarks=true&timeoutSeconds=3600"
        reader, writer = await asyncio.open_connection(self.api.address, self.api.port, ssl=self._context)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {self.api.address}\r\nAccept: application/json\r\n\r\n".encode())
        while data := await reader.read(_CHUNK):
            self.received += len(data)
        self.ended += 1

    def close(self) -> None:
        """Stop listening."""
        for task in self._tasks:
            task.cancel()
        wait(self._tasks, timeout=_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
