"""A run that does nothing on its hosts: as in Ansible, it needs no connection to them."""

from __future__ import annotations

from dataclasses import replace

from clusterbook.compile.names import INCLUDES
from clusterbook.compile.patience import MAY_LEAVE
from clusterbook.compile.plan import Plan, PlayPlan
from clusterbook.compile.walk import steps_of
from clusterbook.model import Host


def without_connections(plan: Plan) -> Plan:
    """The same plan, its hosts' parts of it run on this machine where no step of the run does anything on a host.

    Steps are known to do nothing when the interpreter itself carries them out (debug, assert, set_fact, includes).
    """
    if plan.growing is not None or not all(map(_is_idle, plan.plays)):
        return plan
    return replace(plan, plays=tuple(
        replace(play, needs_root=False, hosts={name: _here(host) for name, host in play.hosts.items()})
        for play in plan.plays
    ))  # fmt: skip


def _is_idle(play: PlayPlan) -> bool:
    """Whether none of its steps, which are all known, does anything on a host."""
    return not play.program.modules and not any(
        step.module in MAY_LEAVE or step.delegate_to is not None or (step.module in INCLUDES and step.body is None)
        for step in steps_of(play.program)
    )


def _here(host: Host) -> Host:
    variables = {name: value for name, value in host.variables.items() if name != "ansible_python_interpreter"}
    return replace(host, variables={**variables, "ansible_connection": "local"})
