"""Fetch one file over HTTP: resumed where it broke, checked before it counts, reported while it runs."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path

from clusterbook.cluster.artifacts.cache import CHUNK, digest
from clusterbook.errors import Failed

TRIES = 3
IDLE_SECONDS = 30
FAILURES = (OSError, http.client.HTTPException)
Progress = Callable[[int, int], None]


class NotThere(Failed):
    """The address does not answer, or answers that it has no such file: another source may have it."""


def fetch(url: str, partial: Path, sha256: str, progress: Progress) -> Path:
    """Bring url to the file `partial`, which may hold the beginning of it from a broken run.

    Raises NotThere when the address has no such file, and Failed when the bytes are not those of sha256; these are
    thrown away, since nothing good can be resumed from them.
    """
    if partial.exists() and digest(partial) == sha256:
        return partial
    for attempt in range(TRIES):
        try:
            _append(url, partial, progress)
            break
        except urllib.error.HTTPError as error:
            if error.code != http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                raise NotThere(f"{url} answers {error.code} {error.reason}") from error
            break
        except FAILURES as error:
            if attempt == TRIES - 1:
                raise NotThere(f"{url} cannot be fetched: {_words(error)}") from error
    found = digest(partial)
    if found != sha256:
        partial.unlink()
        raise Failed(f"{url} has the SHA-256 {found}, the lock says {sha256}",
                     next_step="Do not use it: ask its publisher, or lock the new sum once you trust it.")  # fmt: skip
    return partial


def text(url: str) -> str:
    """A short text, such as a list of checksums."""
    try:
        with urllib.request.urlopen(_request(url, {}), timeout=IDLE_SECONDS) as answer:  # noqa: S310 (only HTTP)
            return str(answer.read(CHUNK).decode())
    except FAILURES as error:
        raise NotThere(f"{url} cannot be fetched: {_words(error)}") from error


def published_sum(listing: str, name: str) -> str | None:
    """The SHA-256 of a file in a vendor's listing: a bare sum, or lines of sum and name."""
    for line in listing.splitlines():
        words = line.split()
        if len(words[:1]) == 1 and len(words[0]) == 64 and (len(words) == 1 or words[1].lstrip("*") == name):
            return words[0].lower()
    return None


def _append(url: str, partial: Path, progress: Progress) -> None:
    have = partial.stat().st_size if partial.exists() else 0
    headers = {"Range": f"bytes={have}-"} if have else {}
    with urllib.request.urlopen(_request(url, headers), timeout=IDLE_SECONDS) as answer:  # noqa: S310 (only HTTP)
        resumed = answer.status == http.HTTPStatus.PARTIAL_CONTENT
        done = have if resumed else 0
        total = done + int(answer.headers.get("Content-Length") or 0)
        with partial.open("ab" if resumed else "wb") as file:
            while block := answer.read(CHUNK):
                file.write(block)
                done += len(block)
                progress(done, total)
    if done < total:
        raise http.client.IncompleteRead(b"", total - done)


def _words(error: Exception) -> str:
    """What a person should know of an error on the way to an address."""
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, TimeoutError):
        return f"no answer within {IDLE_SECONDS} s"
    words = cause.strerror if isinstance(cause, OSError) and cause.strerror else str(cause)
    return words[:1].lower() + words[1:]


def _request(url: str, headers: Mapping[str, str]) -> urllib.request.Request:
    if not url.startswith(("http://", "https://")):
        raise Failed(f"{url} is not an HTTP address", next_step="Give an address that starts with https://.")
    return urllib.request.Request(url, headers=dict(headers))  # noqa: S310 (checked above)
