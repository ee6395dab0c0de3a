"""Hosts of a batch meet where they must."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any

from clusterbook.execute.gates import Gates


def drive(gates: Gates, hosts: dict[str, list[tuple[tuple[int, ...], bool]]], log: list[tuple[str, Any, Any]]) -> None:
    """Let each host go through its gates; log (host, key, verdict) in the order in which they pass."""
    guard = Lock()

    def travel(host: str) -> None:
        gates.enter(host)
        for key, once in hosts[host]:
            verdict = gates.wait(host, key, once)
            with guard:
                log.append((host, key, verdict))
            if once and verdict is None:
                gates.ran_once(host, key, {"by": host})
        gates.leave(host)

    with ThreadPoolExecutor(len(hosts)) as pool:
        for future in [pool.submit(travel, host) for host in hosts]:
            future.result(timeout=20)


def test_nobody_passes_a_gate_before_the_last_host_has_come_to_it() -> None:
    log: list[tuple[str, Any, Any]] = []
    drive(Gates("abc"), {host: [((index,), False) for index in range(20)] for host in "abc"}, log)
    assert [key[0] for _, key, _ in log] == sorted(key[0] for _, key, _ in log)


def test_a_host_on_another_path_does_not_hold_the_others_up() -> None:
    log: list[tuple[str, Any, Any]] = []
    drive(Gates("ab"), {"a": [((0,), False), ((2,), False)], "b": [((1, 1), False), ((2,), False)]}, log)
    assert [key for _, key, _ in log] == [(0,), (1, 1), (2,), (2,)]


def test_a_run_once_step_is_run_by_the_first_host_and_all_take_its_result() -> None:
    log: list[tuple[str, Any, Any]] = []
    drive(Gates("abc"), {host: [((1,), True), ((2,), False)] for host in "cab"}, log)
    once = {host: verdict for host, key, verdict in log if key == (1,)}
    assert once == {"a": None, "b": {"result": {"by": "a"}}, "c": {"result": {"by": "a"}}}


def test_hosts_that_have_left_are_not_waited_for() -> None:
    log: list[tuple[str, Any, Any]] = []
    drive(Gates("ab"), {"a": [], "b": [((1,), False), ((2,), True)]}, log)
    assert log == [("b", (1,), None), ("b", (2,), None)]


def test_when_the_chosen_host_is_lost_the_next_one_runs_the_step() -> None:
    gates = Gates("ab")
    gates.enter("a")
    gates.enter("b")
    with ThreadPoolExecutor(2) as pool:
        other = pool.submit(gates.wait, "b", (1,), True)
        assert gates.wait("a", (1,), True) is None
        gates.leave("a")
        assert other.result(timeout=10) is None


def test_a_limit_of_hosts_at_work_does_not_keep_the_others_from_their_gates() -> None:
    log: list[tuple[str, Any, Any]] = []
    drive(Gates("abcd", forks=1), {host: [((1,), True), ((2,), False)] for host in "abcd"}, log)
    assert len(log) == 8


def test_an_abort_ends_all_waiting() -> None:
    gates = Gates("ab")
    gates.enter("a")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(gates.wait, "a", (1,), False)
        gates.abort("b failed")
        assert waiting.result(timeout=10) == {"abort": "b failed"}


def test_a_failure_for_all_meets_the_others_at_their_next_gate_once() -> None:
    gates = Gates("abc")
    for host in "abc":
        gates.enter(host)
    with ThreadPoolExecutor(2) as pool:
        waiting = pool.submit(gates.wait, "b", (2,), False)
        gates.fails_all("a", (1, 7))
        assert "failed" in (waiting.result(timeout=10) or {})
    assert "failed" in (gates.wait("c", (2,), False) or {})
    gates.fails_all("c", (1, 7))  # it failed at the same step by itself
    with ThreadPoolExecutor(3) as pool:
        passed = [pool.submit(gates.wait, host, (3,), False) for host in "abc"]
        assert [one.result(timeout=10) for one in passed] == [None, None, None]


def test_slots_are_given_in_the_order_of_the_inventory() -> None:
    for _ in range(20):
        log: list[tuple[str, Any, Any]] = []
        drive(Gates("abcd", forks=1), {host: [((1,), False)] for host in "dcba"}, log)
        assert [host for host, _, _ in log] == ["a", "b", "c", "d"]


def test_hosts_come_to_a_throttled_step_in_the_order_of_the_inventory() -> None:
    for _ in range(10):
        gates, came = Gates("abc"), list[str]()

        def travel(host: str, gates: Gates = gates, came: list[str] = came) -> None:
            gates.enter(host)
            gates.wait(host, (1, 7), False)
            if host != "a":  # it leaves the step out
                gates.throttle.enter(7, host, 1)
                came.append(host)
                gates.throttle.leave(host, 7)
            gates.leave(host)

        with ThreadPoolExecutor(3) as pool:
            for future in [pool.submit(travel, host) for host in "cba"]:
                future.result(timeout=20)
        assert came == ["b", "c"]
