"""One run of a playbook on a site: compiled, carried out, shown and written to the journal."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import field, replace
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from clusterbook import project, validate
from clusterbook.agent.masking import Mask
from clusterbook.cli.extra_variables import extra_variables
from clusterbook.cli.prompts import Asker, answered, refuse
from clusterbook.cli.screen import say_aside
from clusterbook.cli.site import Site
from clusterbook.cluster.lock import Holder, hold
from clusterbook.cluster.store import new_run
from clusterbook.compile import Plan, Selection, compile_plan
from clusterbook.compile.context import tag_list
from clusterbook.compile.patience import loses_hosts
from clusterbook.errors import InvalidInput, InvalidProject
from clusterbook.execute import executors
from clusterbook.execute.executors import THREADS, choose
from clusterbook.execute.hosts import Agents, needs_root
from clusterbook.execute.services import Services
from clusterbook.inventory import matcher
from clusterbook.language.environment import ExpressionError
from clusterbook.model import Host, Project
from clusterbook.records import dataclass
from clusterbook.report.style import Style
from clusterbook.source import Vault
from clusterbook.transport import files
from clusterbook.transport.connect import Connector
from clusterbook.transport.protocol import Options
from clusterbook.validate.tags import problems as unknown_tags
from clusterbook.variables import Layer

if TYPE_CHECKING:
    from clusterbook.execute.asking import TaskAsker
    from clusterbook.execute.run import Outcome

SELECTION_HELP = {
    "check": "show what would change; write nothing (exit status 2 when something would)",
    "diff": "show the lines that change in files",
    "limit": "only these hosts or groups, such as w-1 or 'worker:!w-2'",
    "tags": "only tasks with these tags, separated by commas",
    "skip-tags": "leave out tasks with these tags, separated by commas",
    "extra-vars": "NAME=VALUE, YAML or @FILE; beats every other place (may be repeated)",
    "json": "one event a line as JSON, the summary last",
    "verbose": "show every step, also those that change nothing",
    "executor": f"what drives the hosts' connections: {executors.HELP}",
    "step": "ask before each task whether it shall run: no, yes, or all from here on (needs a terminal)",
    "forks": "how many hosts are worked on at a time (default: all of a batch)",
}


# Of a task that says what it did, too.
RESULT_HELP = {"json": "one event a line as JSON, what was done as the last line"}


@dataclass(frozen=True)
class Order:
    """What to run and how to show it. asker: asks before each task whether it shall run (`--step`).

    locked: who asks for the run holds the cluster's lock already, for several of them.
    """

    playbook: Path
    selection: Selection = field(default_factory=Selection)
    style: Style = field(default_factory=Style)
    forks: int = 0
    executor: str = ""
    asker: TaskAsker | None = None
    locked: bool = False


def selection(
    *, check: bool = False, diff: bool = False, limit: str = "", tags: str = "", skip_tags: str = "",
    extra_vars: Sequence[str] | None = None, vault: Vault | None = None, start_at_task: str = "",
) -> Selection:  # fmt: skip
    """The options of a command line as a selection. vault: opens files of extra variables."""
    return Selection(
        tags=tag_list(tags), skip_tags=tag_list(skip_tags), limit=limit, check=check, diff=diff,
        extra_variables=extra_variables(extra_vars or (), vault), start_at_task=start_at_task,
    )  # fmt: skip


def run(site: Site, order: Order) -> int:
    """Run a playbook; the exit code. Raises InvalidInput before any host is touched."""
    plan = prepare(site, order)
    with contextlib.ExitStack() as stack:
        if site.cluster is not None and not order.selection.check and not order.locked:
            stack.enter_context(holding(site, order.playbook.stem))
        return carry_out(site, order, plan).exit_code(order.selection.check)


def holding(site: Site, purpose: str) -> AbstractContextManager[Holder]:
    """The cluster's lock, for a run or for several (see Order.locked)."""
    return hold(site.store, site.name, purpose, say=say_aside)


def prepare(site: Site, order: Order) -> Plan:
    """Load, check and compile; nothing is connected to. Every problem that can be found so is raised together."""
    loaded, problems = project.read(order.playbook, vault=site.vault)
    whole, reader, layers = not problems, validate.Reader(), site.inventory.layers
    extra = Layer("extra vars", "", order.selection.extra_variables)
    problems += validate.of_project(loaded, [*chain.from_iterable(layers.values()), extra], reader)
    try:
        loaded = answered(loaded, extra.values, site.vault, Asker(refuse)) if not problems else loaded
        plan = _compiled(site, order, loaded) if whole else None
    except InvalidInput as problem:
        if not problems:
            raise
        if not isinstance(problem.__cause__, ExpressionError):  # else the expression itself is among them
            problems.append(problem)
        plan = None
    if plan is not None:
        problems += [*validate.of_plan(plan, loaded, order.selection, layers, reader),
                     *unknown_tags(loaded, order.selection)]  # fmt: skip
    if plan is None or problems:
        raise InvalidProject(project.ordered(problems))
    return plan


def _compiled(site: Site, order: Order, loaded: Project) -> Plan:
    plan = compile_plan(loaded, site.inventory, order.selection, matcher(site.inventory, order.selection.limit))
    if loaded.plays and not any(play.hosts for play in plan.plays):
        raise InvalidInput(
            f"no host of the inventory is chosen by {order.playbook.name}"
            + (f" and --limit {order.selection.limit}" if order.selection.limit else ""),
            where=loaded.plays[0].hosts_position,
            next_step=f"Hosts are: {', '.join(site.inventory.hosts) or 'none'}.",
        )
    return plan


def carry_out(site: Site, order: Order, plan: Plan) -> Outcome:
    """Run a compiled plan, with journal and report. Hosts start agents while the rest of the program is loaded."""
    hosts = len({name for play in plan.plays for name in play.hosts})
    chosen = choose(order.executor, hosts, loses_hosts(plan))
    files.allow(hosts)
    directory, mask = new_run(site.store, site.name, datetime.now(UTC)), Mask()
    services, options, lock = _masked(site.services, mask), Options(), not order.selection.check
    agents = Agents(Connector(options), directory.name, services, lock, keep=chosen.key)
    if chosen.name == THREADS:
        agents.expect(_first(plan, order.forks), needs_root(plan))
    from clusterbook.cli.carrying import Run

    return Run(site, order, plan, directory).carry_out(agents, chosen, services, options, mask)


def _first(plan: Plan, forks: int) -> list[Host]:
    """The hosts that the run begins with, all at once."""
    play = next((play for play in plan.plays if play.batches and play.batches[0]), None)
    return [play.hosts[name] for name in play.batches[0][: forks or None]] if play is not None else []


def _masked(services: Services, mask: Mask) -> Services:
    """The services; each secret that is given out is masked from then on."""

    def secret(name: str) -> str:
        value = services.secret(name)
        mask.add(value)
        return value

    return replace(services, secret=secret)
