"""Tasks that set right what the store knows of a cluster: its lock, and its index of cloud resources."""

from __future__ import annotations

import os
import time

from invoke.context import Context

from clusterbook.cli.boundary import command
from clusterbook.cli.screen import plural, print_json, say, say_aside
from clusterbook.cloud import plan as plans
from clusterbook.cloud.opened import index_of, open_on_ec2
from clusterbook.cloud.state import StateFile
from clusterbook.cluster import lock
from clusterbook.cluster.lock import Holder
from clusterbook.cluster.store import Store, check_cluster_name, open_store
from clusterbook.errors import EXIT_CHANGES, EXIT_DONE, Failed, InvalidInput

NAME_HELP = {"name": "name of the cluster", "json": "show the result as JSON"}


@command(
    positional=["name"],
    help={**NAME_HELP, "lock": "the lock's id as this command shows it; any other lock is left alone",
          "yes": "really do it"},
)
def force_unlock(_: Context, name: str, lock_: str = "", yes: bool = False, json_: bool = False) -> int:
    """Take the lock of a cluster from a run that hangs or died elsewhere.

    Without --yes it only shows who holds it. A run that still lives and lost its lock fails at its next write.

    Example: invoke force-unlock demo.k8s.local
    Example: invoke force-unlock demo.k8s.local --lock 1f2e3d4c5b6a7988 --yes
    """
    store = open_store(os.environ)
    found = lock.holder(store, check_cluster_name(name))
    if found is not None and yes:
        _take(store, name, found, lock_)
    if json_:
        print_json({"cluster": name, "holder": vars(found) if found else None, "taken": found is not None and yes})
    elif found is None:
        print(f"Nobody holds the lock of {name}.")
    elif yes:
        print(f"The lock of {name} is free.")
    else:
        print(f"The lock of {name} is held by {found}; last sign of life {time.time() - found.heartbeat:.0f} s ago.")
        say(f"Nothing has been done. To take it: invoke force-unlock {name} --lock {found.token} --yes")
    return EXIT_DONE if yes or found is None else EXIT_CHANGES


def _take(store: Store, name: str, found: Holder, token: str) -> None:
    """token: of the holder that the person saw. InvalidInput for another one, Failed when that one lives."""
    if token != found.token:
        raise InvalidInput(f"the lock of {name} is {found.token}, held by {found}",
                           next_step=f"Look at it first: invoke force-unlock {name}, then --lock ID.")  # fmt: skip
    if not lock.remove(store, name, found):
        raise Failed(f"the lock of {name} has changed meanwhile: its holder lives",
                     next_step=f"Look again: invoke force-unlock {name}")  # fmt: skip


@command(positional=["name"], help={**NAME_HELP, "yes": "really write it"})
def state_rebuild(_: Context, name: str, yes: bool = False, json_: bool = False) -> int:
    """Make the index of a cluster's cloud resources anew, from their tags.

    For an index that was lost or damaged. Nothing in the cloud changes.

    Example: invoke state-rebuild demo.k8s.local
    Example: invoke state-rebuild demo.k8s.local --yes
    """
    opened = open_on_ec2(open_store(os.environ), name)
    found = index_of(opened, plans.survey(opened.cloud))
    current = StateFile(opened.store, name, damaged=True)
    # How many of each there were is not in the tags: at least the one that is there, whose token is used up.
    found["made"] = {**dict.fromkeys(found["resources"], 1), **current.state.made}
    same = all(getattr(current.state, field) == value for field, value in found.items())
    if yes and not same:
        with lock.hold(opened.store, name, "state-rebuild", say=say_aside):
            StateFile(opened.store, name, damaged=True).set(**found)
    if json_:
        print_json({**found, "changed": not same})
    else:
        gone = sorted(set(current.state.resources) - set(found["resources"]))
        new = sorted(set(found["resources"]) - set(current.state.resources))
        for verb, keys in (("found by its tags", new), ("not there any more", gone)):
            print("".join(f"  {verb}: {key}\n" for key in keys), end="")
        print(f"The index has {plural(len(found['resources']), 'resource')}{'' if yes or same else ', once written'}.")
        if not same and not yes:
            say(f"Nothing has been done. To write it: invoke state-rebuild {name} --yes")
    return EXIT_DONE if yes or same else EXIT_CHANGES
