"""Instances of EC2 that are booting are waited for, by `up` and by `provision`."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from clusterbook.cli import booting
from clusterbook.cli.clusters import open_chosen
from clusterbook.cli.site import Site
from clusterbook.cluster.store import FileStore
from clusterbook.errors import Unreachable
from clusterbook.inventory import load
from clusterbook.model import Host
from tests.unit.cli.conftest import NAME, Run


class Reached:
    """Hosts that answer from a certain look on."""

    def __init__(self, looks: dict[str, int]) -> None:
        self.looks, self.asked = looks, dict.fromkeys(looks, 0)

    def __call__(self, host: Host) -> Any:
        self.asked[host.name] += 1
        if self.asked[host.name] < self.looks[host.name]:
            raise Unreachable(f"{host.name} refuses", next_step="Wait.")
        return self

    def close(self) -> None:
        """As a connection does."""


def site(tmp_path: Path) -> Site:
    path = tmp_path / "hosts.yml"
    path.write_text("all: {hosts: {a: {}, b: {}}}\n")
    return Site(load(path), path, FileStore(tmp_path / "store"), "demo")


def test_hosts_are_asked_again_until_all_let_us_log_in(tmp_path: Path) -> None:
    said: list[str] = []
    reach = Reached({"a": 1, "b": 3})
    booting.answering(site(tmp_path), 2, said.append, reach=reach, pause=lambda _: None)
    assert reach.asked == {"a": 1, "b": 3}
    assert said == ["1 of 2 hosts answer", "1 of 2 hosts answer"]


def test_a_host_that_stays_silent_is_named_with_its_own_error(tmp_path: Path) -> None:
    with pytest.raises(Unreachable) as caught:
        booting.answering(site(tmp_path), 2, print, seconds=0, reach=Reached({"a": 1, "b": 9}))
    assert caught.value.message == "b does not answer after 0 s: b refuses" and caught.value.next_step == "Wait."


def test_instances_that_ec2_does_not_start_are_counted(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="EC2 runs 2 of 5 hosts after 0 s"):
        booting.answering(site(tmp_path), 5, print, seconds=0, reach=Reached({"a": 1, "b": 1}))


def test_a_bastion_is_waited_for_as_the_others_are() -> None:
    aws = {"control_plane": {"count": 3}, "worker_groups": [{"minimum": 2}]}
    assert (booting.wanted_hosts(aws), booting.wanted_hosts({**aws, "bastion": {}})) == (5, 6)


def aged(**minutes: float) -> dict[str, Host]:
    """Hosts by their age."""
    now = datetime.now(UTC)
    return {name: Host(name, (), {"aws_instance": {"launched": str(now - timedelta(minutes=age))}})
            for name, age in minutes.items()}  # fmt: skip


@pytest.fixture
def on_ec2(created: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A cluster on EC2 that wants three hosts."""
    monkeypatch.setattr(booting, "refreshed", lambda site: site)
    return replace(site(tmp_path), cluster=open_chosen(NAME))


def of(on_ec2: Site, hosts: dict[str, Host]) -> Site:
    return replace(on_ec2, inventory=replace(on_ec2.inventory, hosts=hosts))


def test_a_run_waits_for_new_instances_and_for_no_others(
    on_ec2: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    reach = Reached({"new": 3, "newer": 1})
    booting.booted(of(on_ec2, aged(new=1, newer=0, old=60)), as_json=False, reach=reach, pause=lambda _: None)
    assert reach.asked == {"new": 3, "newer": 1}
    assert "3 hosts" in capsys.readouterr().out
    booting.booted(of(on_ec2, aged(old=60)), as_json=False)
    assert capsys.readouterr().out == ""


def test_who_is_silent_or_missing_when_the_time_is_over_is_left_to_the_run(
    on_ec2: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(booting, "BOOT_SECONDS", 60.02)
    monkeypatch.setattr(booting, "START_SECONDS", 0.0)
    reach = Reached({"new": 10**9})
    found = booting.booted(of(on_ec2, aged(new=1)), as_json=True, reach=reach, pause=lambda _: None)
    assert list(found.inventory.hosts) == ["new"] and reach.asked["new"]


def test_hosts_whose_age_nobody_knows_are_not_waited_for() -> None:
    assert booting.boot_seconds_left(Host("a", (), {})) == 0
    assert booting.boot_seconds_left(Host("a", (), {"aws_instance": {"launched": ""}})) == 0
    assert 590 < booting.boot_seconds_left(aged(new=0)["new"]) <= 600
