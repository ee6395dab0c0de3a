"""Files of `vars_files` whose names a host gives, as ansible-core 2.19 treats them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.execute.playing import Told, run_files

INVENTORY = """\
[every]
a pick=one base=of-a
b pick=two
[all:vars]
ansible_connection=local
"""
FILES = {
    "inventory.ini": INVENTORY,
    "vars/one.yml": "{own: '{{ base }} one', level: file}\n",
    "two.yml": "{own: two, level: file}\n",
    "other.yml": "own: other\n",
}


def play(tmp_path: Path, names: str, tasks: str, more: str = "", facts: bool = False, **files: str) -> Told:
    """Run a play with these files of variables on a and b."""
    text = f"- hosts: all\n  gather_facts: {facts}\n  vars_files: {names}\n{more}  tasks:\n{tasks}"
    named = {name.replace("_yml", ".yml"): content for name, content in files.items()}
    return run_files(tmp_path, {"site.yml": text, **FILES, **named}, "ab")


def test_each_host_reads_the_file_that_its_variables_name(tmp_path: Path) -> None:
    told = play(tmp_path, "['{{ pick }}.yml']", '    - debug: msg="{{ own }}"\n')
    assert (told.messages("a"), told.messages("b")) == (["of-a one"], ["two"])
    assert [event["module"] for event in told.of("result")] == ["ansible.builtin.debug"] * 2, "files are no tasks"


def test_of_an_inner_list_the_first_that_exists_counts(tmp_path: Path) -> None:
    told = play(
        tmp_path, "[['{{ pick }}-none.yml', 'vars/{{ pick }}.yml', other.yml]]", '    - debug: msg="{{ own }}"\n'
    )
    assert (told.messages("a"), told.messages("b")) == (["of-a one"], ["other"])


def test_a_name_of_facts_is_known_once_they_were_gathered(tmp_path: Path) -> None:
    tasks = (
        '    - debug: msg="{{ sys | default(0) }}"\n    - setup: {gather_subset: min}\n    - debug: msg="{{ sys }}"\n'
    )
    told = play(tmp_path, "['{{ ansible_system }}.yml']", tasks, Linux_yml="sys: 1\n")
    assert told.messages("a") == told.messages("b") == [0, 1]
    (warning,) = told.of("warning", "a")
    assert warning["msg"] == "a file of vars_files is passed over: 'ansible_system' is undefined"
    told = play(tmp_path, "['{{ ansible_system }}.yml']", '    - debug: msg="{{ sys }}"\n', facts=True)
    assert told.messages("a") == [1] and told.of("warning") == []


def test_later_files_and_variables_win_as_in_ansible(tmp_path: Path) -> None:
    tasks = (
        '    - debug: msg="{{ level }} {{ last }}"\n'
        '    - debug: msg="{{ level }}"\n      vars: {level: task}\n'
        '    - include_vars: included.yml\n    - debug: msg="{{ level }}"\n'
    )
    told = play(
        tmp_path, "['{{ pick }}.yml', last.yml, '{{ last }}-{{ inventory_hostname }}.yml']", tasks,
        "  vars: {level: play, last: play}\n", **{
            "last_yml": "last: yes-it-is\n", "yes-it-is-a_yml": "x: 1\n", "yes-it-is-b_yml": "last: own\n",
            "included_yml": "level: included\n",
        })  # fmt: skip
    assert told.messages("a") == ["file yes-it-is", "task", "included"]
    assert told.messages("b")[0] == "file own"


def test_what_is_set_during_the_run_names_no_file(tmp_path: Path) -> None:
    tasks = '    - set_fact: {pick: other}\n    - debug: msg="{{ own }}"\n'
    assert play(tmp_path, "['{{ pick }}.yml']", tasks).messages("a") == ["of-a one"]


def test_a_delegated_task_sees_what_its_host_read(tmp_path: Path) -> None:
    tasks = (
        '    - command: echo "{{ own }}"\n      delegate_to: b\n      register: told\n'
        '    - debug: msg="{{ told.stdout }}"\n'
    )
    told = play(tmp_path, "['{{ pick }}.yml']", tasks)
    assert (told.messages("a"), told.messages("b")) == (["of-a one"], ["two"])


def test_a_later_play_has_files_of_its_own(tmp_path: Path) -> None:
    tasks = (
        '    - debug: msg="{{ own }}"\n- hosts: all\n  gather_facts: false\n  tasks:\n'
        '    - debug: msg="{{ own is defined }}"\n'
    )
    assert play(tmp_path, "['{{ pick }}.yml']", tasks).messages("a") == ["of-a one", False]


def test_a_file_that_is_not_there_fails_the_host_with_the_places(tmp_path: Path) -> None:
    told = play(
        tmp_path,
        "['{{ pick }}.yml', '{{ inventory_hostname }}-b.yml']",
        "    - debug: msg=1\n",
        **{"b-b_yml": "x: 1\n"},
    )
    assert told.failures("a") == [f"Could not find file a-b.yml; looked in {tmp_path}/vars, {tmp_path}"]
    assert told.messages("b") == ["1"]


def test_an_undefined_name_fails_once_facts_were_gathered(tmp_path: Path) -> None:
    told = play(tmp_path, "['{{ nobody_sets_it }}.yml']", "    - debug: msg=1\n", facts=True)
    assert told.failures("a") == ["'nobody_sets_it' is undefined"]


@pytest.mark.parametrize("task", ["debug: {}", "include_vars: 'hv_{{ inventory_hostname }}.yml'"])
def test_a_file_may_read_what_other_hosts_have(tmp_path: Path, task: str) -> None:
    names = "['hv_{{ inventory_hostname }}.yml']" if task.startswith("debug") else "[]"
    tasks = f'    - {task}\n    - debug: msg="{{{{ theirs }}}}"\n'
    files = {"hv_a_yml": "theirs: \"{{ hostvars['b'].pick }}\"\n", "hv_b_yml": "theirs: \"{{ hostvars['a'].base }}\"\n"}
    told = play(tmp_path, names, tasks, **files)
    assert (told.messages("a")[-1], told.messages("b")[-1]) == ("two", "of-a")


def test_a_rescue_and_handlers_see_the_files_too(tmp_path: Path) -> None:
    tasks = (
        "    - block:\n        - command: /bin/true\n          notify: tell\n        - fail:\n"
        '      rescue:\n        - debug: msg="{{ own }}"\n'
        '  handlers:\n    - name: tell\n      debug: msg="{{ own }}!"\n'
    )
    assert play(tmp_path, "['{{ pick }}.yml']", tasks).messages("b") == ["two", "two!"]


def test_a_fact_never_leads_out_of_the_playbooks_directories(tmp_path: Path) -> None:
    outside = tmp_path.parent / "outside.yml"
    outside.write_text("own: stolen\n")
    tasks = (
        "    - command: echo ../outside\n      register: told\n    - setup: {gather_subset: min, fact_path: DIR}\n"
        '    - debug: msg="{{ own }}"\n'
    ).replace("DIR", str(tmp_path / "facts"))
    (tmp_path / "facts").mkdir()
    (tmp_path / "facts" / "told.fact").write_text('{"where": "../outside"}')
    told = play(tmp_path, "['{{ ansible_local.told.where }}.yml']", tasks)
    assert told.failures("a") == ["../outside.yml lies outside the directories of this step"]
