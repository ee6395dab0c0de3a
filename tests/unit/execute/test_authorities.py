"""Who signs today, and that nothing is signed for a host whose clock is off."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from clusterbook.cli.site import signer
from clusterbook.cluster import signing
from clusterbook.cluster.cluster import Cluster, ensure_cluster
from clusterbook.cluster.store import open_store
from clusterbook.compile.plan import Plan, PlayPlan, StepInfo
from clusterbook.errors import Position
from clusterbook.execute.events import Events
from clusterbook.execute.hosts import Agents
from clusterbook.execute.run import Runner
from clusterbook.execute.services import Services
from clusterbook.execute.signatures import MOST
from clusterbook.language.program import HostPart, Program, Step
from clusterbook.model import Host
from clusterbook.modules import certificate
from clusterbook.transport.connect import Connector
from clusterbook.transport.protocol import Options
from tests.unit.execute.test_run import Recorder


def cluster(place: Path) -> Cluster:
    """A cluster with authorities of its own."""
    environment = {"CLUSTERBOOK_STATE_STORE": f"file://{place}", "CLUSTERBOOK_STORE_PASSPHRASE": "only for this test"}
    return ensure_cluster(open_store(environment), "demo", {"api_address": "10.0.0.10"}, environment)


def play(place: Path) -> PlayPlan:
    """One certificate on this machine."""
    arguments = {"path": str(place / "tls.crt"), "key_path": str(place / "tls.key"), "authority": "cluster",
                 "common_name": "demo", "usages": ["client_auth"]}  # fmt: skip
    step = Step(1, "Ensure the certificate is in place", "certificate", arguments)
    program = Program("test", "test", (step,), (), lockstep=False, modules=("certificate",))
    infos = {1: StepInfo(1, str(step.name), "", step.module, Position("play.yml", 1))}
    host = Host("a", ("all",), {"ansible_connection": "local"})
    part = HostPart("a", ("all",), {})
    return PlayPlan("test", program, infos, (("a",),), {"a": host}, {"a": part}, False, frozenset(), frozenset())


def run(place: Path, services: Services) -> tuple[Mapping[str, int], Recorder]:
    """Run the play; its counts and events."""
    plan, recorder = play(place), Recorder()
    events = Events([recorder], plan.steps)
    agents = Agents(Connector(Options()), "test", services, lock_hosts=False)
    try:
        outcome = Runner(Plan((plan,)), agents, services, events).run()
    finally:
        agents.close()
    return outcome.counts["a"], recorder


def changed(place: Path, services: Services) -> int:
    """Run the play; how many steps changed something."""
    counts, _ = run(place, services)
    assert not counts["failed"]
    return counts["changed"]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where the certificate lies."""
    (tmp_path / "pki").mkdir()
    return tmp_path / "pki"


def test_a_certificate_is_renewed_when_another_authority_signs_and_only_then(place: Path, tmp_path: Path) -> None:
    first, second = cluster(tmp_path / "first"), cluster(tmp_path / "second")
    old = Services(sign=signer(first), authority=first.authorities.certificate)
    new = Services(sign=signer(second), authority=second.authorities.certificate)
    assert changed(place, old) == 1
    assert changed(place, old) == 0
    assert changed(place, new) == 1
    assert changed(place, new) == 0


@pytest.mark.parametrize(("off", "told"), [
    (600, "a's clock is 600 s behind this machine's"), (-600, "a's clock is 600 s ahead of this machine's"),
])  # fmt: skip
def test_nothing_is_signed_for_a_host_whose_clock_is_off(place: Path, tmp_path: Path, off: int, told: str) -> None:
    own = cluster(tmp_path / "first")
    counts, recorder = run(place, Services(sign=signer(own), clock=lambda: time.time() + off))
    assert counts["failed"] == 1 and list(place.iterdir()) == []
    message = recorder.of("result")[0]["msg"]
    assert told in message and "Nothing was signed" in message and "invoke ssh a -- timedatectl status" in message


def test_a_clock_that_is_a_little_off_is_told_once(place: Path, tmp_path: Path) -> None:
    own = cluster(tmp_path / "first")
    counts, recorder = run(place, Services(sign=signer(own), clock=lambda: time.time() - 30))
    assert counts["changed"] == 1
    assert [one["msg"] for one in recorder.of("warning")] == [
        "a's clock is 30 s ahead of this machine's; from 120 s on, no certificate is made for it"
    ]
    assert recorder.of("warning")[0]["host"] == "a"


def test_certificates_are_dated_back_by_more_than_two_clocks_may_differ() -> None:
    assert 2 * MOST < signing.BACKDATED.total_seconds() == certificate.BACKDATED
