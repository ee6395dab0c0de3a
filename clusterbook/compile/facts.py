"""The step that gathers facts at the start of a play."""

from __future__ import annotations

from clusterbook.compile.context import as_list
from clusterbook.model import Play, Task


def gathering(play: Play) -> tuple[Task, ...]:
    """`setup` with the play's gather_subset and gather_timeout; nothing when gather_facts is false."""
    wanted = play.keywords.get("gather_facts", True)
    if wanted in (False, "no", "false"):
        return ()
    arguments = {}
    if "gather_subset" in play.keywords:
        arguments["gather_subset"] = list(as_list(play.keywords["gather_subset"]))
    if "gather_timeout" in play.keywords:
        arguments["gather_timeout"] = play.keywords["gather_timeout"]
    return (Task("Gathering Facts", "ansible.builtin.setup", arguments, {"tags": ["always"]}, play.position),)
