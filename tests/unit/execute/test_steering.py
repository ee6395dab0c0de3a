"""What one host's steps mean for the whole play: who is left, where it ends, which failures are forgiven."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from clusterbook.execute.gates import Gates
from tests.unit.execute.playing import run_files

PLAY = "- hosts: all\n  gather_facts: false\n"


def test_hosts_that_failed_are_no_longer_hosts_of_the_play(tmp_path: Path) -> None:
    told = run_files(tmp_path, {"site.yml": PLAY + """
  tasks:
    - debug: msg='{{ ansible_play_hosts }}'
    - fail: msg=x
      when: inventory_hostname == 'b'
    - debug: msg='{{ ansible_play_hosts }} {{ play_hosts }} {{ ansible_play_hosts_all }}'
- hosts: all
  gather_facts: false
  serial: 2
  tasks:
    - debug: msg='{{ ansible_play_hosts }} {{ ansible_play_batch }}'
"""}, "abc")
    assert told.messages("a") == [["a", "b", "c"], "['a', 'c'] ['a', 'c'] ['a', 'b', 'c']", "['a', 'c'] ['a']"]
    assert told.messages("c")[-1] == "['a', 'c'] ['c']"


def test_the_first_host_ends_the_play_for_all_and_for_later_batches(tmp_path: Path) -> None:
    told = run_files(tmp_path, {"site.yml": PLAY + """
  serial: 2
  tasks:
    - debug: msg=1
    - meta: end_play
      when: inventory_hostname == 'a'
    - debug: msg=2
- hosts: all
  gather_facts: false
  tasks:
    - debug: msg=3
"""}, "abc")
    assert [told.messages(host) for host in "abc"] == [["1", "3"], ["1", "3"], ["3"]]
    assert told.outcome.exit_code(check=False) == 0


def test_the_end_of_a_batch_lets_the_next_one_run(tmp_path: Path) -> None:
    told = run_files(tmp_path, {"site.yml": PLAY + """
  serial: 1
  tasks:
    - debug: msg=1
    - meta: end_batch
    - debug: msg=2
"""}, "ab")
    assert [told.messages(host) for host in "ab"] == [["1"], ["1"]]


def test_a_host_that_is_alone_in_its_batch_waits_at_no_gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[str] = []
    wait = Gates.wait

    def noting(self: Gates, host: str, key: Sequence[int], run_once: bool) -> Any:
        waited.append(host)
        return wait(self, host, key, run_once)

    monkeypatch.setattr(Gates, "wait", noting)
    told = run_files(tmp_path, {"site.yml": PLAY + """
  serial: [1, 2]
  tasks:
    - debug: msg=1
    - debug: msg=2
"""}, "abc")
    assert [told.messages(host) for host in "abc"] == [["1", "2"]] * 3
    assert sorted(waited) == ["b", "b", "c", "c"]


def test_forgiven_hosts_take_part_in_the_next_play(tmp_path: Path) -> None:
    told = run_files(tmp_path, {"site.yml": PLAY + """
  tasks:
    - fail: msg=x
      when: inventory_hostname == 'b'
    - meta: clear_host_errors
- hosts: all
  gather_facts: false
  tasks:
    - debug: msg=again
"""}, "ab")
    assert told.messages("b") == ["again"]
    assert told.count("failed", "b") == 1
    assert told.outcome.exit_code(check=False) == 0


def test_a_fatal_error_of_one_task_ends_the_play_for_all(tmp_path: Path) -> None:
    told = run_files(tmp_path, {"site.yml": PLAY + """
  tasks:
    - fail: msg=x
      when: inventory_hostname == 'b'
      any_errors_fatal: true
    - debug: msg=late
"""}, "ab")
    assert told.messages("a") == []
    assert told.outcome.exit_code(check=False) == 1


def test_every_host_goes_through_the_rescue_when_a_failure_is_fatal_for_all(tmp_path: Path) -> None:
    told = run_files(tmp_path, {"site.yml": PLAY + """
  any_errors_fatal: true
  tasks:
    - block:
        - fail: msg=x
          when: inventory_hostname == 'b'
        - debug: msg=late
      rescue:
        - debug: msg=rescued
    - debug: msg=recovered
"""}, "ab")
    assert told.messages("a") == told.messages("b") == ["rescued", "recovered"]
    assert (told.count("rescued", "a"), told.count("rescued", "b")) == (0, 1)
    assert told.outcome.exit_code(check=False) == 0


def test_every_host_does_what_is_always_done_before_a_fatal_error_ends_the_play(tmp_path: Path) -> None:
    told = run_files(tmp_path, {"site.yml": PLAY + """
  any_errors_fatal: true
  tasks:
    - block:
        - fail: msg=x
          when: inventory_hostname == 'b'
      always:
        - debug: msg=always
    - debug: msg=late
