"""The work of the contest, written once for runners of playbooks and once for pyinfra: 40 steps."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from clusterbook.lab.spec import LabSpec

DIRECTORIES, COPIES, LINES, TEMPLATES, USERS = 10, 10, 10, 5, 3
SERVICES = ("ssh", "dbus")
STEPS = DIRECTORIES + COPIES + LINES + TEMPLATES + USERS + len(SERVICES)
TOP = "/etc/contest"

PYINFRA = """\
from pyinfra.operations import files, server, systemd
for number in range({directories}):
    files.directory(name=f"directory {{number}}", path=f"{top}/{{number}}", mode="755", user="root", group="root")
for number in range({copies}):
    files.put(name=f"copy {{number}}", src=f"files/{{number}}.conf", dest=f"{top}/{{number}}/copied.conf", mode="644")
for number in range({lines}):
    files.line(name=f"line {{number}}", path=f"{top}/{{number}}/copied.conf", line=f"name = {{number}}")
for number in range({templates}):
    files.template(name=f"template {{number}}", src="templates/file.j2", dest=f"{top}/{{number}}/made.conf", mode="644",
                   number=number)
for number in range({users}):
    server.user(name=f"user {{number}}", user=f"contest{{number}}", shell="/bin/sh", home=f"/home/contest{{number}}")
for service in {services}:
    systemd.service(name=f"service {{service}}", service=service, running=True, enabled=True)
"""


def write(directory: Path, spec: LabSpec) -> None:
    """Write the project: playbooks (linear and free), inventories, files, templates, pyinfra's deploy."""
    (directory / "files").mkdir(parents=True, exist_ok=True)
    (directory / "templates").mkdir(exist_ok=True)
    for number in range(COPIES):
        lines = [f"# file {number}", *(f"key{line} = value {line}" for line in range(20)), f"name = {number}"]
        (directory / "files" / f"{number}.conf").write_text("\n".join(lines) + "\n")
    (directory / "templates" / "file.j2").write_text(
        "# number {{ number }}\n{% for n in range(20) %}\nn{{ n }}\n{% endfor %}\n"
    )
    for strategy in ("linear", "free"):
        text = yaml.safe_dump([_play(strategy)], sort_keys=False)
        (directory / f"{strategy}.yml").write_text(text)
    (directory / "inventory.yml").write_text(yaml.safe_dump(_inventory(spec), sort_keys=False))
    (directory / "inventory.py").write_text(_pyinfra_inventory(spec))
    (directory / "deploy.py").write_text(PYINFRA.format(
        directories=DIRECTORIES, copies=COPIES, lines=LINES, templates=TEMPLATES, users=USERS,
        services=SERVICES, top=TOP,
    ))  # fmt: skip


def _play(strategy: str) -> dict[str, Any]:
    """The play. Lines are already in the files that are copied, so that a second run has nothing to do."""
    root = {"owner": "root", "group": "root"}
    tasks: list[Mapping[str, Any]] = []
    for number in range(DIRECTORIES):
        tasks.append(
            _task(f"directory {number}", "file", path=f"{TOP}/{number}", state="directory", mode="0755", **root)
        )
    for number in range(COPIES):
        tasks.append(_task(f"copy {number}", "copy", src=f"{number}.conf", dest=f"{TOP}/{number}/copied.conf",
                           mode="0644", **root))  # fmt: skip
    for number in range(LINES):
        tasks.append(_task(f"line {number}", "lineinfile", path=f"{TOP}/{number}/copied.conf", line=f"name = {number}"))
    for number in range(TEMPLATES):
        task = _task(
            f"template {number}", "template", src="file.j2", dest=f"{TOP}/{number}/made.conf", mode="0644", **root
        )
        tasks.append({**task, "vars": {"number": number}})
    for number in range(USERS):
        tasks.append(_task(f"user {number}", "user", name=f"contest{number}", shell="/bin/sh"))
    for service in SERVICES:
        tasks.append(_task(f"service {service}", "service", name=service, state="started", enabled=True))
    return {"name": "The contest's work", "hosts": "all", "strategy": strategy, "become": True, "gather_facts": False,
            "tasks": tasks}  # fmt: skip


def _task(name: str, module: str, /, **arguments: Any) -> dict[str, Any]:
    return {"name": name, f"ansible.builtin.{module}": arguments}


def _inventory(spec: LabSpec) -> dict[str, Any]:
    """For Ansible and clusterbook."""
    variables = {
        "ansible_user": "admin", "ansible_ssh_private_key_file": str(spec.directory / "id_ed25519"),
        "ansible_ssh_common_args":
            f"-o UserKnownHostsFile={spec.directory / 'known_hosts'} -o StrictHostKeyChecking=yes",
        "ansible_python_interpreter": "/usr/bin/python3",
    }  # fmt: skip
    return {"all": {"vars": variables, "hosts": {host.name: {"ansible_host": host.address} for host in spec.hosts}}}


def _pyinfra_inventory(spec: LabSpec) -> str:
    """For pyinfra: addresses, since its known_hosts file is the lab's."""
    data = {
        "ssh_user": "admin", "ssh_key": str(spec.directory / "id_ed25519"), "_sudo": True,
        "ssh_known_hosts_file": str(spec.directory / "known_hosts"), "ssh_strict_host_key_checking": "yes",
    }  # fmt: skip
    return f"hosts = ({[host.address for host in spec.hosts]!r}, {data!r})\n"
