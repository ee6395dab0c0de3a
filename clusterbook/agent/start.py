"""What a host loads first: the agent, with what it may never need left for later."""

from __future__ import annotations

from clusterbook.agent.late import late

with late():
    import jinja2.ext  # noqa: F401 - every environment loads it, and with it pprint and all of `dataclasses`

    from clusterbook.agent.main import main

__all__ = ["main"]
