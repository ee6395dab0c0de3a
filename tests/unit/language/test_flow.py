"""Tasks that the interpreter does itself."""

from __future__ import annotations

from typing import Any

from clusterbook.language.program import Loop, Step
from clusterbook.language.values import Secret, Template
from tests.unit.language.test_interpreter import Recorder, run, step

SPEC = {"size": {"type": "int", "required": True}, "kind": {"choices": ["a", "b"]}}
MODULE = "ansible.builtin.validate_argument_spec"


def check(**arguments: Any) -> Step:
    return Step(1, "check", MODULE, {"argument_spec": SPEC, **arguments}, register="told", ignore_errors=True)


def told(check: Step, shown: str, **variables: Any) -> str:
    recorder = Recorder()
    assert run(recorder, check, step(2, Template("{{ " + shown + " }}")), variables=variables)
    return recorder.ran[0]


def test_a_specification_is_compared_with_the_variables_of_its_names() -> None:
    assert told(check(), "told.msg", size=Template("{{ 1 + 1 }}"), kind="a") == "The arg spec validation passed"


def test_what_is_wrong_is_listed_with_the_specification_and_where_it_is_from() -> None:
    context = {"type": "role", "name": "web"}
    wrong = check(validate_args_context=context)
    errors = "value of kind must be one of: a, b, got: c"
    shown = "[told.failed, told.msg, told.argument_errors[0], told.validate_args_context.name] | join('; ')"
    expected = f"True; Validation of arguments failed:\n{errors}; {errors}; web"
    assert told(wrong, shown, size=1, kind=Template("{{ 'c' }}")) == expected
    assert told(wrong, "told.argument_spec_data.size.type", kind="a") == "int"


def test_values_that_are_given_win_over_variables() -> None:
    given = check(provided_arguments={"size": 2, "more": 3})
    shown = told(given, "told.argument_errors | join", size="x", kind="a")
    assert shown == "more. Supported parameters include: kind, size."


def test_a_check_that_looked_at_a_secret_shows_no_values() -> None:
    class Keeper(Recorder):
        def ask(self, kind: str, **question: Any) -> Any:
            return "hunter2" if kind == "secret" else None

    recorder = Keeper()
    assert run(recorder, check(), variables={"size": 1, "kind": Secret("word")})
    assert "hunter2" not in str(recorder.events)
    assert recorder.statuses() == ["failed"]


def flow(module: str, arguments: Any, shown: str, **more: Any) -> str:
    asked = Step(1, "x", f"ansible.builtin.{module}", arguments, register="told", ignore_errors=True, **more)
    return told(asked, shown)


def test_parameters_come_from_module_defaults_where_the_step_has_none() -> None:
    defaults = ({"msg": "of the play", "verbosity": 0}, {"msg": Template("{{ 'of the ' ~ 'block' }}")})
    assert flow("debug", None, "told.msg", defaults=defaults) == "of the block"
    assert flow("debug", {"msg": "own"}, "told.msg", defaults=defaults) == "own"
    assert flow("fail", {}, "told.msg", defaults=({"msg": "so"},)) == "so"
    assert flow("debug", None, "told.msg", defaults=(Template("{{ {'var': 'x'} }}"),)).startswith("'var' that comes")


def test_an_omitted_parameter_is_as_one_that_is_not_there() -> None:
    gone = Template("{{ omit }}")
    assert flow("debug", {"msg": gone, "verbosity": gone}, "told.msg") == "Hello world!"
    assert flow("fail", {"msg": gone}, "told.msg") == "Failed as requested from task"
    asserted = {"that": [False], "fail_msg": gone, "msg": Template("{{ 'so' }}"), "quiet": gone}
    assert flow("assert", asserted, "told.msg") == "so"
    assert flow("set_fact", {"a": gone, "b": 1}, "told.ansible_facts") == "{'b': 1}"


def test_what_is_omitted_inside_a_parameter_is_not_in_it() -> None:
    part, mapping = [1, Template("{{ omit }}")], Template("{{ {'a': omit, 'b': {'c': omit}} }}")
    assert flow("debug", {"msg": {"a": Template("{{ omit }}"), "b": part}}, "told.msg") == "{'b': [1]}"
    assert flow("debug", {"msg": mapping}, "told.msg") == "{'b': {}}"
    assert flow("debug", {"msg": Template("<{{ omit }}{{ [1, omit] }}>")}, "told.msg") == "<[1]>"
    of_variable = Step(1, "x", "ansible.builtin.debug", {"msg": Template("{{ v }}{{ v | length }}")}, register="told")
    assert told(of_variable, "told.msg", v=part) == "[1]2", "an expression still counts it"


def test_a_loop_leaves_out_items_that_are_omitted() -> None:
    recorder = Recorder()
    assert run(recorder, step(1, Template("{{ item }}"), loop=Loop(["x", Template("{{ omit }}")])))
    assert recorder.ran == ["x"]


def test_a_variable_is_shown_whose_name_the_engine_has_a_use_for() -> None:
    names = ("place", "changes", "results", "next_step", "attempts", "quiet", "names_only", "ignored")
    for name in names:
        recorder = Recorder()
        show = Step(1, "show", "ansible.builtin.debug", {"var": name}, register="told")
        after = step(2, Template("{{ told['" + name + "'] | type_debug }}"))
        assert run(recorder, show, after, variables={name: "a value"}) and recorder.ran == ["str"], name
        event = next(event for event in recorder.events if event["type"] == "result")
        own = {key for key in event if key not in ("type", "id", "seconds", "status")}
        assert own == {"msg" if name not in ("results", "names_only") else name}, event


def test_what_is_registered_of_a_loop_is_without_what_reports_need() -> None:
    recorder = Recorder()
    show = Step(1, "show", "ansible.builtin.debug", {"var": Template("{{ item }}")}, register="told", loop=Loop(["a"]))
    after = step(2, Template("{{ told.results[0] | list | sort | join(' ') }}"))
    assert run(recorder, show, after, variables={"a": 1})
    assert recorder.ran == ["a ansible_loop_var changed failed item"]
