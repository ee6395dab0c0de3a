"""What a worker of a spot group does when EC2 takes it back: it closes itself, its pods go, and an event stays."""

from __future__ import annotations

import importlib.util
import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROLES = Path(__file__).parents[3] / "roles"
NOTICE = json.dumps({"action": "terminate", "time": "2026-11-27T15:00:00Z"})
NODE = "ip-10-20-32-5"
EVICTION = "/api/v1/namespaces/default/pods/{}/eviction"


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The role's program, with what it imports from its folder on the host."""
    monkeypatch.syspath_prepend(str(ROLES / "join_keeper" / "files"))
    for name in ("aws", "kube_api"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    specification = importlib.util.spec_from_file_location("spot_notice", ROLES / "spot_notice/files/__main__.py")
    assert specification and specification.loader
    found = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(found)
    return found


def pod(name: str, **more: Any) -> dict[str, Any]:
    """One of the node's pods. more: of its metadata; phase: of its status."""
    phase = more.pop("phase", "Running")
    return {"metadata": {"name": name, "namespace": "default", **more}, "status": {"phase": phase}}


class Api:
    """Notes what is asked for; some evictions are refused."""

    def __init__(self, pods: list[dict[str, Any]], refused: dict[str, Exception] | None = None) -> None:
        self.calls: list[tuple[str, str, Any]] = []
        self._pods, self._refused = pods, refused or {}

    def close(self) -> None:
        """As a connection does."""

    def call(self, method: str, path: str, body: Any = None, kind: str = "") -> Any:
        """Answers as the API does."""
        self.calls.append((method, path, body))
        if path in self._refused:
            raise self._refused[path]
        return {"items": self._pods, "metadata": {"name": NODE, "uid": "u-1"}}

    @property
    def evicted(self) -> list[str]:
        """Names in the paths of evictions."""
        return [path.split("/")[-2] for _, path, _ in self.calls if path.endswith("/eviction")]


def test_the_node_is_closed_by_the_one_field_that_it_may_change(listener: ModuleType) -> None:
    api = Api([])
    listener.close(api, NODE)
    assert api.calls == [("PATCH", f"/api/v1/nodes/{NODE}", {"spec": {"unschedulable": True}})]


def test_pods_go_but_those_of_daemon_sets_of_the_host_and_such_as_have_ended(listener: ModuleType) -> None:
    owner = {"kind": "DaemonSet", "name": "logs", "controller": True}
    pods = [pod("page", ownerReferences=[{"kind": "ReplicaSet", "name": "page", "controller": True}]), pod("alone"),
            pod("logs", ownerReferences=[owner]), pod("own", annotations={"kubernetes.io/config.mirror": "x"}),
            pod("done", phase="Succeeded"), pod("going", deletionTimestamp="2026-11-27T14:59:00Z")]  # fmt: skip
    api = Api(pods)
    listener.empty(api, NODE)
    assert api.calls[0][1] == f"/api/v1/pods?fieldSelector=spec.nodeName%3D{NODE}"  # a node may list no others
    assert api.evicted == ["page", "alone"]
    assert api.calls[1][2]["kind"] == "Eviction" and api.calls[1][2]["metadata"]["name"] == "page"


def test_a_pod_that_its_budget_holds_or_that_is_gone_does_not_hold_up_the_others(
    listener: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    refused = {EVICTION.format("held"): listener.ApiError(429, "POST held"),
               EVICTION.format("gone"): listener.ApiError(404, "POST gone")}  # fmt: skip
    api = Api([pod("held"), pod("gone"), pod("page")], refused)
    listener.empty(api, NODE)
    assert api.evicted == ["held", "gone", "page"]
    said = capsys.readouterr().out
    assert "default/held stays for now: 429" in said and "gone" not in said and "default/page was evicted" in said


def test_an_event_of_the_node_says_what_ec2_announced(listener: ModuleType) -> None:
    api = Api([])
    listener.tell(api, {"metadata": {"name": NODE, "uid": "u-1"}}, NOTICE)
    ((_, path, event),) = api.calls
    assert path == "/api/v1/namespaces/default/events" and event["reason"] == "SpotInterruption"
    assert event["involvedObject"] == {"apiVersion": "v1", "kind": "Node", "name": NODE, "uid": "u-1"}
    assert "(terminate, 2026-11-27T15:00:00Z)" in event["message"]


def test_nothing_is_asked_of_the_api_without_a_notice_and_an_event_is_written_once(
    listener: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    api, said = Api([pod("page")]), iter(["", NOTICE, NOTICE])
    monkeypatch.setattr(listener, "announced", lambda: next(said))
    monkeypatch.setattr(listener, "Api", lambda settings, seconds: api)
    heard = listener.look({"node": NODE}, "")
    assert (heard, api.calls) == ("", [])
    for _ in range(2):
        heard = listener.look({"node": NODE}, heard)
    asked = [path.rpartition("/")[2].partition("?")[0] for _, path, _ in api.calls]
    assert asked == [NODE, "pods", "eviction", "events", NODE, "pods", "eviction"]


class Metadata(BaseHTTPRequestHandler):
    """The metadata service: says of the instance's end what the server was told to."""

    server: Any

    def do_PUT(self) -> None:
        """A token."""
        self._answer(200, "token")

    def do_GET(self) -> None:
        """What comes with that token."""
        known = self.headers.get("X-aws-ec2-metadata-token") == "token"
        found = self.server.notice if self.path == "/latest/meta-data/spot/instance-action" else ""
        self._answer(200 if known and found else 404 if known else 401, found)

    def _answer(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
def metadata() -> Iterator[Any]:
    """A metadata service of the test's own."""
    server: Any = HTTPServer(("127.0.0.1", 0), Metadata)
    server.notice = ""
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_the_metadata_are_asked_with_a_token_and_say_nothing_until_there_is_a_notice(
    listener: ModuleType, metadata: Any
) -> None:
    root = f"http://127.0.0.1:{metadata.server_port}/latest/"
    assert listener.announced(root) == ""
    metadata.notice = NOTICE
    assert listener.announced(root) == NOTICE
