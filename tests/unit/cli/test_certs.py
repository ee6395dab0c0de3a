"""`certs` as a person sees it: a table, and an exit status that a timer can act on."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from typing import Self

import pytest

from clusterbook.cli import certs, hosts
from clusterbook.cluster.cluster import Cluster
from clusterbook.cluster.pki import Authorities
from clusterbook.errors import Unreachable
from clusterbook.model import Host
from tests.unit.cli.conftest import certificate_of

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def authorities(kept: Cluster) -> Authorities:
    return kept.authorities


@pytest.fixture
def run(call_on_hosts: Run) -> Run:
    return lambda *words: call_on_hosts("certs", *words)


class _Later(datetime):
    """A clock that is 180 days ahead."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        return super().now(tz) + timedelta(days=180)


def answer(monkeypatch: pytest.MonkeyPatch, authorities: Authorities, days: int, authority: str = "cluster") -> None:
    def printed(host: Host, _: str) -> bytes:
        return certificate_of(authorities, host, days, authority).encode()

    monkeypatch.setattr(hosts, "printed", printed)


def test_all_that_is_good_for_long_ends_with_0(
    run: Run, authorities: Authorities, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(monkeypatch, authorities, 100)
    code, text, _ = run()
    assert code == 0
    assert "proxy-of-w-1" in text and "proxy-of-w-2" in text and "kubernetes-ca" in text
    assert "6 certificates: none ended or ending within 30 days, none with a wrong chain" in text
    assert "SOON" not in text


def test_what_ends_soon_is_marked_and_ends_with_2(
    run: Run, authorities: Authorities, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(monkeypatch, authorities, 200)
    code, text, _ = run("--days", "250")
    assert code == 0, "half of a life is not over"
    monkeypatch.setattr(certs, "datetime", _Later)
    code, text, _ = run()
    assert code == 2
    assert [line.split()[0] for line in text.splitlines() if "SOON" in line] == ["proxy-of-w-1", "proxy-of-w-2"]
    assert run("--days", "5")[0] == 0


def test_a_wrong_chain_ends_with_2(run: Run, authorities: Authorities, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, authorities, 100, "front_proxy")
    code, text, _ = run("--json")
    assert code == 2
    faults = {one["fault"] for one in json.loads(text)["certificates"]}
    assert faults == {"", "signed by front-proxy-ca, wanted kubernetes-ca"}


def test_a_host_that_cannot_be_read_ends_with_1_and_the_others_are_shown(
    run: Run, authorities: Authorities, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(monkeypatch, authorities, 100)
    good = hosts.printed

    def printed(host: Host, command: str) -> bytes:
        if host.name == "w-2":
            raise Unreachable("it does not answer")
        return good(host, command)

    monkeypatch.setattr(hosts, "printed", printed)
    code, text, errors = run()
    assert (code, errors) == (1, "not read w-2: it does not answer\n")
    assert "proxy-of-w-1" in text
    assert json.loads(run("--json")[1])["unread"] == {"w-2": "it does not answer"}


def test_a_number_of_days_below_0_is_refused(run: Run, authorities: Authorities) -> None:
    assert run("--days=-1")[0] == 3
