"""`rotate-ca` goes from authorities to authorities, and wherever it is cut off, everybody trusts who signs."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from clusterbook.cli import authorities as task
from clusterbook.cli.main import main
from clusterbook.cli.runs import Order
from clusterbook.cli.site import Site, the_cluster
from clusterbook.cluster import authorities, lock, rotation
from clusterbook.cluster.authorities import State
from clusterbook.cluster.cluster import Cluster, ensure_cluster, open_cluster
from clusterbook.cluster.health import Finding
from clusterbook.cluster.store import open_store
from clusterbook.errors import InvalidInput

INVENTORY = """
all:
  children:
    control_plane:
      hosts:
        cp-1: {ansible_host: 192.0.2.1}
        cp-2: {ansible_host: 192.0.2.2}
    worker:
      hosts:
        w-1: {ansible_host: 192.0.2.3}
"""
HOSTS = ("cp-1", "cp-2", "w-1")


class CutOff(BaseException):
    """The process ended here."""


@dataclass
class One:
    """A host: by whom its certificate and its tokens are signed, and whom it trusts."""

    trusts: frozenset[str]
    shows: str
    accepts: frozenset[str]
    signs: str


@dataclass
class World:
    """Hosts as runs leave them. cut: the step that does not come; sick: what is not well."""

    hosts: dict[str, One]
    cut: int = 0
    sick: tuple[str, ...] = ()
    steps: list[str] = field(default_factory=list)
    given: list[dict[str, Any]] = field(default_factory=list)

    def run(self, site: Site, order: Order) -> int:
        """The playbook: one host after another, each pair of which must understand the other."""
        extra = dict(order.selection.extra_variables)
        self.given.append(extra)
        if order.selection.check:
            self.steps.append("plan")
            return 2
        assert lock.holder(site.store, site.name) is not None
        known = site.inventory.hosts["cp-1"].variables | extra
        opened = the_cluster(site)
        for name, one in self.hosts.items():
            self.steps.append(name)
            if len(self.steps) == self.cut:
                raise CutOff
            shows = opened.authorities.certificate("cluster") if extra["certificate_issued_after"] else one.shows
            self.hosts[name] = One(parts(known["cluster_ca_certificate"]), shows,
                                   parts(known["cluster_service_account_public_key"]),
                                   site.services.secret("cluster_service_account_key"))  # fmt: skip
            for each in self.hosts.values():
                assert each.shows in self.hosts[name].trusts, "a host is shown what it does not trust"
                assert self.hosts[name].shows in each.trusts, "a host shows what another does not trust"
        return 0


def parts(text: str) -> frozenset[str]:
    """The single blocks of a PEM text."""
    return frozenset(f"{part}-----\n" for part in text.split("-----\n-----BEGIN") for part in [_whole(part)])


def _whole(part: str) -> str:
    return f"-----BEGIN{part.removeprefix('-----BEGIN')}".removesuffix("-----\n")


def opened() -> Cluster:
    """The cluster as the store has it."""
    return open_cluster(open_store(os.environ), "hosts", os.environ)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("CLUSTERBOOK_STATE_STORE", f"file://{tmp_path}/store")
    monkeypatch.delenv("CLUSTERBOOK_STORE_PASSPHRASE", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "configuration"))
    cluster = ensure_cluster(open_store(os.environ), "hosts", {"api_address": "192.0.2.10"}, os.environ)
    root = cluster.authorities.certificate("cluster")
    one = One(parts(cluster.authorities.trust_bundle()), root, frozenset(), "")
    made = World(dict.fromkeys(HOSTS, one))
    monkeypatch.setattr(task.runs, "run", made.run)

    def findings(*_: object) -> Sequence[Finding]:
        return [Finding("node", name, False, "is away", "Look.") for name in made.sick]

    for name, value in {"findings_of": findings, "open_kubectl": lambda _: None, "_certificates": lambda _: [],
                        "_restart": lambda *_: None}.items():  # fmt: skip
        monkeypatch.setattr(task, name, value)
    for name in ("unpublished", "forget_in_api"):
        monkeypatch.setattr(task.trust, name, lambda *_: [])
    monkeypatch.setattr(task.trust, "started_before", lambda *_: [])
    return made


@pytest.fixture
def rotate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    inventory = tmp_path / "hosts.yml"
    inventory.write_text(INVENTORY)

    def call(*words: str) -> int:
        monkeypatch.setattr("sys.argv", ["clusterbook", "rotate-ca", "--inventory", str(inventory), *words])
        try:
            return main() or 0
        except SystemExit as ended:
            return int(ended.code or 0)

    return call


def test_it_goes_in_stages_and_ends_with_the_new_ones_alone(world: World, rotate: Callable[..., int]) -> None:
    old = opened().authorities.certificate("cluster")
    assert rotate("--yes") == 0
    assert world.steps == list(HOSTS) * 3
    new = opened().authorities
    assert new.certificate("cluster") != old
    for one in world.hosts.values():
        assert one.shows == new.certificate("cluster")
        assert one.trusts == parts(new.trust_bundle())
        assert old not in one.trusts
    store = open_store(os.environ)
    assert store.read("hosts/pki/cluster-ca.key.json") is None
    assert store.read("hosts/pki/cluster-ca-2.key.json") is not None


def test_control_planes_take_turns_and_workers_come_in_batches(world: World, rotate: Callable[..., int]) -> None:
    rotate("--yes", "--workers-at-a-time", "7")
    assert {tuple(given["hosts_at_a_time"]) for given in world.given} == {(1, 1, 7)}


def test_without_yes_it_shows_the_next_stage_and_makes_nothing(world: World, rotate: Callable[..., int]) -> None:
    names = open_store(os.environ).names("hosts/pki")
    assert rotate("--service-accounts") == 2
    assert world.steps == ["plan"]
    assert len(parts(world.given[0]["cluster_ca_certificate"])) == 4
    assert world.given[0]["cluster_service_account_public_key"].count("BEGIN PUBLIC KEY") == 2
    assert open_store(os.environ).names("hosts/pki") == names


@pytest.mark.parametrize("cut", range(1, 10))
def test_cut_off_anywhere_it_goes_on_to_the_same_end_with_what_was_made(
    world: World, rotate: Callable[..., int], cut: int
) -> None:
    world.cut = cut
    with pytest.raises(CutOff):
        rotate("--yes")
    with pytest.raises(InvalidInput, match="half way"):
        authorities.refuse_while_under_way(opened())
    made = open_store(os.environ).read("hosts/pki/cluster-ca-2.crt") or b""
    assert rotate("--yes") == 0
    assert opened().authorities.certificate("cluster").encode() == made
    assert {one.trusts for one in world.hosts.values()} == {parts(opened().authorities.trust_bundle())}
    assert {one.shows.encode() for one in world.hosts.values()} == {made}


def test_the_key_of_service_accounts_goes_when_its_tokens_have_ended(world: World, rotate: Callable[..., int]) -> None:
    assert rotate("--yes", "--service-accounts") == 0
    assert authorities.read(opened()) == State((2,), (2, 1))
    assert {len(one.accepts) for one in world.hosts.values()} == {2}
    assert rotate("--yes") == 0
    assert authorities.read(opened()) == State((2,), (2, 1)), "an hour has not passed"
    authorities.refuse_while_under_way(opened())  # nobody else has to wait that long
    assert rotate("--yes", "--token-hours", "0") == 0
    assert authorities.read(opened()) == State((2,), (2,))
    assert {len(one.accepts) for one in world.hosts.values()} == {1}
    assert open_store(os.environ).read("hosts/pki/service-account.key.json") is None


def test_one_after_another_makes_another(world: World, rotate: Callable[..., int]) -> None:
    for number in (2, 3):
        assert rotate("--yes") == 0
        assert authorities.read(opened()) == State((number,), (1,))


def test_it_is_refused_when_something_is_not_well_or_something_else_is_half_way(
    world: World, rotate: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    world.sick = ("w-1",)
    assert rotate("--yes") == 3
    assert "node w-1: is away" in capsys.readouterr().err
    world.sick = ()
    rotation.begin(open_store(os.environ), "hosts", opened().authorities.clock())
    assert rotate("--yes") == 3
    assert "clusterbook rotate-certs --yes" in capsys.readouterr().err
    assert world.steps == []
    assert not authorities.read(opened()).under_way


def test_another_rotation_is_refused_while_it_is_half_way(
    world: World, rotate: Callable[..., int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    world.cut = 2
    with pytest.raises(CutOff):
        rotate("--yes")
    monkeypatch.setattr("sys.argv", ["clusterbook", "rotate-certs", "--inventory", f"{tmp_path}/hosts.yml", "--yes"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 3
