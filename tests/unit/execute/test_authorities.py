"""A certificate of an authority that was replaced is renewed, because the local machine says who signs today."""

from __future__ import annotations

from pathlib import Path

import pytest

from clusterbook.cli.site import signer
from clusterbook.cluster.cluster import Cluster, ensure_cluster
from clusterbook.cluster.store import open_store
from clusterbook.compile.plan import Plan, PlayPlan, StepInfo
from clusterbook.errors import Position
from clusterbook.execute.events import Events
from clusterbook.execute.hosts import Agents
from clusterbook.execute.run import Runner
from clusterbook.execute.services import Services
from clusterbook.language.program import HostPart, Program, Step
from clusterbook.model import Host
from clusterbook.transport.connect import Connector
from clusterbook.transport.protocol import Options


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


def changed(place: Path, services: Services) -> int:
    """Run the play; how many steps changed something."""
    plan = play(place)
    events = Events([], plan.steps)
    agents = Agents(Connector(Options()), "test", services, lock_hosts=False)
    try:
        outcome = Runner(Plan((plan,)), agents, services, events).run()
    finally:
        agents.close()
    assert not outcome.counts["a"]["failed"]
    return outcome.counts["a"]["changed"]


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
