"""`top` as a person sees it."""

from __future__ import annotations

import json

import pytest

from clusterbook.cli import top
from clusterbook.cluster import namespaces, usage
from clusterbook.cluster.usage import Usage
from tests.unit.cli.conftest import Call

NODE = Usage("w-1", "", "w-1", {"cpu": 500, "memory": 256 * 2**20}, {"cpu": 100, "memory": 0},
             {"cpu": 0, "memory": 0}, {"cpu": 2000, "memory": 2**30})  # fmt: skip
PODS = [Usage("web", "shop", "w-1", {"cpu": 300, "memory": 2**20}, {"cpu": 100}, {}, {}),
        Usage("new", "shop", "", {}, {}, {}, {})]  # fmt: skip


@pytest.fixture(autouse=True)
def cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cluster with one node and two pods."""
    monkeypatch.setattr(top, "open_chosen", lambda _: None)
    monkeypatch.setattr(top, "open_kubectl", lambda _: None)
    monkeypatch.setattr(usage, "nodes", lambda _: [NODE])
    monkeypatch.setattr(usage, "pods", lambda *_: PODS)
    monkeypatch.setattr(namespaces, "namespaces", lambda _: ["shop", "default"])


def rows(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def test_nodes_are_shown_with_bars_of_the_room_that_they_have(call: Call) -> None:
    code, text, errors = call("top")
    assert (code, errors) == (0, "")
    assert rows(text) == [
        "NODE CPU USED ASKED LIMIT MEMORY USED ASKED LIMIT",
        "w-1 ██░░░░░░░░ 25% 500m 100m 0m ██░░░░░░░░ 25% 256Mi 0 0",
    ]


def test_a_pod_above_its_request_fills_its_bar_and_one_that_is_not_measured_is_named(call: Call) -> None:
    text = call("top", "pods", "--namespace", "shop")[1]
    assert rows(text) == [
        "NAMESPACE POD NODE CPU USED ASKED LIMIT MEMORY USED ASKED LIMIT",
        "shop new - - - - - - - - -",
        "shop web w-1 ██████████ 300% 300m 100m - - 1Mi - -",
        "not measured yet: new",
    ]
    assert call("top", "--namespace", "shop")[1] == text


def test_machines_get_millicores_and_bytes(call: Call) -> None:
    (node,) = json.loads(call("top", "nodes", "--json")[1])["nodes"]
    assert node["cpu_millicores"] == {"used": 500, "requested": 100, "limit": 0, "allocatable": 2000}
    pods = json.loads(call("top", "pods", "--sort", "cpu", "--json")[1])["pods"]
    assert [(one["name"], one["memory_bytes"]["used"]) for one in pods] == [("web", 2**20), ("new", None)]


@pytest.mark.parametrize(("words", "message"), [
    (("pod",), "it shows nodes or pods, not 'pod'; did you mean 'pods'?"),
    (("--sort", "mem"), "--sort is cpu or memory, not 'mem'"),
    (("nodes", "--namespace", "shop"), "nodes have no namespace"),
    (("pods", "--namespace", "shpo"), "there is no namespace 'shpo'; did you mean 'shop'?"),
])  # fmt: skip
def test_a_wrong_word_is_refused_with_the_right_one(call: Call, words: tuple[str, ...], message: str) -> None:
    code, _, errors = call("top", *words)
    assert code == 3
    assert message in errors
