"""`logs` as a person sees it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clusterbook.cli import logs
from clusterbook.cluster.cluster import ensure_cluster
from clusterbook.cluster.logs.query import Answer, Question
from clusterbook.cluster.store import open_store
from tests.unit.cli.conftest import Call

RECORD = {"time": "2026-11-26T21:40:00Z", "pod": "web-1", "container": "main", "message": "one\x1b[31m\x9b two\n\ttab"}


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Question]:
    """Questions that reached the aggregator, which has one line."""
    questions: list[Question] = []

    def ask(_: object, question: Question) -> Answer:
        questions.append(question)
        return Answer(iter([RECORD] if question.namespace == "shop" else []), {"lines": 7, "unreadable": 1})

    monkeypatch.setattr(logs, "ask", ask)
    return questions


@pytest.fixture
def run(tmp_path: Path, call_on_hosts: Call, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str, str]]:
    """Runs `logs` on a cluster with this agent and aggregator."""

    def run(*words: str, agent: str = "rsyslog", host: str = "w-2") -> tuple[int, str, str]:
        values = {"CLUSTERBOOK_STATE_STORE": f"file://{tmp_path}/{agent}{host}", "CLUSTERBOOK_STORE_PASSPHRASE": "open"}
        for name, value in values.items():
            monkeypatch.setenv(name, value)
        wishes: dict[str, Any] = {"api_address": "192.0.2.10", "logging_agent": agent, "logging_host": host}
        ensure_cluster(open_store(values), "hosts", wishes, values)
        return call_on_hosts("logs", *words)

    return run


def test_a_line_is_shown_with_time_pod_and_container_and_cannot_steer_the_terminal(run: Any, asked: Any) -> None:
    code, text, errors = run("--namespace", "shop", "--since", "10m", "--grep", "one", "--limit", "5")
    assert (code, text) == (0, "2026-11-26T21:40:00Z web-1/main one�[31m� two \ttab\n")
    assert errors == "1 line could not be understood\n"
    (question,) = asked
    assert (question.folder, question.grep, question.limit) == ("/var/log/clusterbook-pods", "one", 5)


def test_machines_get_each_line_as_a_document_that_cannot_steer_a_terminal_either(run: Any, asked: Any) -> None:
    text = run("--namespace", "shop", "--json")[1]
    assert json.loads(text) == RECORD
    assert text.strip().isascii() and text.strip().isprintable()


def test_nothing_found_is_said_beside_the_output(run: Any, asked: Any) -> None:
    code, text, errors = run()
    assert (code, text) == (0, "")
    assert "no line matches; 7 lines looked at" in errors
    assert asked[0].namespace == "default"


def test_a_cluster_without_logging_says_how_it_is_turned_on(run: Any, asked: Any) -> None:
    code, _, errors = run(agent="none")
    assert code == 3 and not asked
    assert "nothing brings this cluster's logs together" in errors
    assert "logging_agent: rsyslog in cluster.yaml" in errors


def test_an_aggregator_that_is_no_host_is_told_with_the_nearest_one(run: Any, asked: Any) -> None:
    code, _, errors = run(host="w2")
    assert code == 3
    assert "logging_host is 'w2', and the inventory has no such host; did you mean 'w-2'?" in errors


@pytest.mark.parametrize("words", [("--grep", "("), ("--since", "soon"), ("--follow", "--until", "1m")])
def test_what_cannot_be_asked_reaches_no_host(run: Any, asked: Any, words: tuple[str, ...]) -> None:
    assert run(*words)[0] == 3
    assert not asked
