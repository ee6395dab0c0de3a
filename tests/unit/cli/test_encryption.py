"""`rotate-encryption-key` goes from key to key, and wherever it is cut off, hosts read all that is stored."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from clusterbook.cli import encryption as task
from clusterbook.cli.main import main
from clusterbook.cli.runs import Order
from clusterbook.cli.site import Site
from clusterbook.cluster import encryption, lock
from clusterbook.cluster.cluster import ensure_cluster
from clusterbook.cluster.encryption import Keys
from clusterbook.cluster.probe import Target
from clusterbook.cluster.secrets import open_keyring
from clusterbook.cluster.store import open_store
from clusterbook.errors import Failed

INVENTORY = "all:\n  hosts:\n    cp-1: {ansible_host: 192.0.2.1}\n"


class CutOff(BaseException):
    """The process ended here."""


@dataclass
class World:
    """Hosts that work by the keys that a run brings, and objects under keys. cut: the step that does not come."""

    hosts: Keys
    stored: list[str]
    cut: int = 0
    steps: list[str] = field(default_factory=list)

    def step(self, name: str) -> None:
        """One more of those that change the world."""
        self.steps.append(name)
        if len(self.steps) == self.cut:
            raise CutOff

    def run(self, site: Site, order: Order) -> int:
        """The playbook: keys, then the proof when it is asked for."""
        keys = encryption.parse(site.services.secret("cluster_encryption_keys"))
        if order.selection.check:
            self.steps.append(f"plan of {len(keys)}")
            return 2
        assert lock.holder(site.store, site.name) is not None
        self.step(f"hosts get {len(keys)}")
        first, last = self.hosts[0], keys[0]  # hosts take it one after another: meanwhile some write by either
        assert first in keys, "a host that has the new file does not read what one with the old file writes"
        assert last in self.hosts, "a host that has the old file does not read what one with the new file writes"
        self.hosts = keys
        only = order.selection.extra_variables["encrypted_by"]
        if only and set(self.stored) != {only}:
            return 1
        assert set(self.stored) <= {key.name for key in self.hosts}, "what is stored cannot be read"
        return 0

    def rewrite(self, _: Target, resource: str) -> int:
        """The API server's work, under the same lock as the runs before and after it."""
        assert lock.holder(open_store(os.environ), "hosts") is not None
        self.step(f"{resource} written anew")
        self.stored[encryption.RESOURCES.index(resource)] = self.hosts[0].name
        return 1


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("CLUSTERBOOK_STATE_STORE", f"file://{tmp_path}/store")
    monkeypatch.delenv("CLUSTERBOOK_STORE_PASSPHRASE", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "configuration"))
    ensure_cluster(open_store(os.environ), "hosts", {"api_address": "192.0.2.10"}, os.environ)
    made = World(stored_keys(), ["key1", "key1"])
    monkeypatch.setattr(task.runs, "run", made.run)
    monkeypatch.setattr(task, "rewrite", made.rewrite)
    return made


def stored_keys() -> Keys:
    """What the store has."""
    store = open_store(os.environ)
    return encryption.ensure_keys(store, open_keyring(store, os.environ), "hosts")


@pytest.fixture
def rotate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    inventory = tmp_path / "hosts.yml"
    inventory.write_text(INVENTORY)

    def call(*words: str) -> int:
        argv = ["clusterbook", "rotate-encryption-key", "--inventory", str(inventory), *words]
        monkeypatch.setattr("sys.argv", argv)
        try:
            return main() or 0
        except SystemExit as ended:
            return int(ended.code or 0)

    return call


def test_it_goes_in_stages_and_shows_no_key(
    world: World, rotate: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    old = stored_keys()
    assert rotate("--yes") == 0
    assert world.steps == ["hosts get 2", "hosts get 2", "secrets written anew", "configmaps written anew",
                           "hosts get 2", "hosts get 1"]  # fmt: skip
    assert world.hosts == stored_keys() != old
    assert world.stored == [world.hosts[0].name] * 2
    said = "".join(capsys.readouterr())
    assert world.hosts[0].name in said
    assert [key for key in (*old, *world.hosts) if key.text in said] == []


def test_without_yes_nothing_changes(world: World, rotate: Callable[..., int]) -> None:
    old = stored_keys()
    assert rotate() == 2
    assert world.steps == ["plan of 2"]
    assert stored_keys() == old


@pytest.mark.parametrize("cut", range(1, 7))
def test_cut_off_anywhere_it_goes_on_to_the_same_end_with_the_key_that_was_made(
    world: World, rotate: Callable[..., int], cut: int
) -> None:
    world.cut = cut
    with pytest.raises(CutOff):
        rotate("--yes")
    made = encryption.newest(stored_keys())
    assert rotate("--yes") == 0
    assert world.hosts == stored_keys() == (made,)
    assert world.stored == [made.name] * 2


def test_a_key_under_which_something_is_stored_stays(
    world: World, rotate: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(task, "rewrite", lambda *_: 0)
    assert rotate("--yes") == 1
    assert [key.name for key in stored_keys()][1:] == ["key1"]
    assert world.hosts == stored_keys()


def test_an_api_that_refuses_ends_it_and_both_keys_stay(
    world: World, rotate: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise Failed("no", next_step="Run it again.")

    monkeypatch.setattr(task, "rewrite", refuse)
    assert rotate("--yes") == 1
    assert len(stored_keys()) == len(world.hosts) == 2
