"""Has the API server write stored objects anew, so that they are encrypted by the key that comes first now.

Each object gets an empty patch: the API server reads it, finds that it is stored under another key, and writes it. One
that is up to date is not written. Only names come to this machine, never what an object holds.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

from clusterbook.cluster.probe import Target
from clusterbook.errors import Failed

# Names asked for at a time.
PAGE = 500
_NAMES = "application/json;as=PartialObjectMetadata{};g=meta.k8s.io;v=v1"


def rewrite(api: Target, resource: str) -> int:
    """Write all objects of a core resource (secrets, …) anew; how many there were.

    One that is changed by somebody else at that moment (Conflict) is tried again; one that is gone meanwhile is done.
    Failed with the API's own words for anything else.
    """
    connection, count = api.connect(), 0
    try:
        for namespace, name in _listed(connection, resource):
            path = f"/api/v1/namespaces/{quote(namespace)}/{resource}/{quote(name)}"
            while True:
                status, answer = _ask(connection, "PATCH", path, _NAMES.format(""), b"{}")
                if status in (200, 404):
                    break
                if status != 409:
                    raise _refused(f"{resource} {namespace}/{name}", status, answer)
            count += 1
    except (OSError, http.client.HTTPException) as error:
        raise Failed(f"the API server did not answer while {resource} were written anew: {error}",
                     next_step="Run it again: what is done is not done again.") from error  # fmt: skip
    finally:
        connection.close()
    return count


def _listed(connection: http.client.HTTPConnection, resource: str) -> Iterator[tuple[str, str]]:
    query = {"limit": str(PAGE)}
    while True:
        path = f"/api/v1/{resource}?{urlencode(query)}"
        status, answer = _ask(connection, "GET", path, _NAMES.format("List"))
        if status != 200:
            raise _refused(f"the list of {resource}", status, answer)
        # A list of none has null for items.
        yield from [(item["metadata"]["namespace"], item["metadata"]["name"]) for item in answer["items"] or ()]
        following = answer["metadata"].get("continue")
        if not following:
            return
        query["continue"] = following


def _ask(
    connection: http.client.HTTPConnection, method: str, path: str, accept: str, body: bytes | None = None
) -> tuple[int, Any]:
    """Status and parsed answer."""
    headers = {"Accept": accept, **({"Content-Type": "application/merge-patch+json"} if body else {})}
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    text = answer.read()
    try:
        return answer.status, json.loads(text)
    except ValueError:
        return answer.status, {"message": text.decode(errors="replace").strip()[:200]}


def _refused(what: str, status: int, answer: Any) -> Failed:
    words = answer.get("message") or "no reason given"
    return Failed(f"{what} could not be written anew: the API server says {status}: {words}",
                  next_step="Look at the cluster with invoke validate-cluster, then run it again.")  # fmt: skip
