"""Tasks that make, change and delete the cloud resources of a cluster."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from invoke.context import Context

from clusterbook.cli.boundary import command, describe
from clusterbook.cli.joining import first_programs
from clusterbook.cli.screen import plural, print_json, print_json_line, print_table, say, say_aside, with_yes
from clusterbook.cloud import apply, foreign, graph, preview, teardown
from clusterbook.cloud import plan as plans
from clusterbook.cloud.opened import Opened, index_of, open_on_ec2, plan_of
from clusterbook.cloud.plan import CloudPlan
from clusterbook.cloud.state import StateFile
from clusterbook.cluster import backups, lock, spec
from clusterbook.cluster.formed import is_formed
from clusterbook.cluster.reset import delete_cluster as forget_cluster
from clusterbook.cluster.secrets import open_keyring
from clusterbook.cluster.store import Store, open_store
from clusterbook.errors import EXIT_CHANGES, EXIT_DONE, EXIT_FAILED, InvalidInput
from clusterbook.inventory.aws_ec2 import cache

NAME_HELP = {"name": "name of the cluster",
             "json": "show the result as JSON; with --yes as the last line, after one for each resource"}  # fmt: skip


@command(
    positional=["name"],
    help={
        **NAME_HELP,
        "yes": "really do it",
        "prune": "with --yes: also delete what the configuration no longer has",
        "out": "write the plan to this file",
        "saved": "a saved plan: show it, or do it with --yes; refused when anything has moved since",
    },
)
def update_cluster(
    _: Context, name: str, yes: bool = False, prune: bool = False, out: str = "", saved: str = "", json_: bool = False
) -> int:
    """Create and change a cluster's resources on EC2.

    Without --yes it only shows what would be done.

    Exit status 0: nothing to do, or done; 2: changes pending; 1: failed. A resource that can only
    be changed by making it anew is left alone and stays pending; how to do it is said.

    Example: invoke update-cluster demo.k8s.local
    Example: invoke update-cluster demo.k8s.local --yes
    """
    opened = open_on_ec2(open_store(os.environ), name, first_programs())
    if not yes:
        plan = plan_of(opened, StateFile(opened.store, name))
        _refuse_moved(plan, saved)
        if out:
            Path(out).write_text(json.dumps(plans.as_data(plan), indent=2) + "\n")
        show(plan, json_)
        if not plan.empty and not json_:
            steps = preview.next_steps(plan, with_yes(f"update-cluster {name}"))
            print("Nothing has been done. " + "\n".join(steps))
        return EXIT_DONE if plan.empty else EXIT_CHANGES
    return make(opened, prune=prune, saved=saved, as_json=json_)


def make(opened: Opened, *, prune: bool = False, saved: str = "", as_json: bool = False) -> int:
    """Create and change what the plan lists, under the cluster's lock; the exit code. saved: see update_cluster."""
    with lock.hold(opened.store, opened.name, "update-cluster", say=say_aside):
        open_keyring(opened.store, os.environ)
        state = StateFile(opened.store, opened.name)
        plan = plan_of(opened, state)
        _refuse_moved(plan, saved)
        if not as_json:
            show(plan, False)
        cache.forget()
        outcome = apply.apply(opened.cloud, plan, state, opened.spec.complete["aws"]["tags"], _teller(as_json))
        if prune and not outcome.failed:
            surplus = {item.key: item for item in plan.surplus}
            outcome = teardown.joined(outcome, apply.remove(opened.cloud, surplus, state, _teller(as_json)))
        state.set(**index_of(opened, plans.survey(opened.cloud)))
        cache.forget()
    code = _report(outcome, as_json)
    if code == EXIT_DONE and not as_json:
        print("".join(f"{line}\n" for line in preview.left_alone(plan)), end="")
    return code


