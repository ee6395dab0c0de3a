"""Carries out steps that run elsewhere: finds the host, borrows one of its helper agents, keeps what it learnt."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from threading import Lock
from typing import Any

from clusterbook.compile.patience import MAY_LEAVE, MODULE
from clusterbook.compile.plan import Plan
from clusterbook.compile.sharing import learnable_names
from clusterbook.compile.walk import steps_of
from clusterbook.errors import ClusterbookError, Unreachable
from clusterbook.execute.answers import Answers
from clusterbook.execute.delegation import SET_FACT, Delegation, Errand
from clusterbook.execute.hosts import Agents, evaluated
from clusterbook.execute.services import Services
from clusterbook.execute.session import Answer, Refusal
from clusterbook.language.state import is_connection_variable, short_fact
from clusterbook.language.values import encode
from clusterbook.model import Host
from clusterbook.modules import registry
from clusterbook.modules.parameters import coerce

PING = "ansible.builtin.ping"
LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")


class Delegates:
    """The delegated steps of one run. Thread-safe."""

    def __init__(self, plan: Plan, agents: Agents, services: Services, learnt: dict[str, dict[str, Any]]) -> None:
        """learnt: host -> name -> value on the wire; facts of `delegate_facts` go there."""
        self._plan, self._agents, self._services, self._learnt = plan, agents, services, learnt
        self._given: dict[str, dict[str, Any]] = {}
        self._lock = Lock()
        self._learnable = learnable_names(
            step for play in plan.plays
            for step in steps_of(play.program)
        )  # fmt: skip

    def of(self, answers: Answers) -> Delegation:
        """What answers the delegated steps of one host in one play."""
        return Delegation(answers.plan, answers.host, answers, self.run, self._learnable, answers.read.files)

    def given(self, host: str) -> Mapping[str, Any]:
        """What steps of other hosts learnt for a host since it was asked last: `facts` of modules, `set` facts."""
        with self._lock:
            return self._given.pop(host, {})

    def run(self, errand: Errand, answer: Answer) -> dict[str, Any]:
        """Run one step elsewhere; its result."""
        host = self._host(errand)
        if isinstance(host, str):
            return {"failed": True, "changed": False, "msg": host}
        if errand.call.module == SET_FACT:
            result: dict[str, Any] = {"changed": False, "ansible_facts": dict(errand.call.arguments)}
        elif errand.call.module in MAY_LEAVE and not errand.call.check:
            result = self._absent(host, errand)
        else:
            result = self._call(host, errand, answer)
        if errand.facts and isinstance(result.get("ansible_facts"), Mapping):
            self._keep(errand.target, result["ansible_facts"], own_names=errand.call.module == SET_FACT)
        return result

    def _absent(self, host: Host, errand: Errand) -> dict[str, Any]:
        """Wait for another host. A reboot could end that host's own play, so it is refused."""
        if errand.call.module != MODULE:
            words = f"a reboot is not delegated: let a play or a task on {host.name} itself do it"
            return {"failed": True, "changed": False, "rebooted": False, "elapsed": 0, "msg": words}
        limits = coerce(registry.specification(MODULE), errand.call.arguments)
        started = time.monotonic()
        time.sleep(limits["delay"])
        variables = {**host.variables, "ansible_ssh_timeout": limits["connect_timeout"]}
        waited = replace(host, variables=variables, patience=max(0.0, limits["timeout"] - limits["delay"]))
        result = self._call(waited, replace(errand, call=replace(errand.call, module=PING, arguments={})), _nothing)
        if result.get("unreachable") or result.get("failed"):
            return {**result, "unreachable": False, "failed": True, "elapsed": int(time.monotonic() - started)}
        return {"changed": False, "elapsed": int(time.monotonic() - started)}

    def _call(self, host: Host, errand: Errand, answer: Answer) -> dict[str, Any]:
        call = {**asdict(errand.call), "notify": (), "arguments": encode(errand.call.arguments)}
        try:
            with self._agents.helper(host, errand.call.user or "") as session:
                return session.call(call, f"delegated by {errand.asker}", answer)
        except Unreachable as error:
            return {"unreachable": True, "changed": False, "msg": error.message, "next_step": error.next_step}
        except ClusterbookError as error:
            return {"failed": True, "changed": False, "msg": error.message, "next_step": error.next_step}

    def _host(self, errand: Errand) -> Host | str:
        """The target, or why it is refused."""
        name = errand.target
        known = self._known(name)
        if errand.chosen_by_host and (known is None or is_local(known)):
            return (
                f"delegate_to: {name!r} comes from what {errand.asker} said; such a target has to be a host of the "
                "inventory that is not this machine"
            )
        host = known or self._stranger(name)
        own = errand.way if name == errand.asker else {}
        return Host(host.name, host.groups, {**errand.connection, **host.variables, **own}, host.position)

    def _known(self, name: str) -> Host | None:
        """By name, or by address as the inventory gives it; this machine is always known."""
        hosts = self._plan.hosts
        if name in hosts:
            return hosts[name]
        if name in LOCAL_NAMES:
            return Host(name, ("all",), self._plan.local)
        for host in hosts.values():
            if evaluated(host, self._services).variables.get("ansible_host") == name:
                return host
        return None

    def _stranger(self, name: str) -> Host:
        """A host that is not in the inventory: what holds for all hosts holds for it, its name is its address."""
        return Host(name, ("all",), {**self._plan.common, "ansible_host": name})

    def _keep(self, target: str, facts: Mapping[str, Any], own_names: bool) -> None:
        """Facts of a host for `hostvars`, also as ansible_NAME; never those that steer the connection."""
        kept = self._learnt.setdefault(target, {})
        with self._lock:
            given = self._given.setdefault(target, {}).setdefault("set" if own_names else "facts", {})
        for name, value in facts.items():
            shown = str(name) if own_names or str(name).startswith("ansible_") else f"ansible_{name}"
            if not is_connection_variable(shown):
                kept[shown] = encode(value)
                given[shown] = value
        if not own_names:
            short = {short_fact(str(name)): encode(value) for name, value in facts.items()}
            kept["ansible_facts"] = {**kept.get("ansible_facts", {}), **short}


def _nothing(question: dict[str, Any]) -> Any:
    raise Refusal("nothing is asked for here")


def is_local(host: Host) -> bool:
    """Whether steps on it run on this machine."""
    return str(host.variables.get("ansible_connection", "")).endswith("local")
