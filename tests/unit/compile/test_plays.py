"""From a project to programs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from clusterbook.compile import Plan, Selection, compile_plan
from clusterbook.compile.patience import patience_of
from clusterbook.compile.walk import every_step
from clusterbook.errors import InvalidInput, Position
from clusterbook.language.program import Flush, Group
from clusterbook.language.values import Secret, Template
from clusterbook.model import Block, Host, Inventory, Play, Project, Role, RoleUse, Task

PLACE = Position("/project/site.yml", 1, 1)


def task(name: str, module: str = "ansible.builtin.command", arguments: Any = None, **keywords: Any) -> Task:
    return Task(name, module, arguments or {"cmd": "true"}, keywords, PLACE)


def play(*tasks: Any, **fields: Any) -> Play:
    base = Play("play", "all", {"gather_facts": False}, {}, (), (), (), tuple(tasks), (), (), PLACE)
    return replace(base, **fields)


def role(name: str, *tasks: Any, **fields: Any) -> Role:
    return replace(Role(name, f"/project/roles/{name}", task_files={"tasks/main.yml": tuple(tasks)}), **fields)


def use(name: str, **fields: Any) -> RoleUse:
    return replace(RoleUse(name, {}, {}, PLACE), **fields)


def compiled(*plays: Play, roles: tuple[Role, ...] = (), selection: Selection | None = None, **variables: Any) -> Plan:
    hosts = {name: Host(name, ("all",), variables.get(name, {})) for name in ("a", "b", "c", "d")}
    inventory = Inventory(hosts, {"all": tuple(hosts)})
    project = Project("/project", plays, {item.name: item for item in roles})
    return compile_plan(project, inventory, selection or Selection(), lambda pattern: list(hosts))


def names(plan: Plan, number: int = 0) -> list[str]:
    return [str(step.name) for step in every_step(plan.plays[number].program.instructions)]


def test_sections_come_in_ansibles_order_with_flushes_between() -> None:
    plan = compiled(
        play(task("t"), pre_tasks=(task("pre"),), post_tasks=(task("post"),), roles=(use("r"),)),
        roles=(role("r", task("in role")),),
    )
    shape = [
        "flush" if isinstance(item, Flush) else [str(step.name) for step in every_step((item,))]
        for item in plan.plays[0].program.instructions
    ]
    assert shape == [["pre"], "flush", ["in role"], ["t"], "flush", ["post"], "flush"]


def test_facts_are_gathered_first_unless_told_not_to() -> None:
    assert names(compiled(play(task("t"), keywords={}))) == ["Gathering Facts", "t"]
    assert names(compiled(play(task("t")))) == ["t"]


def test_conditions_of_block_role_and_task_all_hold() -> None:
    inner = Block("b", {"when": "in_block"}, (task("t", when=["in_task"]),))
    plan = compiled(play(roles=(use("r", keywords={"when": "in_role"}),)), roles=(role("r", inner),))
    step = next(every_step(plan.plays[0].program.instructions))
    assert step.when == ("in_role", "in_block", "in_task")


def test_the_nearest_become_wins() -> None:
    plan = compiled(play(Block("b", {"become": True}, (task("root"), task("user", become=False)))))
    assert [step.become for step in every_step(plan.plays[0].program.instructions)] == [True, False]
    assert plan.plays[0].needs_root


def test_a_play_without_become_needs_no_root() -> None:
    assert not compiled(play(task("t"))).plays[0].needs_root


def test_a_block_without_rescue_is_dissolved_and_one_with_it_is_kept() -> None:
    plan = compiled(play(Block("b", {}, (task("x"),)), Block("b", {}, (task("y"),), rescue=(task("z"),))))
    kinds = [type(item) for item in plan.plays[0].program.instructions[:2]]
    assert kinds[1] is Group
    assert kinds[0] is not Group


def test_dependencies_of_a_role_run_before_it_and_once() -> None:
    base = role("base", task("base task"))
    first = role("first", task("first task"), dependencies=(use("base"),))
    second = role("second", task("second task"), dependencies=(use("base"),))
    plan = compiled(play(roles=(use("first"), use("second"))), roles=(base, first, second))
    assert names(plan) == ["base task", "first task", "second task"]


def test_a_dependency_of_a_role_with_a_condition_does_not_run_again_where_it_ran_without_one() -> None:
    roles = (role("base", task("base task")), role("app", task("app task"), dependencies=(use("base"),)))
    conditional = use("app", keywords={"when": "number == 1"})
    assert names(compiled(play(roles=(use("base"), conditional)), roles=roles)) == ["base task", "app task"]
    both = names(compiled(play(roles=(conditional, use("base"))), roles=roles))
    assert both == ["base task", "app task", "base task"]


def test_handlers_of_a_role_have_the_conditions_and_parameters_of_its_last_use() -> None:
    web = role("web", task("install"), handlers=(task("restart"),))
    first, last = use("web"), use("web", keywords={"when": "wanted"}, parameters={"port": 81})
    (handler,) = compiled(play(roles=(first, last)), roles=(web,)).plays[0].program.handlers
    assert (handler.name, handler.when, handler.parameters) == ("restart", ("wanted",), ({"port": 81},))


def test_roles_that_depend_on_each_other_are_refused() -> None:
    circle = (role("x", dependencies=(use("y"),)), role("y", dependencies=(use("x"),)))
    with pytest.raises(InvalidInput, match="roles depend on each other in a circle"):
        compiled(play(roles=(use("x"),)), roles=circle)


def test_import_role_brings_the_tasks_of_another_file() -> None:
    other = replace(role("r"), task_files={"tasks/reset.yml": (task("reset"),)})
    imported = task("i", "ansible.builtin.import_role", {"name": "r", "tasks_from": "reset"})
    plan = compiled(play(imported), roles=(other,))
    assert names(plan) == ["reset"]


def test_import_tasks_in_a_role_finds_files_of_the_role() -> None:
    files = {
        "tasks/main.yml": (task("i", "ansible.builtin.import_tasks", {"file": "install.yml"}, when="yes"),),
        "tasks/install.yml": (task("install", when="really"),),
    }
    plan = compiled(play(roles=(use("r"),)), roles=(replace(role("r"), task_files=files),))
    step = next(every_step(plan.plays[0].program.instructions))
    assert (str(step.name), step.when) == ("install", ("yes", "really"))


def test_a_host_is_sent_only_variables_that_the_play_can_name() -> None:
    shown = task("t", arguments={"cmd": Template("{{ one }}")})
    plan = compiled(play(shown), a={"one": Template("{{ two }}"), "two": 2, "three": 3})
    assert set(plan.plays[0].parts["a"].variables) == {"one", "two"}


def test_a_secret_is_allowed_only_when_the_play_names_its_variable() -> None:
    variables = {"token": Secret("join-token"), "other": Secret("ca-key")}
    shown = task("t", arguments={"cmd": Template("{{ token }}")})
    assert compiled(play(shown), a=variables).plays[0].secrets == {"join-token"}
    assert compiled(play(task("t")), a=variables).plays[0].secrets == frozenset()


def test_a_secret_that_only_another_hosts_variables_name_is_withheld() -> None:
    shown = task("t", arguments={"cmd": Template("{{ token }}")})
    one, two, same = ({"token": Secret(name)} for name in ("of-a", "of-b", "of-all"))
    assert withheld(play(shown), a=one, b=two) == {"a": ["of-b"], "b": ["of-a"]}
    assert withheld(play(shown), a=same, b=same) == {"a": [], "b": []}
    read = task("t", arguments={"cmd": Template("{{ token }} {{ hostvars['b'].token }}")})
    assert withheld(play(read), a=one, b=two) == {"a": [], "b": []}  # it reads that name of others


def withheld(shown: Play, **variables: Any) -> dict[str, list[str]]:
    """What hosts a and b are not told."""
    found = compiled(shown, **variables).plays[0].withheld
    return {host: sorted(found.get(host, ())) for host in ("a", "b")}


def test_variables_of_other_hosts_are_sent_ahead_but_never_their_secrets() -> None:
    shown = task("t", arguments={"cmd": Template("{{ hostvars['b'].address }} {{ hostvars['b']['token'] }}")})
    plan = compiled(play(shown), b={"address": "10.0.0.2", "token": Secret("t"), "unused": 1})
    assert plan.plays[0].parts["a"].hostvars["b"] == {"address": "10.0.0.2"}


def test_names_that_a_variable_reads_of_other_hosts_count_too() -> None:
    query = Template("{{ groups['all'] | map('extract', hostvars) | selectattr('joined', 'defined') | list }}")
    plan = compiled(play(task("t", arguments={"cmd": Template("{{ members }}")})), a={"members": query})
    assert "joined" in plan.plays[0].program.shared
    of_values = Template("{{ hostvars | dict2items | map(attribute='value.port') | select | list }}")
    plan = compiled(play(task("t", arguments={"cmd": of_values})), b={"port": 1, "unused": 2})
    assert plan.plays[0].parts["a"].hostvars["b"] == {"port": 1}


@pytest.mark.parametrize(
    ("serial", "batches"),
    [
        (None, ["abcd"]), (1, ["a", "b", "c", "d"]), ("50%", ["ab", "cd"]), ([1, 2], ["a", "bc", "d"]),
        ([1, "100%"], ["a", "bcd"]),
    ],
)
def test_serial_makes_batches(serial: Any, batches: list[str]) -> None:
    plan = compiled(play(task("t"), keywords={"gather_facts": False, "serial": serial}))
    assert plan.plays[0].batches == tuple(tuple(batch) for batch in batches)


def test_a_wrong_serial_is_refused() -> None:
    with pytest.raises(InvalidInput, match="serial is 'many', expected a number or a percentage"):
        compiled(play(task("t"), keywords={"serial": "many"}))


def test_an_unknown_strategy_is_refused() -> None:
    with pytest.raises(InvalidInput, match="unknown strategy 'wild'"):
        compiled(play(task("t"), keywords={"strategy": "wild"}))


def test_role_handlers_come_before_those_of_the_play() -> None:
    with_handler = replace(role("r", task("t")), handlers=(task("Restart it"),))
    plan = compiled(play(roles=(use("r"),), handlers=(task("Last"),)), roles=(with_handler,))
    assert [str(handler.name) for handler in plan.plays[0].program.handlers] == ["Restart it", "Last"]


def test_an_included_file_keeps_the_includes_condition_outside() -> None:
    files = {
        "tasks/main.yml": (task("i", "ansible.builtin.include_tasks", {"file": "more.yml"}, when="once"),),
        "tasks/more.yml": (task("more"),),
    }
    plan = compiled(play(roles=(use("r"),)), roles=(replace(role("r"), task_files=files),))
    include, more = every_step(plan.plays[0].program.instructions)
    assert (include.when, more.when) == (("once",), ())


def test_a_loop_of_a_lookup_that_there_is_not_names_the_nearest() -> None:
    with pytest.raises(InvalidInput, match="with_sequense names no lookup; did you mean 'sequence'") as error:
        compiled(play(task("t", with_sequense="count=3")))
    assert "Lookups are: cartesian, config, csvfile" in error.value.next_step


def test_the_same_input_gives_the_same_plan(tmp_path: Path) -> None:
    assert compiled(play(task("t"))) == compiled(play(task("t")))


def test_a_step_that_adds_a_host_runs_once_and_groups_of_later_plays_may_still_come() -> None:
    adding = play(Block("b", {}, (task("add", "ansible.builtin.add_host", {"name": "new"}),)))
    plan = compiled(adding, play(task("t"), hosts="fresh"))
    assert plan.growing is not None
    assert next(every_step(plan.plays[0].program.instructions)).run_once is True
    assert plan.growing.later(1) is None
    assert plan.growing.add_host("new", ("fresh",), {"x": 1})
    assert not plan.growing.add_host("new", ("fresh",), {"x": 1})
    again = plan.growing.later(1)
    assert again is not None
    assert list(again[0].hosts) == ["new"]


def test_what_an_import_or_a_block_notifies_its_tasks_notify() -> None:
    imported = task("i", "ansible.builtin.import_role", {"name": "r"}, notify="outer")
    inner = Block("b", {"notify": ["middle"]}, (task("t", notify="own"),))
    plan = compiled(play(imported), roles=(role("r", inner),))
    assert next(every_step(plan.plays[0].program.instructions)).notify == ("outer", "middle", "own")


def test_a_role_may_import_another_of_its_own_files() -> None:
    own = task("i", "ansible.builtin.import_role", {"name": "r", "tasks_from": "more"})
    files = {"tasks/main.yml": (own,), "tasks/more.yml": (task("more"),)}
    assert names(compiled(play(roles=(use("r"),)), roles=(replace(role("r"), task_files=files),))) == ["more"]


def test_with_smart_gathering_only_the_first_play_of_a_host_gathers() -> None:
    plays = [play(task("t"), keywords={}) for _ in range(2)]
    plan = compiled(*plays, selection=Selection(gathering="smart"))
    assert [names(plan, number) for number in range(2)] == [["Gathering Facts", "t"], ["t"]]


def test_a_role_sees_the_variables_of_its_dependencies_below_its_own() -> None:
    deep = role("deep", defaults={"a": "deep", "b": "deep"}, variables={"v": "deep"})
    top = role("top", task("t"), defaults={"b": "top"}, dependencies=(use("deep"),))
    plan = compiled(play(roles=(use("top"),)), roles=(deep, top))
    part = next(part for part in plan.plays[0].program.roles if part.name == "top")
    assert (part.defaults, part.variables) == ({"a": "deep", "b": "top"}, {"v": "deep"})


def test_a_keyword_of_a_play_may_be_omitted() -> None:
    serial = Template("{{ none_such | default(omit) }}")
    assert len(compiled(play(task("t"), keywords={"gather_facts": False, "serial": serial})).plays[0].batches) == 1


def test_a_keyword_of_a_play_that_cannot_be_known_is_refused() -> None:
    with pytest.raises(InvalidInput, match="serial of play 'play' cannot be evaluated: 'none_such' is undefined"):
        compiled(play(task("t"), keywords={"serial": Template("{{ none_such }}")}))


@pytest.mark.parametrize(("said", "root"), [(True, True), ("yes", True), (False, False), ("no", False)])
def test_a_host_whose_variables_say_become_needs_root(said: object, root: bool) -> None:
    assert compiled(play(task("t")), a={"ansible_become": said}).plays[0].needs_root is root


def test_defaults_hold_for_a_module_by_each_of_its_names() -> None:
    outer = {"copy": {"mode": "0600", "owner": "a"}}
    inner = [{"ansible.legacy.copy": {"mode": "0640"}}, {"command": {"chdir": "/"}}]
    one = task("one", "ansible.builtin.copy", {"dest": "/x"}, module_defaults=inner)
    plan = compiled(play(one, keywords={"gather_facts": False, "module_defaults": outer}))
    step = next(every_step(plan.plays[0].program.instructions))
    # Those of a block or task are instead of the play's.
    assert (step.arguments, step.defaults) == ({"mode": "0640", "dest": "/x"}, ())


def test_defaults_that_an_expression_gives_are_merged_when_the_step_runs() -> None:
    given = {"copy": Template("{{ of_copy }}")}
    plan = compiled(play(task("one", "ansible.builtin.copy", {"dest": "/x"}, module_defaults=given)))
    step = next(one for one in every_step(plan.plays[0].program.instructions) if one.module.endswith("copy"))
    assert (step.arguments, step.defaults) == ({"dest": "/x"}, (Template("{{ of_copy }}"),))


def test_a_play_whose_first_role_begins_with_a_wait_for_its_hosts_is_patient() -> None:
    wait = task("w", "ansible.builtin.wait_for_connection", {"timeout": 7})
    plan = compiled(play(task("t"), roles=(use("r"),)), roles=(role("r", wait),))
    assert patience_of(plan.plays[0].program.instructions) == 7
