"""Writes for Prometheus which nodes and pods there are: Debian's Prometheus does not ask Kubernetes itself.

Started every half minute as `python3 -I targets.py SERVER FOLDER`: asks the API and writes FOLDER/nodes.json and
FOLDER/pods.json, which Prometheus takes up when they change.
"""

from __future__ import annotations

import json
import ssl
import sys
import urllib.request
from pathlib import Path

IDENTITY = Path("/etc/clusterbook-prometheus")
ASKED = "prometheus.io/"


def main(server: str, folder: Path) -> None:
    """server: the API's address. An API that does not answer changes nothing; the unit fails and is seen."""
    context = ssl.create_default_context(cafile=IDENTITY / "ca.crt")
    context.load_cert_chain(IDENTITY / "client.crt", IDENTITY / "client.key")
    for name, path, found in (("nodes", "/api/v1/nodes", nodes),
                              ("pods", "/api/v1/pods?fieldSelector=status.phase%3DRunning", pods)):  # fmt: skip
        with urllib.request.urlopen(f"{server}{path}", context=context, timeout=20) as answer:  # noqa: S310
            write(folder / f"{name}.json", found(json.load(answer)["items"]))


def nodes(items: list) -> list:
    """A target for each node's kubelet."""
    found = []
    for item in items:
        status = item["status"]
        addresses = [one["address"] for one in status.get("addresses", []) if one["type"] == "InternalIP"]
        port = status.get("daemonEndpoints", {}).get("kubeletEndpoint", {}).get("Port")
        if addresses and port:
            found.append(target(addresses[0], port, {"node": item["metadata"]["name"]}))
    return found


def pods(items: list) -> list:
    """A target for each pod that asks for it."""
    found = []
    for item in items:
        about, wishes = item["metadata"], item["metadata"].get("annotations", {})
        address, port = item["status"].get("podIP"), wishes.get(f"{ASKED}port", "")
        if wishes.get(f"{ASKED}scrape") != "true" or not address or not port.isdecimal():
            continue
        labels = {"namespace": about["namespace"], "pod": about["name"], "node": item["spec"].get("nodeName", "")}
        if f"{ASKED}path" in wishes:
            labels["__metrics_path__"] = wishes[f"{ASKED}path"]
        found.append(target(address, port, labels))
    return found


def target(address: str, port: object, labels: dict) -> dict:
    """One target as Prometheus's files have it."""
    return {"targets": [f"[{address}]:{port}" if ":" in address else f"{address}:{port}"], "labels": labels}


def write(path: Path, found: list) -> None:
    """Whole or not at all, and only when it differs."""
    text = json.dumps(sorted(found, key=lambda one: one["targets"]), indent=1) + "\n"
    if path.exists() and path.read_text() == text:
        return
    partial = path.with_suffix(".partial")
    partial.write_text(text)
    partial.replace(path)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
