"""Promises of docs/security.md that no other part's tests prove: order on disk, what workers are sent, plugins."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from clusterbook.cli.site import signer
from clusterbook.cluster import files
from clusterbook.execute.fetched import Fetched
from clusterbook.execute.services import Services
from clusterbook.execute.streams import Stream
from clusterbook.modules.system.files import Attributes, Files
from tests.unit.execute import test_authorities, test_executors
from tests.unit.execute.playing import HEAD, run_files


def _on_a_host(path: Path) -> None:
    Files().write(str(path), b"x", Attributes(mode=0o644))


def _in_the_store(path: Path) -> None:
    files.write_atomically(path, b"x")


def _fetched(path: Path) -> None:
    block = {"src": "/a", "offset": 0, "data": base64.b64encode(b"x").decode(), "last": True}
    Fetched("h", lambda question: ({"dest": str(path), "flat": True}, path.parent))(block)


@pytest.mark.parametrize("write", [_on_a_host, _in_the_store, _fetched])
def test_a_file_is_on_disk_before_it_takes_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[[Path], None]
) -> None:
    done: list[str] = []

    def noted(name: str) -> None:
        real: Any = getattr(os, name)

        def call(*words: Any, **more: Any) -> Any:
            done.append(name)
            return real(*words, **more)

        monkeypatch.setattr(os, name, call)

    for name in ("fsync", "rename", "replace", "link"):
        noted(name)
    write(tmp_path / "made")
    assert (tmp_path / "made").read_bytes() == b"x" and [path.name for path in tmp_path.iterdir()] == ["made"]
    assert done[0] == "fsync" and done[1] in ("rename", "replace", "link")


def test_workers_are_sent_certificates_and_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own, sent, real = test_authorities.cluster(tmp_path / "store"), list[bytes](), Stream.send

    def send(stream: Stream, message: dict[str, Any], content: bytes | None = None) -> None:
        sent.append(repr((message, content)).encode())
        real(stream, message, content)

    monkeypatch.setattr(Stream, "send", send)
    (tmp_path / "pki").mkdir()
    services = Services(sign=signer(own), authority=own.authorities.certificate)
    outcome, recorder = test_executors.run(test_authorities.play(tmp_path / "pki"), services=services)
    assert outcome.counts["a"]["changed"] == 1, test_executors.troubles(recorder)
    everything = b"\n".join(sent)
    assert b"BEGIN CERTIFICATE" in everything and b"PRIVATE" not in everything
    for issuer in own.authorities.issuers.values():
        plain = issuer.key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        assert base64.b64encode(plain)[40:80] not in everything


def test_a_project_brings_no_code_to_the_local_machine(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    code = f"open({str(mark)!r}, 'w')\n"
    kinds = ("action", "cache", "callback", "connection", "filter", "inventory", "lookup", "strategy", "test", "vars")
    folders = [f"{kind}_plugins" for kind in kinds] + ["library", "module_utils"]
    places = [f"{above}{folder}/mine.py" for folder in folders for above in ("", "roles/mine/")]
    told = run_files(tmp_path, {
        **dict.fromkeys(("sitecustomize.py", "group_vars/mine.py", *places), code),
        "roles/mine/tasks/main.yml": "- ansible.builtin.debug: {msg: role}\n",
        "site.yml": HEAD.replace("tasks:", "roles: [mine]\n  tasks:") + "    - ansible.builtin.debug: {msg: done}\n",
    })
    assert told.messages() == ["role", "done"] and not mark.exists()

