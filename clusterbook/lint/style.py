"""Names, and keywords that do not do what a reader expects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from clusterbook.language.values import Template
from clusterbook.lint.findings import Finding
from clusterbook.lint.material import CONDITIONS, Material, Step

# Written name -> what to write today.
DEPRECATED_MODULES: Mapping[str, str] = {
    "yum": "dnf", "apt_key": "deb822_repository with signed_by", "systemd": "systemd_service", "dnf5": "dnf",
    "gather_facts": "setup", "sysvinit": "service",
}  # fmt: skip
DEPRECATED_VARIABLES: Mapping[str, str] = {
    "ansible_ssh_user": "ansible_user", "ansible_ssh_host": "ansible_host", "ansible_ssh_port": "ansible_port",
    "ansible_sudo": "ansible_become", "ansible_sudo_user": "ansible_become_user", "ansible_su": "ansible_become",
    "play_hosts": "ansible_play_batch", "role_names": "ansible_play_role_names",
}  # fmt: skip
_PACKAGES = ("apt", "dnf", "package", "pip")
_NAMELESS = ("meta", "import_tasks", "include_tasks", "import_role", "include_role", "import_playbook")


def check(material: Material) -> Iterator[Finding]:
    """All findings about names and keywords."""
    for play in material.plays:
        if not play.get("name") and "hosts" in play:
            yield Finding("missing-name", "this play has no name", play.position,  # type: ignore[attr-defined]
                          "Say what it is for: 'name: …'.")  # fmt: skip
    for step in material.steps:
        if not step.written.get("name") and step.module not in _NAMELESS:
            yield Finding("missing-name", f"this task ({step.module}) has no name", step.at(),
                          "Say what it makes sure of: 'name: …'.")  # fmt: skip
        yield from _deprecated(step)
        yield from _braces(step)
        yield from _keywords(step)


def _deprecated(step: Step) -> Iterator[Finding]:
    written = step.module_key.rpartition(".")[2]
    if written in DEPRECATED_MODULES and step.module_key in step.written:
        yield Finding("deprecated-name", f"the module {written!r} has a successor", step.at(step.module_key),
                      f"Use {DEPRECATED_MODULES[written]}.")  # fmt: skip
    if "local_action" in step.written:
        yield Finding("deprecated-name", "local_action hides the module's name", step.at("local_action"),
                      "Write the module itself with 'delegate_to: localhost'.")  # fmt: skip
    for part in (step.written.get("vars"), step.arguments if step.module in ("set_fact", "add_host") else None):
        for name in part if isinstance(part, Mapping) else ():
            if name in DEPRECATED_VARIABLES:
                yield Finding("deprecated-name", f"the variable {name!r} has a successor", step.at("vars"),
                              f"Use {DEPRECATED_VARIABLES[name]}.")  # fmt: skip


def _braces(step: Step) -> Iterator[Finding]:
    for name in CONDITIONS:
        value = step.written.get(name)
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, Template) and item.text.strip().startswith("{{"):
                yield Finding("braces-in-condition", f"{name} is an expression already", step.at(name),
                              "Leave the braces out.")  # fmt: skip


def _keywords(step: Step) -> Iterator[Finding]:
    if "become_user" in step.written and step.inherited("become") is None:
        yield Finding("become-user-without-become", "become_user has no effect without become", step.at("become_user"),
                      "Add 'become: true'.")  # fmt: skip
    if step.written.get("ignore_errors") is True and "register" not in step.written:
        yield Finding("ignored-errors", "every failure of this task is ignored", step.at("ignore_errors"),
                      "Say by 'failed_when' what is a failure, or register the result and look at it.")  # fmt: skip
    if step.module in _PACKAGES and step.arguments.get("state") == "latest":
        yield Finding("latest-package", "state: latest installs another version on another day",
                      step.at(step.module_key), "Use 'state: present' and a version.")  # fmt: skip
