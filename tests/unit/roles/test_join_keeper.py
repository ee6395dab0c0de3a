"""What lets workers join by themselves: signatures, tokens that end, and nothing of secrets where many may read."""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from clusterbook.cluster import joining
from clusterbook.cluster.secrets import Keyring

FILES = Path(__file__).parents[3] / "roles" / "join_keeper" / "files"
KEYS = {"AccessKeyId": "AKIDEXAMPLE", "SecretAccessKey": "wJalrXUtnFEMI/K7MDENG", "Token": "session"}
URL = "https://s3.us-east-2.amazonaws.com/bucket/team/demo.k8s.local/join/segment-nodes"
SETTINGS = {"url": URL.rpartition("/")[0], "region": "us-east-2", "name": "cp-1", "token_ids": ["abcde0", "abcde1"]}


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, ModuleType]]:
    """The role's programs, imported as python3 FOLDER does it."""
    monkeypatch.syspath_prepend(str(FILES))
    found = {name: importlib.import_module(name) for name in ("aws", "first_boot", "kube_api")}
    specification = importlib.util.spec_from_file_location("join_keeper", FILES / "__main__.py")
    assert specification and specification.loader
    found["keeper"] = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(found["keeper"])
    yield found
    for name in ("aws", "first_boot", "kube_api"):
        sys.modules.pop(name)


@pytest.mark.parametrize(("method", "content"), [("GET", b""), ("PUT", b'{"token": "x"}')])
def test_requests_are_signed_as_botocore_signs_them(
    programs: dict[str, ModuleType], method: str, content: bytes
) -> None:
    request = AWSRequest(method, URL, data=content)
    S3SigV4Auth(Credentials(KEYS["AccessKeyId"], KEYS["SecretAccessKey"], KEYS["Token"]), "s3", "us-east-2").add_auth(
        request
    )
    moment = time.strptime(request.context["timestamp"], "%Y%m%dT%H%M%SZ")
    headers = programs["aws"].signature(method, URL, "us-east-2", KEYS, content, moment)
    assert headers["Authorization"] == request.headers["Authorization"]


def test_objects_are_written_and_read_with_the_keys_of_a_role(
    programs: dict[str, ModuleType], aws: Any, moto_address: str
) -> None:
    aws("s3").create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": "us-east-2"})
    program, url = programs["aws"], f"{moto_address}/bucket/demo/join/identity-cp-1"
    with pytest.raises(program.Absent):
        program.read(url, "us-east-2", KEYS)
    program.write(url, "us-east-2", KEYS, b"hello")
    assert program.read(url, "us-east-2", KEYS) == b"hello"


class Api:
    """Notes what the keeper asks for."""

    def __init__(self, nodes: list[dict[str, Any]]) -> None:
        self.calls: list[tuple[str, str, Any]] = []
        self._nodes = nodes

    def call(self, method: str, path: str, body: Any = None, kind: str = "") -> Any:
        """Answers a list of nodes."""
        self.calls.append((method, path, body))
        return {"items": self._nodes}


def test_a_token_ends_within_the_hour_and_is_known_to_the_cluster_before_it_is_given_out(
    programs: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[tuple[str, bytes]] = []
    api = Api([])
    monkeypatch.setattr(programs["aws"], "write",
                        lambda url, region, keys, content: written.append((url, api.calls[:], content)))  # type: ignore[arg-type]
    monkeypatch.setattr(programs["aws"], "Metadata", lambda: type("M", (), {"keys": lambda self: KEYS})())
    programs["keeper"].give_out(api, SETTINGS, "abcde0")
    (url, before, content) = written[0]  # type: ignore[misc]
    secret, identity = api.calls[0][2]["stringData"], json.loads(content)
    assert url == f"{SETTINGS['url']}/identity-cp-1" and len(before) == 1
    assert identity["token"] == f"abcde0.{secret['token-secret']}" and len(secret["token-secret"]) == 16
    assert 3500 < identity["until"] - time.time() <= 3600
    assert secret["expiration"] == time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(identity["until"]))
    assert secret["auth-extra-groups"] == "system:bootstrappers:clusterbook:joining"


