"""Open files: each connection is one, and a login allows a process 1,024 of them although the system allows more."""

from __future__ import annotations

import resource

# What a run has open besides connections: its journal, pipes, the fork server.
OTHERS = 256


def allow(connections: int) -> None:
    """Let this process, and those that it starts, have so many connections, as far as the system allows it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OTHERS + 2 * connections  # a connection through another host holds a pair
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
