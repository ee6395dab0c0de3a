"""The token by which a node of EKS shows who it is, beside the one that Amazon's own library makes."""

from __future__ import annotations

import base64
import datetime
import importlib.util
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import botocore.auth
import pytest

from clusterbook.cloud import eks_tokens
from clusterbook.cloud.aws import Cloud

ROLES = Path(__file__).parents[3] / "roles"
STS, REGION, CLUSTER = "https://sts.us-east-2.amazonaws.com/", "us-east-2", "shop"
KEYS = {"AccessKeyId": "AKIDEXAMPLE", "SecretAccessKey": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "Token": "a/b+c=="}
SETTINGS = {"sts": STS, "region": REGION, "cluster": CLUSTER}


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The role's program, with what it imports from its folder on the host."""
    monkeypatch.syspath_prepend(str(ROLES / "join_keeper" / "files"))
    monkeypatch.delitem(sys.modules, "aws", raising=False)
    spec = importlib.util.spec_from_file_location("eks_node", ROLES / "eks_node/files/__main__.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def address(token: str) -> tuple[str, list[str]]:
    """The place that a token asks, and what of it."""
    text = token.removeprefix("k8s-aws-v1.")
    assert token.startswith("k8s-aws-v1.") and "=" not in token
    place, _, query = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode().partition("?")
    return place, sorted(query.split("&"))


def test_a_node_s_token_is_the_one_that_a_person_with_its_keys_would_have(
    program: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    moment = datetime.datetime.fromtimestamp(now, datetime.UTC).replace(tzinfo=None)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda *_: moment)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    session = boto3.Session(KEYS["AccessKeyId"], KEYS["SecretAccessKey"], KEYS["Token"])
    found = address(program.token(SETTINGS, KEYS, now))
    assert found[0] == STS and found == address(eks_tokens.token(Cloud(CLUSTER, REGION, session), CLUSTER))


def test_the_kubelet_is_told_until_when_a_token_is_good(program: Any) -> None:
    said = program.credential("made", 0.0)
    assert said["status"] == {"token": "made", "expirationTimestamp": "1970-01-01T00:14:00Z"}
    assert said["kind"] == "ExecCredential"
