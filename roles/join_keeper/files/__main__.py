"""Lets new workers join while nobody runs provision: gives out a token of an hour, and labels who came.

Started as `python3 -I FOLDER SETTINGS.json` on each control plane; each has tokens and an object of its own.
"""

from __future__ import annotations

import http.client
import json
import secrets
import string
import sys
import time
from pathlib import Path
from urllib.parse import quote

import aws
from kube_api import Api, ApiError

LIFE_SECONDS = 3600
RENEWED_SECONDS = 1200
EVERY_SECONDS = 10
SECONDS = 30
LETTERS = string.ascii_lowercase + string.digits
JOINING = "system:bootstrappers:clusterbook:joining"
ROLE = "node-role.kubernetes.io/"


def main() -> None:
    """Keep at it, for ever; what is away is asked again."""
    settings = json.loads(Path(sys.argv[1]).read_text())
    renewed, turn = 0.0, 0
    while True:
        api = Api(settings, SECONDS)
        try:
            if time.monotonic() - renewed > RENEWED_SECONDS or not renewed:
                give_out(api, settings, settings["token_ids"][turn % 2])
                renewed, turn = time.monotonic(), turn + 1
                say(f"a token of {LIFE_SECONDS // 60} minutes is in {settings['url']}")
            for name in label_workers(api, settings["control_planes"]):
                say(f"{name} is a worker")
        except (OSError, http.client.HTTPException, ApiError, aws.Absent, ValueError, KeyError) as error:
            say(f"it did not work this time: {type(error).__name__}: {error}")
        finally:
            api.close()
        time.sleep(EVERY_SECONDS)


def give_out(api: Api, settings: dict, token_id: str) -> None:
    """A new token: the cluster knows it first, then the store has it. The one before stays good for its time."""
    secret = "".join(secrets.choice(LETTERS) for _ in range(16))
    until = time.time() + LIFE_SECONDS
    name = f"bootstrap-token-{token_id}"
    body = {
        "apiVersion": "v1", "kind": "Secret", "type": "bootstrap.kubernetes.io/token",
        "metadata": {"name": name, "namespace": "kube-system"},
        "stringData": {
            "token-id": token_id, "token-secret": secret, "usage-bootstrap-authentication": "true",
            "auth-extra-groups": JOINING, "expiration": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(until)),
        },
    }
    path = f"/api/v1/namespaces/kube-system/secrets/{name}?fieldManager=clusterbook-join-keeper&force=true"
    api.call("PATCH", path, body, "application/apply-patch+yaml")
    identity = json.dumps({"token": f"{token_id}.{secret}", "until": until}).encode()
    aws.write(f"{settings['url']}/identity-{settings['name']}", settings["region"], aws.Metadata().keys(), identity)


def label_workers(api: Api, control_planes: list) -> list:
    """Who is no control plane is a worker; a kubelet may not say so of itself."""
    named = []
    for node in api.call("GET", "/api/v1/nodes")["items"]:
        labels = node["metadata"].get("labels", {})
        name = node["metadata"]["name"]
        if name not in control_planes and not any(label.startswith(ROLE) for label in labels):
            body = {"metadata": {"labels": {f"{ROLE}worker": ""}}}
            api.call("PATCH", f"/api/v1/nodes/{quote(name, safe='')}", body, "application/merge-patch+json")
            named.append(name)
    return named


def say(line: str) -> None:
    """One line for the journal."""
    print(line, flush=True)


if __name__ == "__main__":
    main()
