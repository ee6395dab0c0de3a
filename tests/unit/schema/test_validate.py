"""Problems that the schemas find: message, place and next step."""

from __future__ import annotations

import pytest
from referencing.exceptions import NoSuchResource

from clusterbook.errors import InvalidProject, Position
from clusterbook.schema import check, nearest, problems, suggestion
from clusterbook.schema.complaints import registry
from clusterbook.source import load_text


def found(text: str, schema: str) -> list[tuple[str, str]]:
    """(place, message) of every problem of a text."""
    return [(str(item.where), item.message) for item in problems(load_text(text, "x.yml"), schema)]


def test_what_is_right_has_no_problems() -> None:
    text = (
        "- hosts: all\n  become: yes\n  serial: [1, '50%']\n  roles: [a, {role: b, port: 80}]\n  tasks:\n  - debug:\n"
    )
    assert found(text, "playbook.schema.json") == []


def test_all_problems_come_at_once_in_the_order_of_the_file() -> None:
    text = "- hosts: all\n  gather_fact: no\n  serial: {a: 1}\n  tasks: 5\n- host: all\n"
    assert found(text, "playbook.schema.json") == [
        ("x.yml:2:3", "unknown keyword 'gather_fact' of a play; did you mean 'gather_facts'?"),
        ("x.yml:3:11", "'serial' is {'a': 1}, expected a number, a percentage or a list of them"),
        ("x.yml:4:10", "'tasks' is 5, expected a list of tasks"),
        ("x.yml:5:3", "unknown keyword 'host' of a play; did you mean 'hosts'?"),
        ("x.yml:5:3", "keyword 'hosts' is missing in a play"),
    ]


@pytest.mark.parametrize(
    ("text", "schema", "message"),
    [
        ("a: 1\n", "playbook.schema.json", "the file is {'a': 1}, expected a list of plays"),
        ("[]", "playbook.schema.json", "the file is [], expected a list of plays"),
        (
            "- import_playbook: x\n  become: true",
            "playbook.schema.json",
            "unknown keyword 'become' of import_playbook",
        ),
        (
            "- hosts: all\n  roles: [{foo: 1}]",
            "playbook.schema.json",
            "'roles' item is {'foo': 1}, expected a mapping with 'role'",
        ),
        (
            "- hosts: all\n  strategy: fast",
            "playbook.schema.json",
            "'strategy' is 'fast', expected one of linear, free, host_pinned, ansible.builtin.linear, "
            "ansible.builtin.free, ansible.builtin.host_pinned",
        ),
        (
            "- hosts: all\n  max_fail_percentage: 101",
            "playbook.schema.json",
            "'max_fail_percentage' is 101, expected 100 or less",
        ),
        ("- become: 7\n  debug:", "tasks.schema.json", "'become' is 7, expected true or false"),
        ("- retries: many\n  debug:", "tasks.schema.json", "'retries' is 'many', expected a whole number"),
        ("- retries: -1\n  debug:", "tasks.schema.json", "'retries' is -1, expected 0 or more"),
        (
            "- when: {a: b}\n  debug:",
            "tasks.schema.json",
            "'when' is {'a': 'b'}, expected an expression or a list of expressions",
        ),
        (
            "- register: '{{ a }}'\n  debug:",
            "tasks.schema.json",
            "'register' is '{{ a }}', which is only known during the run",
        ),
        (
            "- block: []\n  resque: []",
            "tasks.schema.json",
            "unknown keyword 'resque' of a block; did you mean 'rescue'?",
        ),
        (
            "- loop_control: {loop_vra: x}\n  debug:",
            "tasks.schema.json",
            "unknown key 'loop_vra' of loop_control; did you mean 'loop_var'?",
        ),
        (
            "a-b: 1",
            "role-variables.schema.json",
            "'a-b' cannot be a name here, expected a name of letters, digits and underscores that does not start "
            "with a digit",
        ),
        (
            "argument_specs: {main: {options: {x: {type: strin}}}}",
            "role-argument-specs.schema.json",
            "'type' is 'strin', expected one of str, int, float, bool, list, dict, path, raw, bytes, bits, json, "
            "jsonarg, any",
        ),
        (
            "argument_specs: {main: {options: {x: {descripton: y}}}}",
            "role-argument-specs.schema.json",
            "unknown key 'descripton' of an input; did you mean 'description'?",
        ),
        (
            "dependencies: [{rol: x}]",
            "role-meta.schema.json",
            "'dependencies' item is {'rol': 'x'}, expected a mapping with 'role'",
        ),
        (
            "all: {childs: {}}",
            "inventory.schema.json",
            "unknown key 'childs' of a group; did you mean 'children'?",
        ),
        ("all: {hosts: {a: 1}}", "inventory.schema.json", "'a' is 1, expected a mapping"),
        ("'a b': {}", "inventory.schema.json", "'a b' cannot be a name here, expected the name of a group"),
    ],
)
def test_a_problem_is_said_in_words(text: str, schema: str, message: str) -> None:
    assert [item[1] for item in found(text, schema)] == [message]


def test_a_template_fits_everywhere_but_where_a_literal_is_needed() -> None:
    text = "- become: '{{ x }}'\n  retries: '{{ x }}'\n  when: '{{ x }}'\n  loop: '{{ x }}'\n  debug:"
    assert found(text, "tasks.schema.json") == []


def test_the_next_step_names_the_right_word_or_all_that_are_known() -> None:
    near, far = (
        problems(load_text(f"all: {{{key}: }}", "x.yml"), "inventory.schema.json")[0] for key in ("host", "zzz")
    )
    assert near.next_step == "Write 'hosts' instead, or remove it."
    assert far.next_step == "Remove it; known are: children, hosts, vars."


def test_an_empty_file_has_the_place_that_the_caller_gives() -> None:
    problem = problems(None, "playbook.schema.json", where=Position("x.yml", 1, 1))[0]
    assert (problem.message, str(problem.where)) == ("the file is empty, expected a list of plays", "x.yml:1:1")


def test_a_long_value_is_shortened() -> None:
    message = found(f"- retries: {'x' * 500}\n  debug:", "tasks.schema.json")[0][1]
    assert len(message) < 140 and "…" in message


def test_check_raises_every_problem_together() -> None:
    with pytest.raises(InvalidProject) as caught:
        check(load_text("- hots: all\n  vras: {}", "x.yml"), "playbook.schema.json")
    assert len(caught.value.problems) == 3


def test_the_nearest_name_is_offered_only_when_it_is_near() -> None:
    assert nearest("enable", ["enabled", "name"]) == "enabled"
    assert suggestion("enable", ["enabled"]) == "; did you mean 'enabled'?"
    assert suggestion("xyz", ["enabled"]) == ""


@pytest.mark.parametrize("name", ["https://192.0.2.1/other.json", "file:///etc/passwd", "http://json-schema.org/x"])
def test_a_schema_elsewhere_is_never_fetched(name: str) -> None:
    with pytest.raises(NoSuchResource):
        registry().get_or_retrieve(name)
