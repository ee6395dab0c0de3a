"""Steps that run on another host than the one whose play they stand in."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from clusterbook.execute.delegation import Delegation
from clusterbook.execute.session import Refusal
from clusterbook.language.program import HostPart, Loop, Program, Step
from clusterbook.language.values import Template
from tests.unit.execute.playing import HEAD

if TYPE_CHECKING:
    from tests.unit.execute.conftest import Playbooks


def test_the_result_of_a_delegated_step_is_registered_by_the_host_that_delegated(playbooks: Playbooks) -> None:
    ran = playbooks.run(HEAD + """\
    - name: Say
      ansible.builtin.command: echo {{ inventory_hostname }}-{{ own }}
      delegate_to: b
      register: said
    - name: Show
      ansible.builtin.debug: {msg: "{{ said.stdout }}"}
    """)
    assert ran.code == 0
    assert ran.messages("Show") == ["a-of-a", "b-of-b", "c-of-c"]


def test_a_step_is_delegated_to_this_machine_though_the_inventory_does_not_list_it(playbooks: Playbooks) -> None:
    text = HEAD + """\
    - name: Here
      ansible.builtin.shell: echo $PPID
      {how}
      register: said
    - name: Show
      ansible.builtin.debug: {{msg: "{{{{ said.stdout is match('[0-9]+') }}}}"}}
    """
    for how in ("delegate_to: localhost", "delegate_to: 127.0.0.1", "connection: local"):
        assert playbooks.run(text.format(how=how)).messages("Show") == ["True"] * 3
    action = HEAD + "    - local_action: command echo {{ own }}\n      register: said\n"
    ran = playbooks.run(action + "    - {name: Show, debug: {msg: '{{ said.stdout }}'}}\n")
    assert ran.messages("Show") == ["of-a", "of-b", "of-c"]


def test_each_item_of_a_loop_goes_to_its_own_host(playbooks: Playbooks) -> None:
    ran = playbooks.run(HEAD + """\
    - name: Who
      ansible.builtin.command: echo {{ item }}
      loop: "{{ groups.all }}"
      delegate_to: "{{ item }}"
      run_once: true
      register: said
    - name: Show
      ansible.builtin.debug: {msg: "{{ said.results | map(attribute='stdout') | join(' ') }}"}
    """)
    assert ran.messages("Show") == ["a b c"] * 3
    assert [event["host"] for event in ran.of("result", name="Who")] == ["a"]


def test_what_a_host_registered_reaches_the_step_that_it_delegates(playbooks: Playbooks) -> None:
    ran = playbooks.run(HEAD + """\
    - ansible.builtin.command: echo from-{{ inventory_hostname }}
      register: first
    - ansible.builtin.set_fact: {kept: "{{ first.stdout }}!"}
    - name: There
      ansible.builtin.command: echo {{ kept }} {{ first.rc }}
      delegate_to: b
      register: said
    - name: Show
      ansible.builtin.debug: {msg: "{{ said.stdout }}"}
    """)
    assert ran.messages("Show") == ["from-a! 0", "from-b! 0", "from-c! 0"]


def test_files_and_templates_of_a_delegated_step_come_from_the_local_machine(playbooks: Playbooks) -> None:
    (playbooks.folder / "templates").mkdir()
    (playbooks.folder / "templates" / "conf.j2").write_text("{{ own }} {{ said.stdout }}\n")
    (playbooks.folder / "files").mkdir()
    (playbooks.folder / "files" / "plain").write_text("plain\n")
    ran = playbooks.run(HEAD + f"""\
    - ansible.builtin.command: echo x
      register: said
    - ansible.builtin.template: {{src: conf.j2, dest: "{playbooks.folder}/{{{{ inventory_hostname }}}}.conf"}}
      delegate_to: b
    - ansible.builtin.copy: {{src: plain, dest: "{playbooks.folder}/{{{{ inventory_hostname }}}}.plain"}}
      delegate_to: b
    """)
    assert ran.code == 0, ran.events
    assert [(playbooks.folder / f"{name}.conf").read_text() for name in "abc"] == [f"of-{n} x\n" for n in "abc"]
    assert (playbooks.folder / "c.plain").read_text() == "plain\n"


def test_facts_that_are_delegated_belong_to_the_other_host(playbooks: Playbooks) -> None:
    ran = playbooks.run("""\
    - hosts: a
      gather_facts: false
      tasks:
        - ansible.builtin.setup: {gather_subset: ["!all"]}
          delegate_to: b
          delegate_facts: true
        - ansible.builtin.set_fact: {colour: green}
          delegate_to: c
          delegate_facts: true
        - name: Show
          ansible.builtin.debug:
            msg: "{{ hostvars.b.ansible_system }} {{ hostvars.b.ansible_facts.system }} {{ hostvars.c.colour }}
              {{ ansible_system is defined }} {{ colour is defined }}"
    """)
    assert ran.messages("Show") == ["Linux Linux green False False"]


def test_what_a_step_sets_for_another_host_is_a_variable_of_that_host_from_the_next_task_on(
    playbooks: Playbooks,
) -> None:
    ran = playbooks.run("""\
    - hosts: all
      gather_facts: false
      tasks:
        - ansible.builtin.set_fact: {colour: "of {{ inventory_hostname }}", ansible_user: nobody}
          delegate_to: b
          delegate_facts: true
          when: inventory_hostname == 'c'
        - name: Show
          ansible.builtin.debug: {msg: "{{ colour | default('none') }} {{ ansible_user is defined }}"}
    - hosts: all
      gather_facts: false
      strategy: free
      tasks:
        - ansible.builtin.setup: {gather_subset: ["!all"]}
          delegate_to: b
          delegate_facts: true
          when: inventory_hostname == 'a'
    - hosts: b
      gather_facts: false
      tasks:
        - name: Later
          ansible.builtin.debug: {msg: "{{ ansible_system }} {{ colour }}"}
    """)
    assert sorted(ran.messages("Show")) == ["none False", "none False", "of c False"]
    assert ran.messages("Later") == ["Linux of c"]


def test_handlers_that_a_delegated_step_notifies_run_on_the_first_host(playbooks: Playbooks) -> None:
    ran = playbooks.run(HEAD + """\
    - ansible.builtin.command: echo x
      delegate_to: b
      notify: Restart
  handlers:
    - name: Restart
      ansible.builtin.debug: {msg: "{{ own }}"}
    """)
    assert ran.messages("Restart") == ["of-a", "of-b", "of-c"]


def test_delegated_steps_of_many_hosts_run_together_and_throttle_keeps_them_apart(playbooks: Playbooks) -> None:
    meet = """\
    - name: Meet
      ansible.builtin.shell: |
        touch {folder}/{{{{ inventory_hostname }}}}.in
        for i in $(seq {tries}); do [ $(ls {folder}/*.in | wc -l) = 3 ] && exit 0; sleep 0.1; done
        rm {folder}/{{{{ inventory_hostname }}}}.in; exit 1
      delegate_to: localhost
      {more}
    """
    assert playbooks.run(HEAD + meet.format(folder=playbooks.folder, tries=300, more="")).code == 0
    for name in "abc":
        (playbooks.folder / f"{name}.in").unlink()
    ran = playbooks.run(HEAD + meet.format(folder=playbooks.folder, tries=3, more="throttle: 1"))
    assert [event["status"] for event in ran.of("result")] == ["failed"] * 3


def test_a_host_that_is_not_in_the_inventory_is_reached_as_all_hosts_are(playbooks: Playbooks) -> None:
    text = HEAD + """\
    - name: There
      ansible.builtin.command: echo x
      delegate_to: 192.0.2.1
    """
    assert playbooks.run(text).code == 0  # group_vars of all say that connections are local


def test_an_unreachable_delegate_ends_the_play_of_the_host_that_asked(playbooks: Playbooks) -> None:
    inventory = """\
    all:
      hosts:
        a: {ansible_connection: local}
        away: {ansible_host: 127.0.0.1, ansible_port: 1}
    """
    text = """\
    - hosts: a
      gather_facts: false
      tasks:
        - name: Try
          ansible.builtin.ping:
          delegate_to: away
          register: tried
          %s
        - name: Show
          ansible.builtin.debug: {msg: "{{ tried.unreachable }}"}
    """
    lost = playbooks.run(text % "ignore_errors: true", inventory)
    assert (lost.code, lost.messages("Show")) == (4, [])
    assert "connection refused" in lost.of("unreachable")[0]["msg"]
    ignored = playbooks.run(text % "ignore_unreachable: true", inventory)
    assert (ignored.code, ignored.messages("Show")) == (0, ["True"])


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")
def test_a_delegated_step_becomes_its_user_on_the_other_host(playbooks: Playbooks) -> None:
    ran = playbooks.run(HEAD + """\
    - ansible.builtin.command: whoami
      delegate_to: localhost
      become: true
      become_user: nobody
      register: said
    - name: Show
      ansible.builtin.debug: {msg: "{{ said.stdout }}"}
    """)
    assert ran.messages("Show") == ["nobody"] * 3


def _delegation(playbooks: Playbooks, text: str) -> tuple[Delegation, dict[str, Step], list[object]]:
    """What answers host a's delegated steps, those steps by name, and the errands that it would run."""
    plan = playbooks.plan(text).plays[0]
    errands: list[object] = []

    def run(errand: object, answer: object) -> dict[str, object]:
        errands.append(errand)
        return {"changed": False}

    made = Delegation(plan, "a", lambda question: None, run, frozenset({"said"}), {})
    return made, {str(step.name): step for step in plan.program.instructions if isinstance(step, Step)}, errands


LIES = HEAD + """\
    - name: Literal
      ansible.builtin.command: uptime
      delegate_to: localhost
    - name: Mixed
      ansible.builtin.command: "{{ own }} {{ said.stdout }}"
      delegate_to: localhost
    - name: Chosen
      ansible.builtin.command: uptime
      delegate_to: "{{ said.stdout }}"
    - name: Here
      ansible.builtin.command: uptime
    """


def test_a_host_cannot_change_what_a_delegated_step_does(playbooks: Playbooks) -> None:
    delegation, steps, errands = _delegation(playbooks, LIES)
    lies = {"own": "rm", "said": {"stdout": "{{ lookup('env', 'HOME') }}"}, "ansible_connection": "local",
            "inventory_hostname": "b", "uptime": "x"}  # fmt: skip
    delegation(steps["Literal"], {"values": lies, "item": None, "call": {"module": "shell", "arguments": {}}})
    delegation(steps["Mixed"], {"values": lies, "item": None})
    calls = [errand.call for errand in errands]  # type: ignore[attr-defined]
    assert calls[0].arguments == {"_raw_params": "uptime"}
    # Its own word is text, never a template; it does not replace a variable of the inventory.
    assert calls[1].arguments == {"_raw_params": "of-a {{ lookup('env', 'HOME') }}"}
    with pytest.raises(Refusal, match="not delegated by the play"):
        delegation(steps["Here"], {"values": {}, "item": None})


def test_a_target_that_a_host_names_is_a_host_of_the_inventory_and_never_this_machine(playbooks: Playbooks) -> None:
    for name in ("localhost", "127.0.0.1", "192.0.2.1"):
        ran = playbooks.run(LIES.replace("command: uptime\n      delegate_to: \"{{", "ping:\n      delegate_to: \"{{")
                            .replace("tasks:\n", f"tasks:\n    - command: echo {name}\n      register: said\n"),
                            "all: {hosts: {a: {own: echo, ansible_connection: local}}}")  # fmt: skip
        assert ran.messages("Chosen") == [
            f"delegate_to: '{name}' comes from what a said; such a target has to be a host of the inventory that is "
            "not this machine"
        ]


def test_a_host_is_told_which_names_are_needed_and_others_are_not_taken(playbooks: Playbooks) -> None:
    delegation, steps, _ = _delegation(playbooks, LIES)
    assert delegation(steps["Mixed"], {"values": None})["needs"] == ["own", "said", "stdout"]


def test_the_loop_variable_comes_from_the_plays_own_list(playbooks: Playbooks) -> None:
    part = HostPart("a", (), {})
    step = Step(1, "x", "ansible.builtin.command", {"_raw_params": Template("echo {{ item }}")},
                loop=Loop(["one", "two"]), delegate_to="b")  # fmt: skip
    plan = playbooks.plan(HEAD + "    - ping:\n").plays[0]
    errands: list[object] = []
    changed = replace(plan, program=Program("k", "n", (step,)), parts={"a": part})
    Delegation(changed, "a", lambda question: None, lambda errand, answer: errands.append(errand) or {},
               frozenset(), {})(step, {"values": {"item": "evil"}, "item": 1})  # fmt: skip
    assert errands[0].call.arguments == {"_raw_params": "echo two"}  # type: ignore[attr-defined]


def test_delegated_facts_of_a_step_that_runs_once_are_not_those_of_the_hosts_that_take_its_result(
    playbooks: Playbooks
) -> None:
    ran = playbooks.run(HEAD + """\
    - {ansible.builtin.set_fact: {fresh: b's}, run_once: true, delegate_to: b, delegate_facts: true}
    - {ansible.builtin.setup: {gather_subset: min}, run_once: true, delegate_to: b, delegate_facts: true}
    - name: Show
      vars: {own: "{{ fresh | default('none') }}"}
      ansible.builtin.debug: {msg: "{{ own }} {{ ansible_facts.system is defined }} {{ hostvars.b.fresh }}"}
    """)
    assert ran.messages("Show") == ["b's True b's", "none False b's", "none False b's"]
