"""Lookups that ask programs, the environment or a server."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Sequence
from typing import Any

from jinja2 import Undefined

from clusterbook.language.lookups import LookupFailed
from clusterbook.lookups.files import Options, truth
from clusterbook.lookups.surroundings import Surroundings

_SECONDS = 600
_LARGEST = 32 * 1024 * 1024


def pipe(surroundings: Surroundings, terms: Sequence[Any], options: Options) -> list[Any]:
    """What commands print, without the line ends at the end."""
    return [_output(surroundings, str(term)).rstrip() for term in terms]


def lines(surroundings: Surroundings, terms: Sequence[Any], options: Options) -> list[Any]:
    """The lines that programs print."""
    return [line for term in terms for line in _output(surroundings, str(term)).splitlines()]


def _output(surroundings: Surroundings, command: str) -> str:
    directory = surroundings.bases[-1] if surroundings.bases else None
    try:
        done = subprocess.run(
            # A shell, as people write pipes here; what may be asked for is checked before (execute/words.py).
            ["/bin/sh", "-c", command], cwd=directory, stdin=subprocess.DEVNULL, capture_output=True, timeout=_SECONDS,
            env=dict(surroundings.environment), check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LookupFailed(f"the command {command!r} could not run on the local machine: {error}") from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise LookupFailed(
            f"the command {command!r} ended with status {done.returncode} on the local machine"
            + (f": {said[-1]}" if said else "")
        )
    return done.stdout.decode(errors="surrogateescape")


def env(surroundings: Surroundings, terms: Sequence[Any], options: Options) -> list[Any]:
    """Variables of the environment; default, else an empty text, for one that is not set."""
    found = []
    for term in terms:
        name = str(term).split()[0] if str(term).split() else ""
        value = surroundings.environment.get(name, options.get("default", ""))
        if isinstance(value, Undefined):
            raise LookupFailed(f"the environment variable {name!r} is not set")
        found.append(value)
    return found


def url(surroundings: Surroundings, terms: Sequence[Any], options: Options) -> list[Any]:
    """What URLs give, line by line unless split_lines is false."""
    found: list[str] = []
    for term in terms:
        text = _fetched(str(term), options)
        found.extend(text.splitlines() if truth(options, "split_lines", True) else [text])
    return found


def _fetched(address: str, options: Options) -> str:
    import ssl
    import urllib.error
    import urllib.request

    if not address.startswith(("http://", "https://")):
        raise LookupFailed(f"{address!r} is no http or https address")
    request = urllib.request.Request(address, headers=_headers(options))  # noqa: S310
    handlers: list[urllib.request.BaseHandler] = []
    if not truth(options, "validate_certs", True):
        handlers.append(urllib.request.HTTPSHandler(context=ssl._create_unverified_context()))  # noqa: S323
    if not truth(options, "use_proxy", True):
        handlers.append(urllib.request.ProxyHandler({}))
    try:
        with urllib.request.build_opener(*handlers).open(request, timeout=float(options.get("timeout", 10))) as answer:
            data: bytes = answer.read(_LARGEST + 1)
    except urllib.error.HTTPError as error:
        raise LookupFailed(f"{address} answered {error.code} {error.reason}") from error
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise LookupFailed(f"{address} could not be fetched: {getattr(error, 'reason', error)}") from error
    if len(data) > _LARGEST:
        raise LookupFailed(f"{address} gives more than 32 MiB")
    return data.decode(errors="replace")


def _headers(options: Options) -> dict[str, str]:
    headers = {"User-Agent": str(options.get("http_agent", "clusterbook"))}
    headers.update({str(name): str(value) for name, value in (options.get("headers") or {}).items()})
    if options.get("username"):
        pair = f"{options['username']}:{options.get('password', '')}"
        headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    return headers