def test_nodes_that_came_without_a_role_are_labelled_as_workers(programs: dict[str, ModuleType]) -> None:
    def node(name: str, **labels: str) -> dict[str, Any]:
        return {"metadata": {"name": name, "labels": labels}}

    api = Api([node("cp", **{"node-role.kubernetes.io/control-plane": ""}), node("new"), node("cp-2"),
               node("old", **{"node-role.kubernetes.io/worker": ""})])  # fmt: skip
    assert programs["keeper"].label_workers(api, ["cp", "cp-2"]) == ["new"]
    assert api.calls[-1][1:] == ("/api/v1/nodes/new", {"metadata": {"labels": {"node-role.kubernetes.io/worker": ""}}})


def test_a_new_host_takes_the_identity_that_is_good_longest_and_none_that_ended(
    programs: dict[str, ModuleType]
) -> None:
    now = time.time()
    there = {"identity-a": {"token": "a", "until": now + 600}, "identity-b": {"token": "b", "until": now + 1200},
             "identity-c": {"token": "c", "until": now - 1}}  # fmt: skip

    def read(name: str) -> bytes:
        if name not in there:
            raise programs["aws"].Absent(name)
        return json.dumps(there[name]).encode()

    newest = programs["first_boot"].newest
    assert newest(read, ["identity-a", "identity-b", "identity-c", "identity-gone"])["token"] == "b"
    assert newest(read, ["identity-c"]) is None


SEGMENT = b"what a worker does, compressed"


@pytest.mark.parametrize(("cluster", "group", "segment", "good"), [
    ("demo", "nodes", SEGMENT, True),
    ("demo", "nodes", SEGMENT.replace(b"what", b"that"), False),
    ("demo", "nodes", b"", False),
    ("demo", "cheap", SEGMENT, False),
    ("other", "nodes", SEGMENT, False),
])  # fmt: skip
def test_only_what_the_cluster_s_key_signed_for_the_group_is_taken(
    programs: dict[str, ModuleType], cluster: str, group: str, segment: bytes, good: bool
) -> None:
    keyring = Keyring(bytes(range(32)))
    signature = joining.signature(keyring, "demo", "nodes", SEGMENT)
    settings = {"cluster": cluster, "group": group, "key": joining.shown(keyring, "demo")}
    assert programs["first_boot"].signed(segment, signature, settings) is good


def test_what_somebody_else_signed_or_nobody_is_not_taken(programs: dict[str, ModuleType]) -> None:
    settings = {"cluster": "demo", "group": "nodes", "key": joining.shown(Keyring(bytes(32)), "demo")}
    signed = programs["first_boot"].signed
    assert not signed(SEGMENT, joining.signature(Keyring(bytes(range(32))), "demo", "nodes", SEGMENT), settings)
    assert not signed(SEGMENT, b"", settings)
    own = joining.signature(Keyring(bytes(32)), "demo", "nodes", SEGMENT)
    assert signed(SEGMENT, own, settings) and not signed(SEGMENT, own, {**settings, "key": ""})


def test_a_first_boot_does_nothing_of_an_altered_segment(
    programs: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keyring, file = Keyring(bytes(32)), tmp_path / "settings.json"
    settings = {"url": "http://store", "region": "us-east-2", "cluster": "demo", "group": "nodes",
                "key": joining.shown(keyring, "demo")}  # fmt: skip
    file.write_text(json.dumps(settings))
    kept = {"segment-nodes": SEGMENT + b"and more",
            "signature-nodes": joining.signature(keyring, "demo", "nodes", SEGMENT)}  # fmt: skip
    asked: list[str] = []

    def read(url: str, *_: Any) -> bytes:
        asked.append(url.rpartition("/")[2])
        return kept[asked[-1]]

    program = programs["first_boot"]
    monkeypatch.setattr(program.aws, "read", read)
    monkeypatch.setattr(program.aws, "Metadata", lambda: SimpleNamespace(keys=dict))
    monkeypatch.setattr(sys, "argv", ["first_boot", str(file)])
    with pytest.raises(SystemExit) as ended:
        program.main()
    assert ended.value.code == program.NOT_YET and asked == ["segment-nodes", "signature-nodes"]
    assert "not signed by this cluster's key" in capsys.readouterr().out
