"""A file of the local machine as a step on the host sees it."""

from __future__ import annotations

import hashlib
from typing import Any, Callable, Iterator

from clusterbook.agent.supplies import LARGE
from clusterbook.language.runtime import Call, Refused
from clusterbook.modules.system import Source


def source_of(ask: Callable[..., Any], call: Call, name: str) -> Source:
    """What the local machine says of a file, with ways to ask for its content. Raises Refused, Stopped."""
    about = ask("source", step=call.step, name=name)
    kept: list[bytes] = []

    def read() -> bytes:
        """Small files are shown and then written: they are asked for once."""
        content = kept[0] if kept else bytes(ask("content", step=call.step, name=name))
        if about["size"] <= LARGE and not kept:
            kept.append(content)
        return content

    def parts() -> Iterator[bytes]:
        """One piece after another. Who answers a host that joins by itself gives all of it at once."""
        digest, offset = hashlib.sha256(), 0
        while offset < about["size"]:
            part = bytes(ask("content", step=call.step, name=name, offset=offset))
            if not part:
                break
            digest.update(part)
            offset += len(part)
            yield part
        if digest.hexdigest() != about["sha256"]:
            raise Refused(f"{name} was changed while it was sent: run the same command again")

    return Source(
        name=name,
        kind=about["kind"],
        mode=about["mode"],
        size=about["size"],
        sha256=about["sha256"],
        entries=tuple(about["entries"]),
        read=read,
        sha1=about.get("sha1", ""),
        parts=parts if about["size"] > LARGE else None,
    )
