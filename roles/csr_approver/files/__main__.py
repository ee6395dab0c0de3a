"""Approves kubelets' serving certificates for as long as the control plane runs.

Started as `python3 -I FOLDER RULES.json`. Several control planes run it at once: who comes second finds nothing to do.
"""

from __future__ import annotations

import json
import sys
import time
from http.client import HTTPException
from pathlib import Path

from api import Requests
from kube_api import ApiError
from request import BadRequest
from rules import Rules, refusal

FRESH_SECONDS = 300
WATCH_SECONDS = 60
# For an answer; longer than a watch is silent.
SECONDS = 90


def main() -> None:
    """Approves and watches, for ever; a server that is away is asked again."""
    settings = json.loads(Path(sys.argv[1]).read_text())
    rules = Rules.from_settings(settings)
    told: set[tuple[str, str]] = set()
    while True:
        api = Requests(settings, SECONDS)
        try:
            while True:
                version, waiting = consider(api, rules, told)
                api.wait_for_request(version, seconds=2 if waiting else WATCH_SECONDS)
        except (OSError, HTTPException, ApiError, ValueError) as error:
            said = f": {error.said}" if isinstance(error, ApiError) else ""
            say(f"the API at {settings['server']} did not answer: {error}{said}")
            time.sleep(2)
        finally:
            api.close()


def consider(api: Requests, rules: Rules, told: set[tuple[str, str]]) -> tuple[str, bool]:
    """Decides on all open requests. Returns the list's version, and whether a new one may become good soon."""
    version, requests = api.requests()
    undecided = [item for item in requests if not item.get("status", {}).get("conditions")]
    nodes = api.nodes() if undecided else []
    waiting = False
    for item in undecided:
        name = item["metadata"]["name"]
        reason = why_not(item, nodes, rules)
        if reason is None:
            if api.approve(item):
                say(f"approved {name} of {item['spec']['username']}")
            continue
        waiting = waiting or is_fresh(item)
        if (name, reason) not in told:
            told.add((name, reason))
            say(f"left {name} of {item['spec'].get('username')} alone: {reason}")
    return version, waiting


def why_not(item: dict, nodes: list, rules: Rules) -> str | None:
    """The reason against a request, None when it is good."""
    try:
        return refusal(item["spec"], nodes, rules)
    except BadRequest as error:
        return f"its request cannot be read: {error}"


def is_fresh(item: dict) -> bool:
    """Whether a request is so new that its node may not have told its addresses yet."""
    made = time.strptime(item["metadata"]["creationTimestamp"], "%Y-%m-%dT%H:%M:%SZ")
    return time.mktime(time.gmtime()) - time.mktime(made) < FRESH_SECONDS


def say(line: str) -> None:
    """One line for the journal."""
    print(line, flush=True)


if __name__ == "__main__":
    main()
