"""Hosts and groups that join during the run."""

from __future__ import annotations

from pathlib import Path

from clusterbook.language.values import Secret
from tests.unit.execute.playing import HEAD, run_files

ADD = """
- hosts: all
  gather_facts: false
  tasks:
    - add_host: {name: new, groups: [fresh, more], ansible_connection: local, own: "of {{ inventory_hostname }}"}
    - debug: msg="{{ groups.fresh }} {{ hostvars.new.own }} {{ 'new' in hostvars }}"
- hosts: fresh
  gather_facts: false
  tasks:
    - debug: msg="{{ own }} {{ group_names }} {{ ansible_play_hosts }}"
"""


def test_a_host_that_joins_is_there_at_once_and_a_later_play_runs_on_it(tmp_path: Path) -> None:
    told = run_files(tmp_path, {"site.yml": ADD}, "ab")
    assert told.messages("a") == told.messages("b") == ["['new'] of a True"]
    assert told.messages("new") == ["of a ['fresh', 'more'] ['new']"]
    assert (told.count("changed"), told.count("changed", "b")) == (1, 0)


def test_a_host_that_joins_counts_to_the_play_and_not_to_its_batch(tmp_path: Path) -> None:
    told = run_files(tmp_path, {"site.yml": """
- hosts: all
  gather_facts: false
  tasks:
    - add_host: {name: d, groups: more}
      delegate_to: localhost
    - add_host: {name: b, groups: more}
    - debug: {msg: "{{ [ansible_play_hosts, ansible_play_hosts_all, ansible_play_batch, play_hosts] | map('join') }}"}
"""}, "ab")
    assert told.failures() == []
    assert told.messages("a") == [["abd", "abd", "ab", "ab"]]


def test_hosts_are_grouped_by_a_value_and_later_plays_name_the_groups(tmp_path: Path) -> None:
    told = run_files(tmp_path, {"site.yml": """
- hosts: all
  gather_facts: false
  tasks:
    - group_by: {key: "is {{ inventory_hostname }}", parents: any}
    - debug: msg="{{ group_names }} {{ groups['any'] | sort }}"
- hosts: is-a
  gather_facts: false
  tasks:
    - debug: msg=mine
- hosts: any
  gather_facts: false
  tasks:
    - debug: msg="{{ inventory_hostname }}"
"""}, "ab")
    assert told.messages("a") == ["['any', 'every', 'is-a'] ['a', 'b']", "mine", "a"]
    assert told.messages("b")[1:] == ["b"]


def test_a_host_has_the_variables_of_the_groups_that_it_joins(tmp_path: Path) -> None:
    files = {
        "group_vars/known/main.yml": "of: known\nonly: known\n",
        "group_vars/late.yml": "of: late\n",
        "group_vars/above.yml": "of: above\nhigh: above\n",
        "site.yml": """
- hosts: all
  gather_facts: false
  tasks:
    - debug: msg="{{ of | default('nothing') }}"
    - group_by: {key: known}
    - debug: msg="{{ of }} {{ only }}"
    - group_by: {key: late, parents: above}
    - debug: msg="{{ of }} {{ only }} {{ high }}"
    - add_host: {name: new, groups: known, ansible_connection: local, only: own}
      run_once: true
- hosts: late
  gather_facts: false
  tasks:
    - debug: msg="{{ of }} {{ hostvars.new.only }} {{ hostvars.new.of }}"
- hosts: new
  gather_facts: false
  tasks:
    - debug: msg="{{ of }} {{ only }}"
""",
    }
    told = run_files(tmp_path, files)
    assert told.messages() == ["nothing", "known known", "late known above", "late own known"]
    assert told.messages("new") == ["known own"]


def test_a_host_that_joins_a_group_is_in_the_groups_above_it(tmp_path: Path) -> None:
    told = run_files(tmp_path, {
        "inventory.ini": "[web]\na ansible_connection=local\n[prod:children]\nweb\n[prod:vars]\nsize=large\n",
        "site.yml": """
- hosts: web
  gather_facts: false
  tasks:
    - group_by: {key: late, parents: above}
    - add_host: {name: new, groups: [web, late], ansible_connection: local}
- hosts: prod:&above
  gather_facts: false
  tasks:
    - debug: {msg: "{{ size }} {{ group_names | join(' ') }}"}
""",
    })  # fmt: skip
    assert told.messages("new") == ["large above late prod web"] == told.messages("a")


def test_what_steers_a_connection_may_not_come_from_a_host(tmp_path: Path) -> None:
    told = run_files(tmp_path, {"site.yml": """
- hosts: all
  gather_facts: false
  tasks:
    - command: echo evil
      register: said
    - add_host: {name: new, groups: fresh, ansible_connection: local, ansible_host: "{{ said.stdout }}"}
- hosts: fresh
  gather_facts: false
  tasks: []
"""})
    assert "ansible_host must come from the play or the inventory alone" in told.failures()[0]
    assert "new" not in told.outcome.counts


def test_a_name_that_could_be_an_option_is_refused(tmp_path: Path) -> None:
    told = run_files(tmp_path, {"site.yml": """
- hosts: all
  gather_facts: false
  tasks:
    - add_host: {name: "-oProxyCommand=sh"}
"""})
    assert "cannot be the name of a host" in told.failures()[0]


def test_a_secret_does_not_join_the_inventory(tmp_path: Path) -> None:
    told = run_files(tmp_path, {"site.yml": """
- hosts: all
  gather_facts: false
  tasks:
    - add_host: {name: new, token: "{{ password }}"}
"""}, variables={"password": Secret("root-password")})
    assert told.count("failed") == 1
    assert "new" not in told.outcome.counts


def test_a_host_is_ungrouped_as_long_as_it_is_in_no_group(tmp_path: Path) -> None:
    told = run_files(tmp_path, {"inventory.ini": "a ansible_connection=local\n", "site.yml": HEAD + """\
    - debug: {msg: "{{ group_names }}"}
    - group_by: {key: made}
    - add_host: {name: late, ansible_connection: local}
    - debug: {msg: "{{ group_names }} {{ groups.ungrouped }}"}
"""})  # fmt: skip
    assert told.messages() == [["ungrouped"], "['made'] ['late']"]
