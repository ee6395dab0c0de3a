"""Tasks that make, change and delete the cloud resources of a cluster."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from invoke.context import Context

from clusterbook.cli.boundary import command
from clusterbook.cli.screen import plural, print_json, print_table
from clusterbook.cloud import apply, foreign, graph, preview, teardown
from clusterbook.cloud import plan as plans
from clusterbook.cloud.aws import Cloud
from clusterbook.cloud.design import Design, wanted
from clusterbook.cloud.images import resolve_image
from clusterbook.cloud.plan import CloudPlan
from clusterbook.cloud.state import StateFile
from clusterbook.cluster import lock, spec
from clusterbook.cluster.reset import delete_cluster as forget_cluster
from clusterbook.cluster.spec import ClusterSpec
from clusterbook.cluster.store import Store, open_store
from clusterbook.errors import EXIT_CHANGES, EXIT_DONE, EXIT_FAILED, InvalidInput

NAME_HELP = {"name": "name of the cluster", "json": "show the result as JSON"}


@dataclass(frozen=True)
class Opened:
    """A cluster on EC2: its store and specification, and the way to AWS."""

    store: Store
    spec: ClusterSpec
    cloud: Cloud

    @property
    def name(self) -> str:
        """The cluster's name."""
        return self.spec.name


@command(
    positional=["name"],
    help={
        **NAME_HELP,
        "yes": "really do it",
        "prune": "with --yes: also delete what is wanted no more",
        "out": "write the plan to this file",
        "saved": "with --yes: do this saved plan, or refuse when anything has moved since",
    },
)
def update_cluster(
    _: Context, name: str, yes: bool = False, prune: bool = False, out: str = "", saved: str = "", json_: bool = False
) -> int:
    """Create and change a cluster's resources on EC2.

    Without --yes it only shows what would be done.

    Exit status 0: nothing to do, or done; 2: changes pending; 1: failed.

    Example: invoke update-cluster demo.k8s.local
    Example: invoke update-cluster demo.k8s.local --yes
    """
    opened = open_on_ec2(name)
    if not yes:
        plan, _state = _plan(opened)
        if out:
            Path(out).write_text(json.dumps(plans.as_data(plan), indent=2) + "\n")
        _show(plan, json_)
        if not plan.empty and not json_:
            print(f"Nothing has been done. To apply: invoke update-cluster {name} --yes")
        return EXIT_DONE if plan.empty else EXIT_CHANGES
    with lock.hold(opened.store, name, "update-cluster", say=print):
        plan, state = _plan(opened)
        _refuse_moved(plan, saved)
        if not json_:
            _show(plan, False)
        outcome = apply.apply(opened.cloud, plan, state, opened.spec.complete["aws"]["tags"], _teller(json_))
        if prune and not outcome.failed:
            surplus = {item.key: item for item in plan.surplus}
            outcome = teardown.joined(outcome, apply.remove(opened.cloud, surplus, state, _teller(json_)))
        _keep_address(opened, state)
    return _report(outcome, json_)


@command(positional=["name"], help={**NAME_HELP, "yes": "really do it"})
def delete_cluster(_: Context, name: str, yes: bool = False, json_: bool = False) -> int:
    """Delete a cluster on EC2.

    Its resources, what Kubernetes made there, and at last its entry in the store.

    Without --yes it only shows what would go. A run that died, or that something blocked, is simply run again.

    Example: invoke delete-cluster demo.k8s.local
    Example: invoke delete-cluster demo.k8s.local --yes
    """
    opened = open_on_ec2(name)
    if not yes:
        found = [*plans.survey(opened.cloud).values(), *foreign.survey(opened.cloud)]
        if json_:
            print_json([{"kind": kind, "name": named, "id": id_} for kind, named, id_ in preview.table(found)])
        else:
            print_table(("TYPE", "NAME", "ID"), preview.table(found))
            print(f"\n{plural(len(found), 'resource')} and the entry in {opened.store.address} would be deleted.")
            print(f"Nothing has been done. To delete: invoke delete-cluster {name} --yes")
        return EXIT_CHANGES
    with lock.hold(opened.store, name, "delete-cluster", say=print):
        outcome = teardown.delete_all(opened.cloud, StateFile(opened.store, name), _teller(json_))
    code = _report(outcome, json_)
    if code == EXIT_DONE:
        forget_cluster(opened.store, name)
        if not json_:
            print(f"{name} is gone.")
    return code


def open_on_ec2(name: str) -> Opened:
    """The cluster of that name. InvalidInput when the store has none, or its hosts are not EC2's."""
    store = open_store(os.environ)
    found = spec.read(store, name)
    if "aws" not in found.written:
        raise InvalidInput(f"the hosts of cluster {name!r} are not made by EC2: its cluster.yaml has no part 'aws'",
                           next_step="Name another cluster, or use invoke provision and invoke reset.")  # fmt: skip
    return Opened(store, found, Cloud(name, found.complete["aws"]["region"]))


def _plan(opened: Opened) -> tuple[CloudPlan, StateFile]:
    state = StateFile(opened.store, opened.name)
    aws = opened.spec.complete["aws"]
    image = state.state.image.get(aws["image"]) or resolve_image(opened.cloud, aws["image"])
    design = Design(opened.name, opened.spec.complete, image)
    return plans.compare(wanted(design), plans.survey(opened.cloud)), state


def _keep_address(opened: Opened, state: StateFile) -> None:
    """What provision needs to know of the cloud: the address of the API, and the image that hosts are made from."""
    aws, there = opened.spec.complete["aws"], plans.survey(opened.cloud)
    balancer = there.get(f"LoadBalancer/api.{opened.name}")
    images = {item.fields["image"] for item in there.values() if item.kind == "LaunchTemplate"}
    image = {aws["image"]: sorted(images)[0]} if images else dict(state.state.image)
    state.set(api_address=balancer.value("dns") if balancer else "", region=aws["region"], image=image)


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


def _show(plan: CloudPlan, as_json: bool) -> None:
    if as_json:
        print_json(plans.as_data(plan))
    else:
        print("\n".join(preview.lines(plan)))


def _teller(as_json: bool) -> Callable[[str, str, str], None]:
    if as_json:
        return lambda verb, key, detail: print(json.dumps({"done": verb, "resource": key, "id": detail}), flush=True)
    return lambda verb, key, detail: print(f"  {verb:<8} {key}  {detail}", flush=True)


def _report(outcome: graph.Outcome, as_json: bool) -> int:
    if as_json:
        failed: dict[str, Any] = {key: error.message for key, error in outcome.failed.items()}
        print_json({"done": len(outcome.done), "failed": failed, "untried": outcome.untried})
        return EXIT_FAILED if failed else EXIT_DONE
    for key, error in outcome.failed.items():
        print(f"failed   {key}: {error.message}\n  next: {error.next_step}")
    if outcome.untried:
        print(f"not tried, for they need what failed: {', '.join(outcome.untried)}")
    failed_too = f", {len(outcome.failed)} failed" if outcome.failed else ""
    print(f"{plural(len(outcome.done), 'resource')} done{failed_too}.")
    return EXIT_FAILED if outcome.failed else EXIT_DONE
