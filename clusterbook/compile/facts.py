"""The step that gathers facts at the start of a play."""

from __future__ import annotations

from clusterbook.compile.context import as_list
from clusterbook.model import Play, Task

NAME = "Gathering Facts"


def gathering(play: Play, policy: str = "implicit", known: bool = False) -> tuple[Task, ...]:
    """`setup` with the play's gather_subset and gather_timeout; nothing when gather_facts is false.

    policy: what a play that says nothing does: `implicit` gathers, `explicit` does not; with `smart` no play gathers
    when an earlier one did for all of its hosts (known).
    """
    if policy == "smart" and known:
        return ()
    wanted = play.keywords.get("gather_facts", policy != "explicit")
    if wanted in (False, "no", "false"):
        return ()
    arguments = {}
    if "gather_subset" in play.keywords:
        arguments["gather_subset"] = list(as_list(play.keywords["gather_subset"]))
    if "gather_timeout" in play.keywords:
        arguments["gather_timeout"] = play.keywords["gather_timeout"]
    return (Task(NAME, "ansible.builtin.setup", arguments, {"tags": ["always"]}, play.position),)
