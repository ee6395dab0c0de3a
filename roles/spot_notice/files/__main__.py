"""Empties this node when EC2 takes its instance back: the instance's metadata say so two minutes before.

Started as `python3 -I FOLDER SETTINGS.json` on workers of spot groups. It asks the API as the node itself, whose rights
end at its own Node and at its own pods. Rules: EC2's user guide, "Spot Instance interruption notices"; Kubernetes'
documentation, "Using Node Authorization" and "Admission Controllers" (NodeRestriction).
"""

from __future__ import annotations

import http.client
import json
import ssl
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

METADATA = "http://169.254.169.254/latest/"
TOKEN = "X-aws-ec2-metadata-token"  # noqa: S105 (a header's name)
EVERY_SECONDS = 5
SECONDS = 10
REASON = "SpotInterruption"


class ApiError(Exception):
    """The API answered with an error. status: its number."""

    def __init__(self, status: int, about: str) -> None:
        """about: the request."""
        super().__init__(f"{status} for {about}")
        self.status = status


class Api:
    """The API server, by the node's own certificate, which the kubelet renews: it is read anew each time."""

    def __init__(self, settings: dict) -> None:
        """settings: server (an https URL) and paths of PEM files."""
        context = ssl.create_default_context(cafile=settings["authority"])
        context.load_cert_chain(settings["certificate"])
        address = urlsplit(settings["server"])
        self._connection = http.client.HTTPSConnection(
            address.hostname or "", address.port or 443, timeout=SECONDS, context=context
        )

    def close(self) -> None:
        """Ends the connection."""
        self._connection.close()

    def call(self, method: str, path: str, body: Any = None, kind: str = "application/json") -> Any:
        """One request; JSON both ways. Raises ApiError, OSError."""
        self._connection.request(method, path, None if body is None else json.dumps(body), {"Content-Type": kind})
        response = self._connection.getresponse()
        text = response.read()
        if response.status >= 300:
            raise ApiError(response.status, f"{method} {path.partition('?')[0]}")
        return json.loads(text)


def main() -> None:
    """Listen for ever; what did not work is tried again at the next look."""
    settings = json.loads(Path(sys.argv[1]).read_text())
    heard = last = ""
    while True:
        try:
            heard, last = look(settings, heard), ""
        except (OSError, http.client.HTTPException, ApiError, ValueError, KeyError) as error:
            line = f"it did not work this time: {type(error).__name__}: {error}"
            if line != last:
                say(line)
            last = line
        time.sleep(EVERY_SECONDS)


def look(settings: dict, heard: str) -> str:
    """Do what is left to do; the notice, if there is one. heard: of which it was told already."""
    notice = announced()
    if not notice:
        return ""
    api = Api(settings)
    try:
        node = close(api, settings["node"])
        empty(api, settings["node"])
        if notice != heard:
            tell(api, node, notice)
    finally:
        api.close()
    return notice


def announced(root: str = METADATA) -> str:
    """What EC2 says of the instance's end; '' while it says nothing. Raises OSError."""
    token = _ask("PUT", f"{root}api/token", {f"{TOKEN}-ttl-seconds": "60"})
    try:
        return _ask("GET", f"{root}meta-data/spot/instance-action", {TOKEN: token})
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return ""
        raise


def close(api: Any, node: str) -> dict:
    """No new pod comes here; the node as the API has it."""
    path = f"/api/v1/nodes/{quote(node, safe='')}"
    found: dict = api.call("PATCH", path, {"spec": {"unschedulable": True}}, "application/merge-patch+json")
    return found


def empty(api: Any, node: str) -> None:
    """Evict each pod that may go. One that a disruption budget holds is asked for again at the next look."""
    chosen = urlencode({"fieldSelector": f"spec.nodeName={node}"})
    for pod in api.call("GET", f"/api/v1/pods?{chosen}")["items"]:
        space, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
        if not moves(pod):
            continue
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": space}}
        try:
            api.call("POST", f"/api/v1/namespaces/{space}/pods/{name}/eviction", eviction)
            say(f"{space}/{name} was evicted")
        except ApiError as error:
            if error.status != 404:
                say(f"{space}/{name} stays for now: {error}")


def tell(api: Any, node: dict, notice: str) -> None:
    """An event of the node says why, for the journal goes with the instance."""
    about, now = node["metadata"], time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    said = json.loads(notice)
    message = f"EC2 takes the instance back ({said.get('action')}, {said.get('time')}): its pods are evicted"
    say(message)
    api.call("POST", "/api/v1/namespaces/default/events", {
        "apiVersion": "v1", "kind": "Event", "type": "Warning", "reason": REASON, "message": message, "count": 1,
        "metadata": {"generateName": f"{about['name']}.", "namespace": "default"},
        "involvedObject": {"apiVersion": "v1", "kind": "Node", "name": about["name"], "uid": about["uid"]},
        "source": {"component": "clusterbook-spot-notice", "host": about["name"]},
        "firstTimestamp": now, "lastTimestamp": now,
    })


def moves(pod: dict) -> bool:
    """Whether a pod can be elsewhere: not those of DaemonSets and of the host's files, nor those that have ended."""
    about = pod["metadata"]
    bound = any(one.get("controller") and one["kind"] == "DaemonSet" for one in about.get("ownerReferences", ()))
    own = "kubernetes.io/config.mirror" in about.get("annotations", {})
    ended = "deletionTimestamp" in about or pod.get("status", {}).get("phase") in ("Succeeded", "Failed")
    return not (bound or own or ended)


def _ask(method: str, url: str, headers: dict) -> str:
    """One request to the metadata service, without the proxies of anybody's environment. Raises OSError."""
    request = urllib.request.Request(url, headers=headers, method=method)  # noqa: S310 (the address is fixed)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=SECONDS) as answer:
        return str(answer.read().decode())


def say(line: str) -> None:
    """One line for the journal."""
    print(line, flush=True)


if __name__ == "__main__":
    main()
