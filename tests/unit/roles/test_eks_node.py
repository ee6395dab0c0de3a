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

import pytest

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


def of_botocore(monkeypatch: pytest.MonkeyPatch, now: float) -> str:
    """The same request, signed by botocore."""
    import botocore.auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    moment = datetime.datetime.fromtimestamp(now, datetime.UTC).replace(tzinfo=None)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda *_: moment)
    keys = Credentials(KEYS["AccessKeyId"], KEYS["SecretAccessKey"], KEYS["Token"])
    request = AWSRequest("GET", f"{STS}?Action=GetCallerIdentity&Version=2011-06-15", {"x-k8s-aws-id": CLUSTER})
    botocore.auth.SigV4QueryAuth(keys, "sts", REGION, expires=60).add_auth(request)
    return str(request.url)


def test_a_token_is_the_address_that_botocore_signs(program: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    token = program.token(SETTINGS, KEYS, now)
    assert token.startswith("k8s-aws-v1.") and "=" not in token
    text = token.removeprefix("k8s-aws-v1.")
    url = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    place, _, query = url.partition("?")
    wanted = of_botocore(monkeypatch, now)
    assert place == STS and sorted(query.split("&")) == sorted(wanted.partition("?")[2].split("&"))


def test_the_kubelet_is_told_until_when_a_token_is_good(program: Any) -> None:
    said = program.credential("made", 0.0)
    assert said["status"] == {"token": "made", "expirationTimestamp": "1970-01-01T00:14:00Z"}
    assert said["kind"] == "ExecCredential"
