"""Plays that restart their hosts, on hosts that really boot."""

from __future__ import annotations

import json
import signal
import time
from typing import TYPE_CHECKING, Any

import pytest

from clusterbook.lab import lab

if TYPE_CHECKING:
    from tests.lab.conftest import TwoHosts

BOOT = "cat /proc/sys/kernel/random/boot_id"
# Every step leaves a line in a file that outlives the boot.
PLAY = """\
- name: Before
  hosts: all
  become: true
  gather_facts: true
  tasks:
    - ansible.builtin.shell: echo one >> /srv/ran; cat /proc/sys/kernel/random/boot_id
      register: before
- name: Work
  hosts: all
  become: true
  gather_facts: false
HOW
  tasks:
    - ansible.builtin.set_fact: {chance: "{{ 1000000 | random }}"}
    - ansible.builtin.copy: {content: "{{ chance }}", dest: /srv/conf, mode: "0644"}
      notify: Tell
    - ansible.builtin.shell: echo memory > /run/gone
    - ansible.builtin.reboot: {reboot_timeout: 120}
      register: done
    - ansible.builtin.command: cat /proc/sys/kernel/random/boot_id
      register: after
    - ansible.builtin.shell: echo two >> /srv/ran; test ! -e /run/gone
    - ansible.builtin.assert:
        that:
          - done.rebooted and done.changed and done.elapsed > 0
          - before.stdout != after.stdout
          - ansible_facts.hostname == inventory_hostname
          - lookup('ansible.builtin.file', '/etc/hostname') is string
    - ansible.builtin.copy: {content: "{{ chance }}", dest: /srv/conf, mode: "0644"}
      register: same
    - ansible.builtin.assert: {that: not same.changed}
  handlers:
    - name: Tell
      ansible.builtin.shell: echo handler >> /srv/ran
"""


def events(output: str) -> list[dict[str, Any]]:
    """The events of --json."""
    return [json.loads(line) for line in output.splitlines() if line.startswith("{")]


def ended(hosts: TwoHosts, play: str, *words: str, expect: int = 0) -> list[dict[str, Any]]:
    """Run a play to its end; its events."""
    process = hosts.start(play, "--json", *words)
    output, errors = process.communicate(timeout=600)
    found = events(output)
    assert process.returncode == expect, (errors, [event for event in found if event.get("status") == "failed"])
    return found


@pytest.mark.parametrize(("how", "executor"), [
    ("  strategy: linear", "threads"), ("  strategy: free", "processes"), ("  serial: 1", "threads"),
])  # fmt: skip
def test_a_play_goes_on_after_it_rebooted_its_hosts(two_hosts: TwoHosts, how: str, executor: str) -> None:
    found = ended(two_hosts, PLAY.replace("HOW", how), "--executor", executor)
    for name in ("a", "b"):
        assert two_hosts.on(name, "cat /srv/ran").split() == ["one", "two", "handler"]
        steps = [event["step"] for event in found if event["type"] == "result" and event["host"] == name]
        assert len(steps) == len(set(steps)), "a step was reported twice"
    assert not [event for event in found if event["type"] in ("unreachable", "failure", "pending", "taken_over")]


def test_check_mode_reboots_nothing(two_hosts: TwoHosts) -> None:
    boots = [two_hosts.on(name, BOOT) for name in ("a", "b")]
    play = "- hosts: all\n  become: true\n  gather_facts: false\n  tasks: [{ansible.builtin.reboot: {}}]\n"
    found = ended(two_hosts, play, "--check", expect=2)
    assert {event["status"] for event in found if event["type"] == "result"} == {"changed"}
    assert [two_hosts.on(name, BOOT) for name in ("a", "b")] == boots


def test_a_host_that_a_command_of_the_play_restarts_is_waited_for(two_hosts: TwoHosts) -> None:
    found = ended(two_hosts, """\
- name: Work
  hosts: a
  become: true
  gather_facts: false
  tasks:
    - ansible.builtin.command: cat /proc/sys/kernel/random/boot_id
      register: before
    - ansible.builtin.shell: sleep 2; systemctl reboot
      async: 1
      poll: 0
    - ansible.builtin.wait_for_connection: {delay: 5, timeout: 120, connect_timeout: 3}
      register: waited
    - ansible.builtin.command: cat /proc/sys/kernel/random/boot_id
      register: after
    - ansible.builtin.assert: {that: [before.stdout != after.stdout, waited.elapsed >= 4]}
""")
    assert not [event for event in found if event["type"] in ("unreachable", "failure")]


def test_a_host_that_does_not_come_back_ends_with_one_message_and_the_other_goes_on(two_hosts: TwoHosts) -> None:
    try:
        output = two_hosts.run("""\
- name: Work
  hosts: all
  become: true
  gather_facts: false
  strategy: free
  tasks:
    - name: Restart it
      ansible.builtin.reboot:
        reboot_timeout: 8
        connect_timeout: 2
        reboot_command: "systemctl {{ 'poweroff' if inventory_hostname == 'a' else 'reboot' }}"
    - name: Write it
      ansible.builtin.copy: {dest: /srv/written, content: "yes", mode: "0644"}
""", expect=4)
    finally:
        lab.up(two_hosts.spec)
    assert "\nunreachable  a  a did not come back within 8 s: " in output
    assert output.count("unreachable  ") == 1
    assert "Look at its console; once it is back, run the same command again" in output
    assert two_hosts.on("b", "cat /srv/written") == "yes"


def test_an_interrupt_while_a_host_is_away_ends_the_run(two_hosts: TwoHosts) -> None:
    process = two_hosts.start("""\
- hosts: a
  become: true
  gather_facts: false
  tasks:
    - ansible.builtin.reboot: {reboot_command: systemctl poweroff}
""", "--json")
    try:
        deadline = time.monotonic() + 120
        while lab.status(two_hosts.spec).hosts[0].state == "running":
            assert time.monotonic() < deadline
            time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)
    finally:
        process.kill()
        lab.up(two_hosts.spec)
    assert process.returncode == 130, f"{output}\n{errors}"


def test_an_interrupt_before_the_reboot_is_ordered_reboots_nothing(two_hosts: TwoHosts) -> None:
    boot = two_hosts.on("a", BOOT)
    process = two_hosts.start("""\
- hosts: a
  become: true
  gather_facts: false
  tasks:
    - ansible.builtin.command: touch /srv/reached
    - ansible.builtin.reboot: {pre_reboot_delay: 600}
""", "--json")
    try:
        while two_hosts.on("a", "ls /srv") != "reached":
            time.sleep(0.2)
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert two_hosts.on("a", BOOT) == boot