"""}, "ab")
    assert told.messages("a") == told.messages("b") == ["always"]
    assert (told.count("failed", "a"), told.count("failed", "b")) == (0, 1)


def test_a_host_finds_in_hostvars_what_it_has_learnt_itself(tmp_path: Path) -> None:
    told = run_files(tmp_path, {"more.yml": "read: \"{{ given }}\"\n", "site.yml": PLAY + """
  tasks:
    - set_fact: {given: x}
    - include_vars: more.yml
    - debug: msg="{{ hostvars[inventory_hostname].read }} {{ 'read' in hostvars[inventory_hostname].keys() }}"
"""}, "ab")
    assert told.messages("a") == told.messages("b") == ["x True"]


def test_hosts_end_their_step_when_another_one_ends_the_play(tmp_path: Path) -> None:
    told = run_files(tmp_path, {"site.yml": PLAY + """
  any_errors_fatal: true
  tasks:
    - command: "{{ 'false' if inventory_hostname == 'b' else 'sleep 0.3' }}"
    - debug: msg=late
"""}, "ab")
    assert told.messages("a") == []
    assert (told.count("ok", "a"), told.count("changed", "a")) == (1, 1) or told.count("changed", "a") == 1
    assert told.count("unreachable", "a") == 0


def test_all_hosts_have_the_fact_that_one_sets_for_all(tmp_path: Path) -> None:
    told = run_files(tmp_path, {"site.yml": PLAY + """
  tasks:
    - set_fact: {chosen: "{{ inventory_hostname }}"}
      run_once: true
    - debug: msg={{ chosen }}
"""}, "ab")
    assert told.messages("a") == told.messages("b") == ["a"]


def test_a_variable_of_a_task_leads_another_way_to_the_host(tmp_path: Path) -> None:
    told = run_files(tmp_path, {"site.yml": PLAY + """
  tasks:
    - ping:
      vars: {ansible_connection: ssh, ansible_host: 127.0.0.1, ansible_port: 1}
      ignore_errors: true
      ignore_unreachable: true
    - debug: msg=after
"""}, "a")
    assert told.count("ignored", "a") == 1
    assert told.messages("a") == ["after"]


def test_the_order_of_hosts_is_that_of_their_turns_and_not_of_their_names_in_variables(tmp_path: Path) -> None:
    told = run_files(tmp_path, {"site.yml": PLAY + """
  order: reverse_sorted
  tasks:
    - debug: {msg: "{{ [ansible_play_hosts, ansible_play_hosts_all, ansible_play_batch] | map('join') | join(' ') }}"}
"""}, "ab")
    assert told.messages("a") == ["ab ab ba"]


def test_playbooks_read_ansibles_message_of_a_command_and_people_ours(tmp_path: Path) -> None:
    told = run_files(tmp_path, {"site.yml": PLAY + """
  tasks:
    - shell: echo why >&2; exit 3
      register: single
      ignore_errors: true
    - raw: exit {{ item }}
      loop: [0, 4]
      register: several
      ignore_errors: true
    - block:
        - command: "false"
      rescue:
        - debug: msg='{{ ansible_failed_result.msg }} {{ ansible_failed_result.explained is defined }}'
    - debug: msg='{{ single.msg }} {{ several.results[1].msg }} {{ (single | string) is search("explained") }}'
    - debug: msg='{{ several | string is search("explained") }}'
"""})
    assert told.messages() == ["non-zero return code False", "non-zero return code non-zero return code False", False]
    single, several, _ = told.of("result")[:3]
    assert single["msg"].startswith("'echo why >&2; exit 3' failed (exit 3, 0.") and single["msg"].endswith(": why")
    assert several["items"][1]["msg"].startswith("'exit 4' failed (exit 4")


def test_a_rescue_knows_the_task_that_failed_as_it_is_written_and_what_it_was_given(tmp_path: Path) -> None:
    told = run_files(tmp_path, {"site.yml": PLAY + """
  tasks:
    - tags: outer
      block:
        - {name: "on {{ inventory_hostname }}", ansible.builtin.command: "false {{ 1 + 1 }}", tags: inner, register: r}
      rescue:
        - debug: msg={{ ansible_failed_task }}
    - block: [{get_url: {url: "nowhere:/x", dest: /nowhere, url_password: x}}]
      rescue:
        - debug: msg={{ ansible_failed_task }}
"""})
    first, second = told.messages()
    assert first == {
        "name": "on a", "action": "ansible.builtin.command", "resolved_action": "ansible.builtin.command",
        "args": {"_raw_params": "false 2"}, "tags": ["outer", "inner"], "register": "r", "delegate_to": None,
    }  # fmt: skip
    assert (second["name"], second["action"]) == ("", "get_url")
    assert second["args"]["url_password"] == "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"


def test_items_of_a_registered_loop_know_what_their_module_was_given(tmp_path: Path) -> None:
    told = run_files(tmp_path, {"site.yml": PLAY + """
  tasks:
    - {stat: {path: "{{ item }}"}, loop: [/etc, /tmp], register: r}
    - debug: msg="{{ r.results | map(attribute='invocation.module_args.path') | join(' ') }}"
    - {stat: {path: /etc}, register: r}
    - debug: msg="{{ r.invocation is defined }}"
"""})
    assert told.messages() == ["/etc /tmp", False]
