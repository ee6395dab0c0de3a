"""The step with which a role begins that has argument specs."""

from __future__ import annotations

from typing import Any

from clusterbook.compile import Plan, Selection
from clusterbook.compile.walk import VALIDATION, every_step
from clusterbook.language.program import Step
from clusterbook.model import Role
from tests.unit.compile.test_plays import compiled, names, play, role, task, use

SPECS: dict[str, Any] = {
    "main": {"short_description": "Serve pages", "options": {"port": {"type": "int"}}},
    "reset": {"options": {"deep": {"type": "bool"}}},
}
CHECKED = Selection(role_checks=True)
FIRST = "Validating arguments against arg spec 'main' - Serve pages"


def web(**fields: Any) -> Role:
    files = {"tasks/main.yml": (task("serve"),), "tasks/reset.yml": (task("reset"),)}
    return role("web", task_files=files, argument_specs=SPECS, **fields)


def checks(plan: Plan) -> list[Step]:
    return [step for step in every_step(plan.plays[0].program.instructions) if step.module == VALIDATION]


def brought(module: str, **arguments: Any) -> list[str]:
    brings = task("bring", f"ansible.builtin.{module}", {"name": "web", **arguments})
    return names(compiled(play(brings), roles=(web(),), selection=CHECKED))


def test_a_role_begins_with_the_check_of_its_inputs_after_its_dependencies() -> None:
    roles = (role("base", task("base task")), web(dependencies=(use("base"),)))
    used = use("web", parameters={"port": 80}, keywords={"when": "wanted"})
    plan = compiled(play(roles=(used,)), roles=roles, selection=CHECKED)
    assert names(plan) == ["base task", FIRST, "serve"]
    (step,) = checks(plan)
    assert step.when == ("wanted",)
    assert step.arguments["provided_arguments"] == {"port": 80}
    assert step.arguments["validate_args_context"] == {
        "type": "role", "name": "web", "argument_spec_name": "main", "path": "/project/roles/web",
    }


def test_the_check_runs_whatever_tags_are_chosen() -> None:
    selection = Selection(role_checks=True, tags=("other",))
    assert names(compiled(play(roles=(use("web"),)), roles=(web(),), selection=selection)) == [FIRST]


def test_imports_and_includes_check_their_entry_point_unless_told_not_to() -> None:
    second = "Validating arguments against arg spec 'reset'"
    assert brought("import_role", tasks_from="reset") == [second, "reset"]
    assert brought("include_role", tasks_from="reset") == ["bring", second, "reset"]
    assert brought("import_role", rolespec_validate=False) == ["serve"]


def test_a_host_is_sent_the_variables_that_the_check_looks_at() -> None:
    plan = compiled(play(roles=(use("web"),)), roles=(web(),), selection=CHECKED, a={"port": 1, "other": 2})
    assert set(plan.plays[0].parts["a"].variables) == {"port"}


def test_without_it_a_role_has_its_own_tasks_alone() -> None:
    assert names(compiled(play(roles=(use("web"),)), roles=(web(),))) == ["serve"]
