"""The work of the contest, once for runners of playbooks and once for pyinfra: `work`, `ping`, `files`, `wide`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

DIRECTORIES, COPIES, LINES, TEMPLATES, USERS = 10, 10, 10, 5, 3
SERVICES = ("ssh", "dbus")
STEPS = DIRECTORIES + COPIES + LINES + TEMPLATES + USERS + len(SERVICES)
TOP, MANY_TOP = "/etc/contest", "/etc/contest-files"
FILES = 1000
STRATEGIES = ("linear", "free", "mitogen_linear")

# What `work` and `files` made goes again; for the tables where every step changes something.
WIPE = f"rm -rf {TOP} {MANY_TOP}; for n in 0 1 2; do userdel -rf contest$n; done; true"

_PYINFRA = {
    "work": """\
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
""",
    "ping": """\
from pyinfra.operations import server
server.shell(name="ping", commands=["true"])
""",
    "wide": """\
from pyinfra.operations import files, server
files.directory(name="directory", path="/srv/wide", mode="755")
files.put(name="copy", src="files/0.conf", dest="/srv/wide/copied.conf", mode="644")
files.template(name="template", src="templates/file.j2", dest="/srv/wide/made.conf", mode="644", number=1)
files.line(name="line", path="/srv/wide/copied.conf", line="name = 0")
""",
}


@dataclass(frozen=True)
class Target:
    """One host as a contestant reaches it."""

    name: str
    address: str
    port: int = 22


@dataclass(frozen=True)
class Login:
    """How all hosts are entered. known_hosts: the file with their keys; become: whether the work needs sudo."""

    user: str
    key: Path
    known_hosts: Path
    become: bool = True


def write(directory: Path, login: Login, inventories: Mapping[str, Sequence[Target]]) -> None:
    """Write the project: plays by strategy, inventories by name, files, templates, and the same for pyinfra."""
    _write_files(directory)
    plays = {"work": _work(), "ping": [{"ansible.builtin.ping": {}}], "files": _files(), "wide": _wide()}
    for name, tasks in plays.items():
        for strategy in STRATEGIES:
            play = {"name": f"The contest's {name}", "hosts": "all", "strategy": strategy, "become": login.become,
                    "gather_facts": False, "tasks": tasks}  # fmt: skip
            (directory / f"{name}-{strategy}.yml").write_text(yaml.safe_dump([play], sort_keys=False))
    for name, text in _PYINFRA.items():
        (directory / f"{name}.py").write_text(text.format(
            directories=DIRECTORIES, copies=COPIES, lines=LINES, templates=TEMPLATES, users=USERS,
            services=SERVICES, top=TOP,
        ))  # fmt: skip
    for name, targets in inventories.items():
        (directory / f"{name}.yml").write_text(yaml.safe_dump(_inventory(login, targets), sort_keys=False))
        (directory / f"hosts_{name}.py").write_text(_pyinfra_inventory(login, targets))
        (directory / f"floor-{name}.sh").write_text(on_each(login, targets, "python3 -c pass"))


def on_each(login: Login, targets: Sequence[Target], command: str) -> str:
    """A shell script that runs a command on every host at once and waits."""
    options = f"-F none -o BatchMode=yes -o UserKnownHostsFile={login.known_hosts} -i {login.key} -l {login.user}"
    lines = [f"ssh {options} -p {target.port} {target.address} '{command}' &" for target in targets]
    return "\n".join([*lines, "wait", ""])


def _write_files(directory: Path) -> None:
    many = directory / "files" / "many"
    many.mkdir(parents=True, exist_ok=True)
    (directory / "templates").mkdir(exist_ok=True)
    for number in range(COPIES):
        lines = [f"# file {number}", *(f"key{line} = value {line}" for line in range(20)), f"name = {number}"]
        (directory / "files" / f"{number}.conf").write_text("\n".join(lines) + "\n")
    for number in range(FILES):
        (many / f"{number}.txt").write_text(f"file {number}\n" * 40)
    (directory / "templates" / "file.j2").write_text(
        "# number {{ number }}\n{% for n in range(20) %}\nn{{ n }}\n{% endfor %}\n"
    )


def _work() -> list[Mapping[str, Any]]:
    """40 steps. Lines are already in the files that are copied, so that a second run has nothing to do."""
    root = {"owner": "root", "group": "root"}
    tasks: list[Mapping[str, Any]] = []
    for number in range(DIRECTORIES):
        path = f"{TOP}/{number}"
        tasks.append(_task(f"directory {number}", "file", path=path, state="directory", mode="0755", **root))
    for number in range(COPIES):
        dest = f"{TOP}/{number}/copied.conf"
        tasks.append(_task(f"copy {number}", "copy", src=f"{number}.conf", dest=dest, mode="0644", **root))
    for number in range(LINES):
        tasks.append(_task(f"line {number}", "lineinfile", path=f"{TOP}/{number}/copied.conf", line=f"name = {number}"))
    for number in range(TEMPLATES):
        dest = f"{TOP}/{number}/made.conf"
        task = _task(f"template {number}", "template", src="file.j2", dest=dest, mode="0644", **root)
        tasks.append({**task, "vars": {"number": number}})
    for number in range(USERS):
        tasks.append(_task(f"user {number}", "user", name=f"contest{number}", shell="/bin/sh"))
    for service in SERVICES:
        tasks.append(_task(f"service {service}", "service", name=service, state="started", enabled=True))
    return tasks


def _files() -> list[Mapping[str, Any]]:
    return [_task(f"copy {FILES} files", "copy", src="many/", dest=f"{MANY_TOP}/", mode="0644")]


def _wide() -> list[Mapping[str, Any]]:
    """Four steps for very many hosts."""
    made = _task("template", "template", src="file.j2", dest="/srv/wide/made.conf", mode="0644")
    return [
        _task("directory", "file", path="/srv/wide", state="directory", mode="0755"),
        _task("copy", "copy", src="0.conf", dest="/srv/wide/copied.conf", mode="0644"),
        {**made, "vars": {"number": 1}},
        _task("line", "lineinfile", path="/srv/wide/copied.conf", line="name = 0"),
    ]


def _task(name: str, module: str, /, **arguments: Any) -> dict[str, Any]:
    return {"name": name, f"ansible.builtin.{module}": arguments}


def _inventory(login: Login, targets: Sequence[Target]) -> dict[str, Any]:
    """For Ansible and clusterbook."""
    variables = {
        "ansible_user": login.user, "ansible_ssh_private_key_file": str(login.key),
        "ansible_ssh_common_args": f"-o UserKnownHostsFile={login.known_hosts} -o StrictHostKeyChecking=yes",
        "ansible_python_interpreter": "/usr/bin/python3",
    }  # fmt: skip
    hosts = {target.name: {"ansible_host": target.address, "ansible_port": target.port} for target in targets}
    return {"all": {"vars": variables, "hosts": hosts}}


def _pyinfra_inventory(login: Login, targets: Sequence[Target]) -> str:
    data = {
        "ssh_user": login.user, "ssh_key": str(login.key), "_sudo": login.become,
        "ssh_known_hosts_file": str(login.known_hosts), "ssh_strict_host_key_checking": "yes",
    }  # fmt: skip
    hosts = [(target.name, {"ssh_hostname": target.address, "ssh_port": target.port}) for target in targets]
    return f"hosts = ({hosts!r}, {data!r})\n"
