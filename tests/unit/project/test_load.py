"""Projects: what is read, where it is looked up, and every refusal with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from clusterbook.errors import InvalidProject
from clusterbook.language.values import Template
from clusterbook.model import Block, Project, Task
from clusterbook.project import load
from clusterbook.project.load import project_root
from clusterbook.source import UnreadVariables


def project(directory: Path, files: dict[str, str]) -> Path:
    """Files of a project; the playbook is site.yml."""
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return directory / "site.yml"


def read(directory: Path, tasks: str, **files: str) -> Project:
    """A project whose only play has these tasks (YAML, not indented)."""
    indented = "".join(f"    {line}\n" for line in tasks.splitlines())
    return load(project(directory, {"site.yml": f"- hosts: all\n  tasks:\n{indented}", **files}))


def first(directory: Path, tasks: str) -> Task:
    """The first task of those."""
    task = read(directory, tasks).plays[0].tasks[0]
    assert isinstance(task, Task)
    return task


def refusals(playbook: Path) -> list[str]:
    """FILE:LINE:COLUMN: MESSAGE of every problem."""
    with pytest.raises(InvalidProject) as caught:
        load(playbook)
    return [
        f"{str(item.where).removeprefix(str(playbook.parent) + '/')}: {item.message}" for item in caught.value.problems
    ]


def task_refusals(directory: Path, tasks: str) -> list[str]:
    """LINE:COLUMN: MESSAGE of every problem of these tasks; the first line is 1, its first column 1."""
    indented = "".join(f"    {line}\n" for line in tasks.splitlines())
    found = []
    for item in refusals(project(directory, {"site.yml": f"- hosts: all\n  tasks:\n{indented}"})):
        place, message = item.removeprefix("site.yml:").split(": ", 1)
        line, column = place.split(":")
        found.append(f"{int(line) - 2}:{int(column) - 4}: {message}")
    return found


def test_a_play_is_read_with_its_parts_and_keywords(tmp_path: Path) -> None:
    files = {
        "site.yml": "- name: P\n  hosts: web\n  become: 'yes'\n  gather_facts: no\n  serial: 2\n  vars: {a: 1}\n"
        "  vars_files: [one.yml, [none.yml, two.yml]]\n  roles: [web, {role: db, db_port: 5, when: x}]\n"
        "  pre_tasks: [{debug: }]\n  post_tasks: [{meta: noop}]\n  handlers: [{name: h, listen: l, debug: }]\n",
        "one.yml": "b: 2\n", "two.yml": "c: 3\n",
        "roles/web/tasks/main.yml": "- debug:\n", "roles/db/tasks/main.yml": "",
    }  # fmt: skip
    play = load(project(tmp_path, files)).plays[0]
    assert (play.name, play.hosts, play.variables) == ("P", "web", {"a": 1})
    assert play.keywords == {"become": True, "gather_facts": False, "serial": 2}
    assert play.vars_files == ({"b": 2}, {"c": 3})
    assert [(use.name, use.parameters, use.keywords) for use in play.roles] == [
        ("web", {}, {}), ("db", {"db_port": 5}, {"when": "x"}),
    ]  # fmt: skip
    assert play.position.line == 1
    handler = play.handlers[0]
    assert isinstance(handler, Task) and handler.keywords == {"listen": "l"}


def test_a_role_is_read_whole(tmp_path: Path) -> None:
    role = {
        "defaults/main.yml": "a: 1\n", "vars/main.yml": "b: 2\n", "handlers/main.yml": "- {name: h, debug: }\n",
        "tasks/main.yml": "- import_tasks: deep/more.yml\n", "tasks/deep/more.yml": "- debug:\n",
        "meta/main.yml": "dependencies: [base]\n",
        "meta/argument_specs.yml": "argument_specs: {main: {options: {a: {type: int, description: A.}}}}\n",
    }  # fmt: skip
    files = {f"roles/web/{name}": text for name, text in role.items()}
    loaded = load(
        project(tmp_path, {"site.yml": "- hosts: all\n  roles: [web]\n", "roles/base/tasks/main.yml": "", **files})
    )
    web = loaded.roles["web"]
    assert (web.defaults, web.variables, web.path) == ({"a": 1}, {"b": 2}, str(tmp_path / "roles/web"))
    assert set(web.task_files) == {"tasks/main.yml", "tasks/deep/more.yml"}
    assert [use.name for use in web.dependencies] == ["base"] and "base" in loaded.roles
    assert web.argument_specs["main"]["options"]["a"]["type"] == "int"
    assert len(web.handlers) == 1


def test_roles_are_found_beside_the_playbook_then_in_the_project(tmp_path: Path) -> None:
    files = {"playbooks/site.yml": "- hosts: all\n  roles: [a, b, ./c, kubelet]\n"}
    files |= {f"{place}/tasks/main.yml": "" for place in ("roles/a", "roles/b", "playbooks/roles/a", "playbooks/c")}
    project(tmp_path, files)
    assert project_root(tmp_path / "playbooks/site.yml") == tmp_path / "playbooks"
    loaded = load(tmp_path / "playbooks/site.yml", root=tmp_path)
    assert loaded.roles["a"].path == str(tmp_path / "playbooks/roles/a")
    assert loaded.roles["b"].path == str(tmp_path / "roles/b")
    assert loaded.roles["./c"].path == str(tmp_path / "playbooks/c")
    assert loaded.roles["kubelet"].path.endswith("roles/kubelet")


def test_imported_playbooks_hand_down_variables_tags_and_conditions(tmp_path: Path) -> None:
    files = {
        "site.yml": "- import_playbook: sub/one.yml\n  vars: {a: 2}\n  when: x\n  tags: [t]\n",
        "sub/one.yml": "- hosts: all\n  vars: {a: 1, b: 1}\n  tags: u\n",
    }
    play = load(project(tmp_path, files)).plays[0]
    assert play.variables == {"a": 2, "b": 1}
    assert play.keywords == {"when": ["x"], "tags": ["t", "u"]}


def test_task_files_outside_roles_are_read_once_even_when_they_include_themselves(tmp_path: Path) -> None:
    loaded = read(
        tmp_path,
        "- import_tasks: tasks/a.yml\n- include_tasks: {file: tasks/a.yml}",
        **{"tasks/a.yml": "- include_tasks: b.yml\n", "tasks/b.yml": "- include_tasks: a.yml\n  when: more\n"},
    )
    assert set(loaded.task_files) == {str(tmp_path / "tasks/a.yml"), str(tmp_path / "tasks/b.yml")}


def test_blocks_keep_their_parts(tmp_path: Path) -> None:
    block = (
        read(
            tmp_path,
            "- name: B\n  when: x\n  block: [{debug: }]\n  rescue: [{fail: }]\n  always: [{debug: }, {debug: }]",
        )
        .plays[0]
        .tasks[0]
    )
    assert isinstance(block, Block)
    assert (block.name, block.keywords, len(block.body), len(block.rescue), len(block.always)) == (
        "B", {"when": "x"}, 1, 1, 2,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "module", "arguments"),
    [
        ("copy: {src: a, dest: b}", "ansible.builtin.copy", {"src": "a", "dest": "b"}),
        ("ansible.builtin.copy: src=a dest='b c'", "ansible.builtin.copy", {"src": "a", "dest": "b c"}),
        ("command: ls -l 'a  b' creates=/x chdir=/tmp k=v", "ansible.builtin.command",
         {"_raw_params": "ls -l 'a  b' k=v", "creates": "/x", "chdir": "/tmp"}),
        ("action: copy src=a dest=b", "ansible.builtin.copy", {"src": "a", "dest": "b"}),
        ("action: {module: copy, src: a, dest: b}", "ansible.builtin.copy", {"src": "a", "dest": "b"}),
        ("{command: id, args: {chdir: /}}", "ansible.builtin.command", {"_raw_params": "id", "chdir": "/"}),
        (r"""replace: path=/x regexp='\\bx' replace='\1\n'""", "ansible.builtin.replace",
         {"path": "/x", "regexp": r"\bx", "replace": "\\1\n"}),
        ("meta: flush_handlers", "ansible.builtin.meta", {"free_form": "flush_handlers"}),
        ("import_tasks: x.yml", "ansible.builtin.import_tasks", {"_raw_params": "x.yml"}),
        ("debug:", "ansible.builtin.debug", {}),
    ],
)  # fmt: skip
def test_every_way_to_write_a_modules_arguments(tmp_path: Path, text: str, module: str, arguments: object) -> None:
    (tmp_path / "x.yml").write_text("")
    task = first(tmp_path, f"- {text}")
    assert (task.module, task.arguments) == (module, arguments)


def test_expressions_in_text_arguments_stay_templates(tmp_path: Path) -> None:
    shell = first(tmp_path, '- shell: echo "{{ a b }}" {{ c | d }} creates={{ e }}').arguments
    assert shell["_raw_params"].text == 'echo "{{ a b }}" {{ c | d }}'
    assert isinstance(shell["creates"], Template) and shell["creates"].text == "{{ e }}"
    copy = first(tmp_path, "- copy: src=a dest={{ b }} mode=0644").arguments
    assert (copy["src"], copy["dest"].text, copy["mode"]) == ("a", "{{ b }}", "0644")
    assert isinstance(first(tmp_path, "- copy: '{{ all_of_them }}'").arguments, Template)


def test_a_command_of_several_lines_keeps_them(tmp_path: Path) -> None:
    task = first(tmp_path, "- shell: |\n    cat <<END\n    k=v\n    END\n- debug:")
    assert task.arguments == {"_raw_params": "cat <<END\nk=v\nEND\n"}
    joined = first(tmp_path, "- command: |\n    echo a \\\n      b creates=/x\n- debug:")
    assert joined.arguments == {"_raw_params": "echo a b", "creates": "/x"}


def test_a_local_action_runs_on_the_local_machine(tmp_path: Path) -> None:
    task = first(tmp_path, "- local_action: command id")
    assert task.module == "ansible.builtin.command" and task.arguments == {"_raw_params": "id"}
    assert task.keywords == {"delegate_to": "localhost", "connection": "local"}


def test_a_role_and_its_task_file_that_a_task_names_are_read(tmp_path: Path) -> None:
    loaded = read(
        tmp_path, "- include_role: {name: web, tasks_from: other}", **{"roles/web/tasks/other.yml": "- debug:\n"}
    )
    assert "tasks/other.yml" in loaded.roles["web"].task_files


@pytest.mark.parametrize(
    ("tasks", "problems"),
    [
        (
            "- service:\n    name: x\n    enable: true",
            ["3:5: unknown parameter 'enable' of module 'service'; did you mean 'enabled'?"],
        ),
        ("- coppy: {}", ["1:3: 'coppy' is neither a module nor a keyword of a task; did you mean 'copy'?"]),
        ("- debug:\n  notfy: x", ["2:3: unknown keyword 'notfy' of a task; did you mean 'notify'?"]),
        ("- debug:\n  listen: x", ["2:3: unknown keyword 'listen' of a task"]),
        ("- debug:\n  file: {path: /x}", ["2:3: a task has one module, this one has 'debug' and 'file'"]),
        ("- name: nothing", ["1:3: the task names no module"]),
        ("- file: {path: /x, state: dir}",
         ["1:27: module 'file': state is 'dir', expected one of absent, directory, file, hard, link, touch"]),
        ("- file: {state: directory}", ["1:3: module 'file': parameter 'path' is missing"]),
        ("- debug: text", ["1:3: module 'debug' takes no text, but got 'text'"]),
        ("- debug: [a]", ["1:3: the arguments of 'debug' are ['a'], expected a mapping"]),
        ("- action: copyy src=a", ["1:3: there is no module 'copyy'; did you mean 'copy'?"]),
        ("- shell: echo 'a", ["1:3: ' is opened but not closed in the module's arguments"]),
        ("- command: id\n  args: '{{ x }}'",
         ["1:3: 'args' cannot be combined with arguments that are only known during the run"]),
        ("- become: maybe\n  debug:", ["1:11: 'become' is 'maybe', expected true or false"]),
        ("- import_tasks: none.yml", ["1:3: there is no task file 'none.yml'"]),
        ("- import_role: {name: kubelett}", ["1:17: there is no role 'kubelett'; did you mean 'kubelet'?"]),
        ("- import_role: {name: kubelet, tasks_from: instal}",
         ["1:32: role 'kubelet' has no task file 'instal'; did you mean 'install'?"]),
        ("- block:\n  - coppy: {}\n  rescue:\n  - debug: {mgs: 1}",
         ["2:5: 'coppy' is neither a module nor a keyword of a task; did you mean 'copy'?",
          "4:13: unknown parameter 'mgs' of module 'debug'; did you mean 'msg'?"]),
    ],
)  # fmt: skip
def test_a_wrong_task_says_what_and_where(tmp_path: Path, tasks: str, problems: list[str]) -> None:
    assert task_refusals(tmp_path, tasks) == problems


def test_an_unknown_parameter_lists_those_that_are_known(tmp_path: Path) -> None:
    with pytest.raises(InvalidProject) as caught:
        read(tmp_path, "- debug: {mgs: 1}")
    assert caught.value.problems[0].next_step == "Write 'msg' instead. Parameters of debug: msg, var, verbosity."


def test_problems_of_every_file_come_together_file_by_file(tmp_path: Path) -> None:
    playbook = project(
        tmp_path,
        {
            "site.yml": "- hosts: all\n  roles: [wep, web]\n  vars_files: [v.yml, '{{ 1 | nope }}']\n  taks: []\n"
            "- import_playbook: other.yml\n- import_playbook: '{{ x }}'\n",
            "roles/web/tasks/main.yml": "- debug: {mgs: 1}\n- a: b: c\n",
            "roles/web/defaults/main.yml": "- a\n",
        },
    )
    assert refusals(playbook) == [
        "site.yml:2:11: there is no role 'wep'; did you mean 'web'?",
        "site.yml:3:16: there is no file of variables 'v.yml'",
        "site.yml:3:23: a name in vars_files cannot be evaluated before the run: "
        "syntax error in template: No filter named 'nope'.",
        "site.yml:4:3: unknown keyword 'taks' of a play; did you mean 'tasks'?",
        "site.yml:5:3: there is no playbook 'other.yml'",
        "site.yml:6:3: the name of an imported playbook cannot be evaluated before the run: 'x' is undefined",
        "roles/web/defaults/main.yml:1:1: the file is ['a'], expected a mapping",
        "roles/web/tasks/main.yml:2:7: this is not YAML: mapping values are not allowed in this context",
    ]


def test_playbooks_that_import_each_other_are_refused(tmp_path: Path) -> None:
    playbook = project(tmp_path, {"site.yml": "- import_playbook: site.yml\n"})
    assert refusals(playbook) == ["site.yml:1:3: playbook 'site.yml' is imported more than 20 levels deep"]


def test_a_playbook_that_is_missing_is_named(tmp_path: Path) -> None:
    assert refusals(tmp_path / "none.yml") == [f"none.yml: cannot read '{tmp_path}/none.yml': there is no such file"]


def test_a_module_that_is_not_supported_says_what_to_do_instead(tmp_path: Path) -> None:
    tasks = "- ansible.posix.synchronize: {src: a, dest: b}\n- action: subversion repo=a"
    assert task_refusals(tmp_path, tasks) == [
        "1:3: module 'ansible.posix.synchronize' is not supported", "2:3: module 'subversion' is not supported"]
    with pytest.raises(InvalidProject) as caught:
        load(tmp_path / "site.yml")
    assert caught.value.problems[0].next_step.startswith("Use copy (only what differs is sent)")


def test_files_of_vars_files_lie_below_vars_or_beside_the_playbook(tmp_path: Path) -> None:
    files = {
        "site.yml": "- hosts: all\n  vars_files: [one.yml, vars/two.yml, three.yml]\n", "vars/one.yml": "a: 1\n",
        "one.yml": "a: 2\n", "vars/two.yml": "b: 3\n", "three.yml": "c: 4\n",
    }  # fmt: skip
    (play,) = load(project(tmp_path, files)).plays
    assert play.vars_files == ({"a": 1}, {"b": 3}, {"c": 4})


def test_a_file_of_vars_files_whose_name_needs_a_host_is_left_to_the_run(tmp_path: Path) -> None:
    files = {"site.yml": "- hosts: all\n  vars_files: ['{{ of_a_host }}.yml', last.yml]\n", "last.yml": "c: 4\n"}
    (play,) = load(project(tmp_path, files)).plays
    unread, last = play.vars_files
    assert isinstance(unread, UnreadVariables) and unread == {} and last == {"c": 4}
    assert unread.position.line == 2 and [name.text for name in unread.names] == ["{{ of_a_host }}.yml"]


def test_tolerant_reading_leaves_a_wrong_task_to_its_run(tmp_path: Path) -> None:
    playbook = project(tmp_path, {"site.yml": (
        "- hosts: all\n  tasks:\n    - no_such_module: {a: b}\n      ignore_errors: true\n"
        "    - file: {stat: x}\n    - action: nothing a=b\n"
    )})  # fmt: skip
    missing, wrong, action = load(playbook, tolerant=True).plays[0].tasks
    assert isinstance(missing, Task) and isinstance(wrong, Task) and isinstance(action, Task)
    assert (missing.module, missing.keywords) == ("ansible.builtin.fail", {"ignore_errors": True})
    assert "'no_such_module' is neither a module nor a keyword" in missing.arguments["msg"]
    assert (wrong.module, dict(wrong.arguments)) == ("ansible.builtin.file", {"stat": "x"})
    assert action.arguments["msg"] == "there is no module 'nothing'"


def test_names_of_text_arguments_may_hold_expressions(tmp_path: Path) -> None:
    arguments = first(tmp_path, "- set_fact: x_{{ a }}=1 b=2").arguments
    assert [getattr(name, "text", name) for name in arguments] == ["x_{{ a }}", "b"]


def test_the_name_of_an_imported_playbook_may_use_extra_variables_and_those_of_the_import(tmp_path: Path) -> None:
    files = {
        "site.yml": "- ansible.legacy.import_playbook: '{{ place }}/{{ name }}.yml'\n  vars: {name: one}\n",
        "sub/one.yml": "- hosts: all\n",
    }
    loaded = load(project(tmp_path, files), extra_variables={"place": "sub"})
    assert [play.hosts for play in loaded.plays] == ["all"]


def test_names_in_vars_files_know_the_plays_variables_files_before_and_extra_variables(tmp_path: Path) -> None:
    names = "['{{ kind }}.yml', '{{ next }}.yml', ['{{ env | default(\"dev\") }}.yml', last.yml]]"
    files = {
        "site.yml": f"- hosts: all\n  vars: {{kind: one}}\n  vars_files: {names}\n",
        "one.yml": "{a: 1, next: two}\n", "two.yml": "b: 2\n", "prod.yml": "c: 3\n", "last.yml": "c: 4\n",
    }  # fmt: skip
    first = {"a": 1, "next": "two"}
    for extra, last in (({"env": "prod"}, 3), ({}, 4)):
        (play,) = load(project(tmp_path, files), extra_variables=extra).plays
        assert play.vars_files == (first, {"b": 2}, {"c": last})
    (play,) = load(project(tmp_path, files), extra_variables={"kind": "two", "next": "one"}).plays
    assert play.vars_files[:2] == ({"b": 2}, first)


def test_tolerant_reading_leaves_what_an_include_names_to_its_run(tmp_path: Path) -> None:
    tasks = "- include_tasks: wrong.yml\n- include_role: {name: none}\n- add_host: no parameters\n"
    files = {"site.yml": "- hosts: all\n  tasks:\n" + "".join(f"    {line}\n" for line in tasks.splitlines())}
    loaded = load(project(tmp_path, {**files, "wrong.yml": "only a text\n"}), tolerant=True)
    last = loaded.plays[0].tasks[-1]
    assert isinstance(last, Task) and last.module == "ansible.builtin.fail"
    assert loaded.task_files == {} and loaded.roles == {}


def test_tolerant_reading_words_wrong_options_of_the_interpreters_own_modules_as_ansible(tmp_path: Path) -> None:
    files = {"site.yml": "- hosts: all\n  tasks: [{debug: {mgs: 1, x: 2}}]\n"}
    task = load(project(tmp_path, files), tolerant=True).plays[0].tasks[0]
    assert isinstance(task, Task) and task.arguments == {"msg": "Invalid options for debug: mgs,x"}


def test_modules_and_parameters_of_module_defaults_are_checked(tmp_path: Path) -> None:
    defaults = "{coppy: {a: 1}, copy: {moed: x}, group/aws: {region: x}, file: {state: presnt}, subversion: {}}"
    site = f"- hosts: all\n  module_defaults: {defaults}\n  tasks: [{{ping: }}]\n"
    assert [item.split(": ", 1)[1] for item in refusals(project(tmp_path, {"site.yml": site}))] == [
        "module_defaults: there is no module 'coppy'; did you mean 'copy'?",
        "unknown parameter 'moed' of module 'copy'; did you mean 'mode'?",
        "module_defaults: 'group/aws' names a group of modules, and there are none here",
        "module_defaults of 'file': state is 'presnt', expected one of absent, directory, file, hard, link, touch",
        "module_defaults: module 'subversion' is not supported",
    ]


def test_what_a_module_requires_may_come_from_module_defaults(tmp_path: Path) -> None:
    play = "- hosts: all\n  module_defaults: {user: {name: x}}\n  tasks:\n    - user: {shell: /bin/sh}\n"
    assert load(project(tmp_path, {"site.yml": play})).plays
    other = play.replace("user: {name: x}", "file: {mode: '0600'}")
    assert refusals(project(tmp_path, {"site.yml": other})) == [
        "site.yml:4:7: module 'user': parameter 'name' is missing"]  # fmt: skip
