"""A probe counts what fails, tries once more, and knows the longest time without an answer."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from clusterbook.cluster import probe as probes
from clusterbook.cluster.probe import Probe, Renewed, Target


class Api(BaseHTTPRequestHandler):
    """Answers as an API server does, well or with what a test says."""

    answers: ClassVar[list[int]] = []
    asked: ClassVar[list[str]] = []
    held: ClassVar[bytes] = b""
    written: ClassVar[int | None] = None  # what the object holds at the end, other than what was written
    events: ClassVar[int] = 0  # watches that begin with an event; others tell of none
    quiet: ClassVar[float] = 0  # seconds that a watch stays open without an event
    slow: ClassVar[float] = 0  # seconds that a write takes
    silent = threading.Event()

    def _answer(self) -> None:
        self.asked.append(f"{self.command} {self.path.partition('?')[0]}")
        watch = "watch=1" in self.path
        sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        time.sleep(Api.slow if sent else 0)
        Api.held = sent or Api.held
        absent = self.command == "GET" and "/configmaps/" in self.path and not Api.held
        self.send_response(404 if absent else 200 if watch or not self.answers else self.answers.pop(0))
        self.end_headers()
        if watch:
            Api.events -= 1
            if Api.events >= 0:
                self.wfile.write(b'{"type": "MODIFIED"}\n')
                self.wfile.flush()
            self.silent.wait(self.quiet)
        elif "/configmaps/" in self.path:
            gone = {"data": {"written": str(self.written)}}
            self.wfile.write(self.held if self.written is None else json.dumps(gone).encode())

    do_GET = do_PATCH = do_DELETE = _answer  # noqa: N815 (names of http.server)

    def log_message(self, *arguments: object) -> None:
        """Says nothing."""


@pytest.fixture
def api() -> Iterator[Target]:
    """A server on the loopback address."""
    Api.answers, Api.asked, Api.held, Api.quiet, Api.slow, Api.written = [], [], b"", 0, 0, None
    Api.events = 10_000
    with ThreadingHTTPServer(("127.0.0.1", 0), Api) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield Target("127.0.0.1", int(server.server_address[1]))
        server.shutdown()
        thread.join()


def until(probe: Probe, kind: str, times: int) -> None:
    """Let it ask so often."""
    end = time.monotonic() + 20
    while probe.records[kind].asked < times and time.monotonic() < end:
        time.sleep(0.005)


def test_a_cluster_that_answers_has_no_failures_and_what_was_written_is_removed(api: Target) -> None:
    with Probe(api, 0.01).running() as probe:
        for kind in ("read", "write", "watch"):
            until(probe, kind, 3)
    assert probe.failed == 0
    assert {one["retried"] for one in (record.described() for record in probe.records.values())} == {0}
    assert Api.asked[-1] == "DELETE /api/v1/namespaces/default/configmaps/clusterbook-probe"


def test_a_write_that_was_acknowledged_and_is_gone_is_counted(api: Target) -> None:
    with Probe(api, 0.01).running() as probe:
        until(probe, "write", 5)
    assert probe.records["write"].described()["lost"] == 0
    Api.written = 2
    with Probe(api, 0.01).running() as probe:
        until(probe, "write", 5)
    lost = probe.records["write"].lost
    assert lost is not None
    assert lost >= 2
    assert probe.failed == lost


def test_a_write_that_was_gone_for_a_while_is_counted_though_a_later_one_is_there(api: Target) -> None:
    with Probe(api, 0.01).running() as probe:
        until(probe, "write", 5)
        Api.written = 2
        until(probe, "read", probe.records["read"].asked + 3)
        Api.written = None
        until(probe, "write", probe.records["write"].asked + 3)
    assert (probe.records["write"].lost or 0) >= 2


def test_requests_come_at_a_steady_rate_though_answers_take_their_time(api: Target) -> None:
    Api.slow = 0.05
    with Probe(api, 0.1).running() as probe:
        began = time.monotonic()
        time.sleep(1)
        asked, passed = probe.records["write"].asked, time.monotonic() - began
    assert asked >= 0.8 * passed / 0.1


def test_a_watch_in_which_nothing_happens_any_more_has_no_gap_after_the_end(
    api: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probes, "SECONDS", 1.0)
    Api.quiet = 3
    with Probe(api, 0.01).running() as probe:
        until(probe, "watch", 1)
        time.sleep(0.1)
    assert probe.records["watch"].described()["longest_gap_seconds"] < 0.9


def test_a_request_that_fails_once_is_tried_again_and_counted(api: Target) -> None:
    Api.answers = [503]
    with Probe(api, 0.01).running() as probe:
        until(probe, "read", 3)
        until(probe, "write", 3)
    assert probe.failed == 0
    assert probe.records["read"].retried + probe.records["write"].retried == 1


def test_a_watch_that_is_silent_once_nothing_is_written_is_no_failure(
    api: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probes, "SECONDS", 0.5)
    Api.quiet = 2
    with Probe(api, 0.01).running() as probe:
        until(probe, "watch", 1)
    assert (probe.records["watch"].retried, probe.failed) == (0, 0)


@pytest.mark.parametrize(("status", "failed"), [(200, True), (503, False)])
def test_a_watch_without_events_is_a_failure_only_when_writes_were_acknowledged(
    api: Target, monkeypatch: pytest.MonkeyPatch, status: int, failed: bool
) -> None:
    monkeypatch.setattr(probes, "SECONDS", 0.5)
    monkeypatch.setattr(probes, "_ON_ITS_WAY", 0.1)
    Api.quiet, Api.answers, Api.events = 2, [status] * 10_000, 1
    with Probe(api, 0.01).running() as probe:
        until(probe, "watch", 2)
        assert (probe.records["watch"].retried > 0) is failed
    assert (probe.records["watch"].failed > 0) is failed


def test_a_watch_that_breaks_again_after_it_told_of_something_has_not_failed_twice(
    api: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probes, "SECONDS", 0.5)
    monkeypatch.setattr(probes, "_ON_ITS_WAY", 0.1)
    Api.quiet = 2
    with Probe(api, 0.01).running() as probe:
        watch, end = probe.records["watch"], time.monotonic() + 20
        while watch.retried < 3 and time.monotonic() < end:
            time.sleep(0.01)
    assert (watch.retried >= 3, watch.failed) == (True, 0)
    assert watch.gap > 0.4


def test_a_server_that_is_gone_is_a_failure_with_its_words_and_a_gap(api: Target) -> None:
    gone = Target("127.0.0.1", 1)
    with Probe(gone, 0.01).running() as probe:
        until(probe, "read", 2)
    read = probe.records["read"].described()
    assert read["failed"] >= 1
    assert "refused" in next(iter(read["errors"]))
    assert read["longest_gap_seconds"] > 0


def test_a_page_of_a_workload_is_asked_for_only_when_there_is_one(api: Target) -> None:
    assert "page" not in Probe(api, 0.01).records
    with Probe(api, 0.01, f"http://127.0.0.1:{api.port}/hello").running() as probe:
        until(probe, "page", 2)
    assert "GET /hello" in Api.asked


def test_a_kubeconfig_that_was_made_anew_is_read_again(
    api: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probes, "api_of", lambda file: Target("127.0.0.1", int(file.read_text())))
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text("1")
    renewed = Renewed(kubeconfig)
    assert renewed.connect().port == 1
    (tmp_path / "new").write_text(str(api.port))
    (tmp_path / "new").replace(kubeconfig)
    with Probe(renewed, 0.01).running() as probe:
        time.sleep(0.2)
    assert probe.failed == 0
    assert probe.records["read"].asked > 1
