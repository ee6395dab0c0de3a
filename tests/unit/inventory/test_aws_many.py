"""Many instances: how often EC2 is asked, and what happens when it wants to be asked less."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.client import BaseClient
from botocore.httpsession import URLLib3Session

from tests.unit.inventory.test_aws_ec2 import KEY, load, start

SHOWN = f"-----BEGIN SSH HOST KEY KEYS-----\n{KEY} root@a\n-----END SSH HOST KEY KEYS-----\n"
SLOWER = "<Response><Errors><Error><Code>RequestLimitExceeded</Code><Message>slow</Message></Error></Errors></Response>"


# Loaded when it is set: moto reads its images, which the fixture of its server chooses, as soon as it is loaded.
CONSOLE_OF_MOTO = "moto.ec2.responses.general.SAMPLE_CONSOLE_OUTPUT"


@pytest.fixture(autouse=True)
def learnt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moto_address: str) -> Path:
    """Where keys are kept."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(CONSOLE_OF_MOTO, SHOWN)
    return tmp_path / "state" / "clusterbook" / "aws" / "known_hosts"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts the questions; the console's are answered without moto, which takes its time."""
    real, counted = BaseClient._make_api_call, Counter[str]()

    def call(self: Any, operation: str, given: Any) -> Any:
        counted[operation] += 1
        return {"Output": SHOWN} if operation == "GetConsoleOutput" else real(self, operation, given)

    monkeypatch.setattr(BaseClient, "_make_api_call", call)
    return counted


def test_of_many_hosts_each_console_is_asked_for_once_in_its_life(
    aws: Any, tmp_path: Path, asked: Counter[str]
) -> None:
    start(aws, count=200)
    asked.clear()
    assert len(load(tmp_path).hosts) == 200
    assert asked == {"DescribeInstances": 1, "GetConsoleOutput": 200}
    asked.clear()
    load(tmp_path)
    assert asked == {"DescribeInstances": 1}
    start(aws, clusterbook_dot_io__host="tagged", **{"clusterbook_dot_io__host-key": KEY})
    start(aws, clusterbook_dot_io__host="new")
    asked.clear()
    load(tmp_path)
    assert asked == {"DescribeInstances": 1, "GetConsoleOutput": 1}


class Bucket:
    """EC2's limit of requests: so many at once, and so many more each second."""

    def __init__(self, at_once: float, each_second: float) -> None:
        """It is full."""
        self._most, self._left, self._each, self._at = at_once, at_once, each_second, time.monotonic()
        self.refused = 0

    def takes(self) -> bool:
        """Whether one more request is let in now."""
        now = time.monotonic()
        self._left, self._at = min(self._most, self._left + (now - self._at) * self._each), now
        if self._left < 1:
            self.refused += 1
            return False
        self._left -= 1
        return True


class _Body:
    def stream(self, **_: Any) -> Iterator[bytes]:
        yield SLOWER.encode()


def test_where_ec2_wants_to_be_asked_less_it_is_and_every_key_is_learnt(
    aws: Any, tmp_path: Path, learnt: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(aws, count=80)
    real, bucket = URLLib3Session.send, Bucket(20, 20)

    def send(self: Any, request: Any) -> Any:
        if "GetConsoleOutput" in str(request.body) and not bucket.takes():
            return AWSResponse(request.url, 503, {}, _Body())
        return real(self, request)

    monkeypatch.setattr(URLLib3Session, "send", send)
    load(tmp_path)
    assert bucket.refused
    assert len(learnt.read_text().splitlines()) == 80
