"""`status` as a person sees it: one screen on which nothing that is down hides the rest."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from clusterbook.cli import hosts, runs, status, validation
from clusterbook.cli.status_screen import age
from clusterbook.cluster.cluster import Cluster
from clusterbook.cluster.health import Finding
from clusterbook.errors import Failed, Unreachable
from clusterbook.model import Host
from tests.unit.cli.conftest import certificate_of

NODES = tuple({"name": name, "state": "Ready", "roles": "", "address": "192.0.2.1", "version": "v1.37.2",
               "runtime": "containerd://2"} for name in ("w-1", "w-2"))  # fmt: skip
WELL = (Finding("api", "cp-1", True, "ok"), *(Finding("node", name, True, "Ready") for name in ("w-1", "w-2")))
SICK = Finding("node", "w-2", False, "Kubelet stopped posting node status.", "Look at: invoke ssh w-2")
BACKUP = {
    "id": "20260101-000000", "cluster": "hosts", "taken": "2026-01-01T00:00:00+00:00", "kubernetes_version": "1.37.2",
    "etcd_version": "3.7.3", "revision": 7, "keys": 5, "bytes": 2_000_000, "sha256": "", "parts": 1,
}  # fmt: skip
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def cluster(kept: Cluster, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """Two hosts that answer, of a cluster that is well."""
    monkeypatch.setattr(hosts, "printed", lambda host, _: answer(kept, host, 200))
    monkeypatch.setattr(status, "open_kubectl", lambda _: None)
    seen(monkeypatch, WELL)
    return kept


@pytest.fixture
def run(call_on_hosts: Run) -> Run:
    return lambda *words: call_on_hosts("status", *words)


def answer(cluster: Cluster, host: Host, days: int, authority: str = "cluster") -> bytes:
    """What a host says to the question."""
    return f"system Debian GNU/Linux 12\n{certificate_of(cluster.authorities, host, days, authority)}".encode()


def seen(monkeypatch: pytest.MonkeyPatch, findings: tuple[Finding, ...]) -> None:
    monkeypatch.setattr(validation, "findings_of", lambda *_: list(findings))
    monkeypatch.setattr(validation, "nodes_of", lambda _: NODES)


def rows(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def test_a_cluster_that_is_well_is_one_screen_and_ends_with_0(run: Run, cluster: Cluster) -> None:
    code, text, errors = run()
    assert (code, errors) == (0, "")
    version = cluster.spec.complete["kubernetes_version"]
    assert rows(text)[1:] == [
        f"hosts Kubernetes {version} https://192.0.2.10:6443",
        "HOST GROUPS REACHED SYSTEM CERTIFICATES",
        "w-1 ungrouped yes Debian GNU/Linux 12 199 d",
        "w-2 ungrouped yes Debian GNU/Linux 12 199 d",
        "NODE STATE ROLE VERSION",
        "w-1 Ready v1.37.2",
        "w-2 Ready v1.37.2",
        "COMPONENT WELL",
        "api 1 of 1",
        "node 2 of 2",
        "certificates 6 read, none to see to; first ends in 199 d: kube-proxy, w-1",
        "backup none; take one: clusterbook backup",
        "drift not looked for: clusterbook status --drift",
    ]
    assert "\x1b" not in text


def test_a_host_that_is_down_hides_nothing_of_the_rest(
    run: Run, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    def printed(host: Host, _: str) -> bytes:
        if host.name == "w-2":
            raise Unreachable("it does not answer", next_step="Is it up?")
        return answer(cluster, host, 200)

    monkeypatch.setattr(hosts, "printed", printed)
    code, text, _ = run()
    assert code == 4
    assert {"w-1 ungrouped yes Debian GNU/Linux 12 199 d", "w-2 ungrouped NO ? ?", "api 1 of 1",
            "not asked host w-2: it does not answer", "next: Is it up?"} <= set(rows(text))  # fmt: skip
    found = json.loads(run("--json")[1])
    assert (found["ready"], found["not_asked"]) == (False, {"host w-2": "it does not answer"})
    assert [(one["name"], one["reachable"]) for one in found["hosts"]] == [("w-1", True), ("w-2", False)]


def test_what_is_not_well_is_told_with_the_next_step_and_beats_what_is_down(
    run: Run, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen(monkeypatch, (*WELL[:2], SICK))
    code, text, _ = run()
    assert code == 1
    wanted = {"node 1 of 2", "node w-2 Kubelet stopped posting node status.", "next: Look at: clusterbook ssh w-2"}
    assert wanted <= set(rows(text))

    def away(*_: object) -> bytes:
        raise Unreachable("it does not answer")

    monkeypatch.setattr(hosts, "printed", away)
    assert run()[0] == 1


def test_a_cluster_that_cannot_be_asked_hides_no_host(
    run: Run, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without(_: object) -> None:
        raise Failed("there is no kubectl", next_step="Make it: invoke artifacts")

    monkeypatch.setattr(status, "open_kubectl", without)
    code, text, _ = run()
    assert code == 1
    assert {"w-2 ungrouped yes Debian GNU/Linux 12 199 d", "not asked cluster: there is no kubectl"} <= set(rows(text))
    assert "COMPONENT" not in text and "NODE" not in text


def test_nodes_of_an_api_that_does_not_answer_are_not_asked_for_once_more(
    run: Run, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(validation, "findings_of", lambda *_: [Finding("node", "all", False, "connection refused")])
    monkeypatch.setattr(validation, "nodes_of", lambda _: pytest.fail("asked again"))
    code, text, _ = run()
    assert code == 1
    assert "node all connection refused" in rows(text)


def test_a_certificate_that_wants_care_ends_with_2(
    run: Run, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosts, "printed", lambda host, _: answer(cluster, host, 200, "front_proxy"))
    code, text, _ = run()
    assert code == 2
    assert "next: clusterbook certs shows which, clusterbook provision makes them anew" in rows(text)
    assert len(json.loads(run("--json")[1])["certificates"]["want_care"]) == 2


def test_the_last_backup_is_told_with_its_age(run: Run, cluster: Cluster) -> None:
    for name in ("20251201-000000", BACKUP["id"]):
        cluster.store.write(f"hosts/backups/{name}/manifest.json", json.dumps({**BACKUP, "id": name}).encode())
    line = next(line for line in rows(run()[1]) if line.startswith("backup"))
    assert " days old: 20260101-000000, 5 keys at revision 7, 2.0 MB, taken 2026-01-01T00:00:00+00:00" in line
    assert json.loads(run("--json")[1])["backup"]["age_seconds"] > 0


def test_a_damaged_backup_hides_nothing_of_the_rest(run: Run, cluster: Cluster) -> None:
    cluster.store.write("hosts/backups/20260101-000000/manifest.json", b"{")
    code, text, _ = run()
    assert code == 1
    assert "api 1 of 1" in rows(text)
    assert any(line.startswith("not asked backups: hosts/backups/20260101-000000/manifest.json") for line in rows(text))


@pytest.mark.parametrize(("ended", "code"), [(0, 0), (2, 2), (1, 1), (4, 4), (130, 130)])
def test_drift_is_looked_for_on_request_alone_and_its_end_counts(
    run: Run, cluster: Cluster, monkeypatch: pytest.MonkeyPatch, ended: int, code: int
) -> None:
    class _Outcome:
        def exit_code(self, check: bool) -> int:
            return ended if check else 99

    def carry_out(_: object, order: runs.Order, plan: object) -> Any:
        print('{"differences": [], "failed": []}' if order.style.json else "2 hosts: all as the playbooks want it")
        return _Outcome()

    monkeypatch.setattr(runs, "prepare", lambda *_: object())
    monkeypatch.setattr(runs, "carry_out", carry_out)
    assert "as the playbooks want it" not in run()[1]
    found, text, _ = run("--drift")
    assert (found, rows(text)[-2:]) == (code, ["drift below", "2 hosts: all as the playbooks want it"])
    found, text, _ = run("--drift", "--json")
    assert (found, json.loads(text)["drift"]) == (code, {"differences": [], "failed": []})
    assert json.loads(run("--json")[1])["drift"] is None


def test_drift_looks_in_check_mode(run: Run, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    orders: list[runs.Order] = []

    def prepare(_: object, order: runs.Order) -> Any:
        orders.append(order)
        raise Failed("enough was seen")

    monkeypatch.setattr(runs, "prepare", prepare)
    assert run("--drift", "--extra-vars", "a=1")[0] == 1
    chosen = orders[0].selection
    assert (chosen.check, orders[0].style.drift, chosen.extra_variables) == (True, True, {"a": "1"})


@pytest.mark.parametrize("words", [("--days=-1",), ("--extra-vars", "a=1")])
def test_an_option_that_makes_no_sense_is_refused(run: Run, cluster: Cluster, words: tuple[str, ...]) -> None:
    assert run(*words)[0] == 3


def test_what_a_host_says_of_itself_cannot_steer_the_terminal(
    run: Run, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosts, "printed", lambda *_: b"system \x1b[31mred\x07\n")
    assert "\x1b" not in run()[1]
    assert json.loads(run("--json")[1])["hosts"][0]["system"] == "?[31mred?"


@pytest.mark.parametrize(
    ("time", "text"),
    [(timedelta(seconds=59), "less than a minute"), (timedelta(minutes=1), "1 minute"),
     (timedelta(hours=23), "23 hours"), (timedelta(days=2, hours=5), "2 days")],
)  # fmt: skip
def test_an_age_has_its_largest_whole_unit(time: timedelta, text: str) -> None:
    assert age(time) == text