@command(
    positional=["name"],
    help={**NAME_HELP, "yes": "really do it", "force": "of hosts of your own: also when they were not reset"},
)
def delete_cluster(_: Context, name: str, yes: bool = False, force: bool = False, json_: bool = False) -> int:
    """Delete a cluster on EC2, or what the store has of one.

    Its resources, what Kubernetes made there, and at last its entry in the store. Of a cluster on hosts of your own, or
    of a lab, the entry alone goes, once `reset` has taken it off them: configuration, authorities, keys and backups.

    Without --yes it only shows what would go. A run that died, or that something blocked, is simply run again.

    Example: invoke delete-cluster demo.k8s.local
    Example: invoke delete-cluster demo.k8s.local --yes
    """
    store = open_store(os.environ)
    if not spec.read(store, name).on_ec2:
        return _forget(store, name, yes, force, json_)
    opened = open_on_ec2(store, name)
    if not yes:
        found = [*plans.survey(opened.cloud).values(), *foreign.survey(opened.cloud)]
        entry = f"{plural(len(found), 'resource')} and the entry in {opened.store.address} would be deleted."
        return _show_what_goes(name, preview.table(found), entry, json_)
    with lock.hold(opened.store, name, "delete-cluster", say=say_aside):
        cache.forget()
        outcome = teardown.delete_all(opened.cloud, StateFile(opened.store, name), _teller(json_))
        cache.forget()
    code = _report(outcome, json_)
    if code == EXIT_DONE:
        forget_cluster(opened.store, name)
        if not json_:
            print(f"{name} is gone.")
    return code


def _forget(store: Store, name: str, yes: bool, force: bool, as_json: bool) -> int:
    """The entry of a cluster whose hosts nobody made: the exit code. Raises InvalidInput while hosts have it."""
    if is_formed(store, name) and not force:
        raise InvalidInput(
            f"the hosts of {name} still have the cluster, and without the store's entry nobody can work on it",
            next_step="Take it off them first: invoke reset --yes. Where they are gone for good: --force.",
        )
    table = [("Cluster", name, store.address), *(("Backup", name, one.id) for one in backups.every(store, name))]
    if yes:
        with lock.hold(store, name, "delete-cluster", say=say_aside):
            pass  # nobody is at work on it, so its lock may go with it
        forget_cluster(store, name)
        done: dict[str, Any] = {"done": len(table), "failed": {}, "untried": []}
        print_json_line("resources", done) if as_json else print(f"{name} is gone.")
        return EXIT_DONE
    entry = "Its configuration, authorities, keys and backups would go for good; its hosts stay as they are."
    return _show_what_goes(name, table, entry, as_json)


def _show_what_goes(name: str, table: Sequence[tuple[str, str, str]], summary: str, as_json: bool) -> int:
    """Types, names and ids of what delete-cluster would delete; the exit code."""
    if as_json:
        print_json([{"kind": kind, "name": named, "id": id_} for kind, named, id_ in table])
    else:
        print_table(("TYPE", "NAME", "ID"), table)
        print(f"\n{summary}\nNothing has been done. To delete: {with_yes(f'delete-cluster {name}')}")
    return EXIT_CHANGES


def _refuse_moved(plan: CloudPlan, saved: str) -> None:
    if not saved:
        return
    try:
        digest = json.loads(Path(saved).read_text())["digest"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidInput(f"{saved} is not a saved plan: {error}",
                           next_step="Write one with: invoke update-cluster NAME --out FILE") from error  # fmt: skip
    if digest != plan.digest:
        raise InvalidInput(f"the plan in {saved} is out of date: the configuration or the cloud has changed since",
                           next_step="Make a new one with --out, look at it, and run it.")  # fmt: skip


def show(plan: CloudPlan, as_json: bool) -> None:
    """A plan on the screen, or as JSON."""
    if as_json:
        print_json(plans.as_data(plan))
    else:
        print("\n".join(preview.lines(plan)))


def _teller(as_json: bool) -> Callable[[str, str, str], None]:
    if as_json:
        return lambda verb, key, detail: print_json_line("resource", {"done": verb, "resource": key, "id": detail})
    return lambda verb, key, detail: print(f"  {verb:<8} {key}  {detail}", flush=True)


def _report(outcome: graph.Outcome, as_json: bool) -> int:
    if as_json:
        failed: dict[str, Any] = {key: describe(error) for key, error in outcome.failed.items()}
        print_json_line("resources", {"done": len(outcome.done), "failed": failed, "untried": outcome.untried})
        return EXIT_FAILED if failed else EXIT_DONE
    for key, error in outcome.failed.items():
        say(f"failed   {key}: {error.message}\n  next: {error.next_step}")
    if outcome.untried:
        print(f"not tried, for they need what failed: {', '.join(outcome.untried)}")
    failed_too = f", {len(outcome.failed)} failed" if outcome.failed else ""
    print(f"{plural(len(outcome.done), 'resource')} done{failed_too}.")
    return EXIT_FAILED if outcome.failed else EXIT_DONE
