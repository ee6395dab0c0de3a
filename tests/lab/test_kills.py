"""A run that is killed at any moment loses nothing: the same command again leads to the same end."""

from __future__ import annotations

import json
import os
import random
import signal
from typing import TYPE_CHECKING

import pytest
import yaml

if TYPE_CHECKING:
    from tests.lab.conftest import TwoHosts

STEPS, HANDLERS = 30, 5
# Results of steps on both hosts after which the run is killed: one in each quarter of the steps, one in the handlers.
_CHANCE = random.Random(20261123)
_QUARTER = 2 * STEPS // 4
MOMENTS = [start + _CHANCE.randrange(_QUARTER) for start in range(1, 2 * STEPS, _QUARTER)]
MOMENTS.append(2 * STEPS + _CHANCE.randrange(1, 2 * HANDLERS))


def playbook() -> str:
    """Steps that write files; each tells a handler, which puts its files together."""
    tasks = [
        {
            "name": f"Write {number:02}",
            "ansible.builtin.copy": {"dest": f"/srv/parts/{number:02}", "content": f"{number}\n", "mode": "0640"},
            "notify": f"Join {number % HANDLERS}",
        }
        for number in range(1, STEPS)
    ]
    handlers = [
        {"name": f"Join {number}", "ansible.builtin.shell": f"cat {' '.join(parts(number))} > /srv/whole-{number}"}
        for number in range(HANDLERS)
    ]
    first = {"name": "Make the folder",
             "ansible.builtin.file": {"path": "/srv/parts", "state": "directory", "mode": "0755"}}  # fmt: skip
    play = {"name": "Work", "hosts": "all", "become": True, "gather_facts": False, "tasks": [first, *tasks],
            "handlers": handlers}  # fmt: skip
    return yaml.safe_dump([play], sort_keys=False)


def parts(handler: int) -> list[str]:
    """The files that a handler joins."""
    return [f"/srv/parts/{number:02}" for number in range(1, STEPS) if number % HANDLERS == handler]


def wanted() -> list[str]:
    """What the hosts have in the end: every file, what is in it, its mode."""
    single = [f"640 /srv/parts/{number:02} {number}" for number in range(1, STEPS)]
    whole = [f"644 /srv/whole-{one} {' '.join(str(int(path[-2:])) for path in parts(one))}" for one in range(HANDLERS)]
    return sorted([*single, *whole])


def found(hosts: TwoHosts, name: str) -> list[str]:
    """The same of a host as it is; other files, hidden ones too, would show."""
    command = 'find /srv -type f | while read f; do echo $(stat -c "%a %n" "$f") $(cat "$f"); done'
    return sorted(hosts.on(name, command).splitlines())


@pytest.mark.parametrize("moment", MOMENTS)
def test_after_a_kill_the_same_command_leads_to_the_same_end(two_hosts: TwoHosts, moment: int) -> None:
    process = two_hosts.start(playbook(), "--json")
    assert process.stdout is not None
    results = 0
    for line in process.stdout:
        results += json.loads(line)["type"] == "result"
        if results == moment:
            break
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL, "the run ended before it was killed"
    output = two_hosts.run(playbook())
    for one in two_hosts.spec.hosts:
        assert found(two_hosts, one.name) == wanted(), output
        assert two_hosts.on(one.name, "find /var/lib/clusterbook/agent/pending -type f") == ""
    assert two_hosts.run(playbook()).endswith("2 hosts: 2 as wanted, nothing to do.\n")
