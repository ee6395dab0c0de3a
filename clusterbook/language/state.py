"""What a host has learnt so far: facts, registered results, set facts. Lives as long as the agent."""

from __future__ import annotations

import os
from typing import Any, Mapping, Sequence

from clusterbook.language.program import HostPart, Program, Step
from clusterbook.records import dataclass, field


@dataclass
class HostState:
    """Mutable on purpose: steps add to it. facts: ansible_facts; registered: register and set_fact."""

    facts: dict[str, Any] = field(default_factory=dict)
    included: dict[str, Any] = field(default_factory=dict)
    registered: dict[str, Any] = field(default_factory=dict)
    # Of this play: place among the play's variables -> those of the file that its name gave here.
    files: dict[int, dict[str, Any]] = field(default_factory=dict)

    def learn_facts(self, facts: Mapping[str, Any]) -> None:
        """Facts that a module returned, by its names; `ansible_` is left out in ansible_facts."""
        self.facts.update({short_fact(name): value for name, value in facts.items()})

    def accept(self, given: Mapping[str, Any]) -> None:
        """What steps of other hosts learnt for this one (`delegate_facts`). facts: of modules; set: by set_fact."""
        self.learn_facts(given.get("facts", {}))
        self.registered.update(given.get("set", {}))

    def include(self, values: Mapping[str, Any], merge: bool) -> None:
        """Variables of include_vars. merge: mappings are put together instead of replaced (hash_behaviour)."""
        for name, value in values.items():
            known = self.included.get(name)
            self.included[name] = merged(known, value) if merge else value

    def fact_layer(self) -> dict[str, Any]:
        """`ansible_facts` and the same facts as ansible_NAME; never names that steer the connection."""
        layer: dict[str, Any] = {"ansible_facts": self.facts}
        for name, value in self.facts.items():
            injected = name if name.startswith("ansible_") else "ansible_" + name
            if not is_connection_variable(injected):
                layer[injected] = value
            if name in BARE_FACTS or name.startswith("getent_"):
                layer[name] = value
        return layer


def short_fact(name: str) -> str:
    """A fact's name without `ansible_`, which only local facts keep, as in Ansible."""
    return name[len("ansible_"):] if name.startswith("ansible_") and name != "ansible_local" else name


def merged(low: Any, high: Any) -> Any:
    """Two values, mappings put together at every level."""
    if not isinstance(low, dict) or not isinstance(high, dict):
        return high
    return {**low, **{key: merged(low.get(key), value) for key, value in high.items()}}


# Facts that modules return without the prefix ansible_ are variables of that very name (as getent_DATABASE).
BARE_FACTS = ("services", "packages", "mount_points")
_CONNECTION = ("ansible_connection", "ansible_host", "ansible_port", "ansible_user", "ansible_password")


def is_connection_variable(name: str) -> bool:
    """Whether a name steers connection, become or interpreter; a host can never set those."""
    return (
        name in _CONNECTION
        or name.startswith(("ansible_ssh_", "ansible_become", "ansible_sudo"))
        or (name.startswith("ansible_") and name.endswith("_interpreter"))
    )


def own_groups(groups: Sequence[str]) -> list[str]:
    """`group_names` of a host's groups."""
    return sorted(name for name in groups if name != "all")


def layers_for(
    step: Step, program: Program, host: HostPart, state: HostState, extra: Sequence[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    """Ansible's precedence, lowest first. extra: loop variables and the like, above everything but extra vars."""
    role_defaults: list[Mapping[str, Any]] = [program.role_defaults]
    role_variables: list[Mapping[str, Any]] = [program.role_variables]
    magic = dict(program.magic)
    beside = [os.path.dirname(step.place[0]), str(magic.get("playbook_dir", ""))]
    if step.role is not None:
        role = program.roles[step.role]
        for index in (*role.parents, step.role):
            role_defaults.append(program.roles[index].defaults)
            role_variables.append(program.roles[index].variables)
        magic.update(role_name=role.name, role_path=role.path)
        magic["ansible_role_name"] = role.name
        beside = [program.roles[index].path for index in (step.role, *reversed(role.parents))] + beside
        if role.parents:
            parents = [program.roles[index] for index in reversed(role.parents)]
            magic["ansible_parent_role_names"] = [parent.name for parent in parents]
            magic["ansible_parent_role_paths"] = [parent.path for parent in parents]
    magic["ansible_search_path"] = [path for path in dict.fromkeys(beside) if path]
    if program.grows:
        for name in ("groups", "ansible_play_hosts_all"):
            magic.pop(name, None)  # asked for, see sources.Company
    return [
        {"ansible_host": host.name},
        *role_defaults,
        host.variables,
        state.fact_layer(),
        *(state.files.get(place, layer) for place, layer in enumerate(program.variables)),
        *role_variables,
        *step.layers,
        state.included,
        state.registered,
        *step.parameters,
        *extra,
        program.extra_variables,
        magic,
    ]
