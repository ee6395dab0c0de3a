"""Empties this node when EC2 takes its instance back: the instance's metadata say so two minutes before.

Started as `python3 -I FOLDER SETTINGS.json` on workers of spot groups. It asks the API as the node itself, whose rights
end at its own Node and at its own pods. Rules: EC2's user guide, "Spot Instance interruption notices"; Kubernetes'
documentation, "Using Node Authorization" and "Admission Controllers" (NodeRestriction).
"""

from __future__ import annotations

import http.client
import json
import sys
import time
import urllib.error
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import aws
from kube_api import Api, ApiError

EVERY_SECONDS = 5
SECONDS = 10
REASON = "SpotInterruption"


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
    # The certificate is read anew each time: the kubelet renews it.
    api = Api(settings, SECONDS)
    try:
        node = close(api, settings["node"])
        empty(api, settings["node"])
        if notice != heard:
            tell(api, node, notice)
    finally:
        api.close()
    return notice


def announced(root: str = aws.METADATA) -> str:
    """What EC2 says of the instance's end; '' while it says nothing. Raises OSError."""
    metadata = aws.Metadata(root, SECONDS)
    try:
        return metadata.value("meta-data/spot/instance-action")
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


def say(line: str) -> None:
    """One line for the journal."""
    print(line, flush=True)


if __name__ == "__main__":
    main()
