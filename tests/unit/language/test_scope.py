"""Variables and expressions."""

from __future__ import annotations

import pytest

from clusterbook.language.environment import ExpressionError, Expressions, UndefinedName
from clusterbook.language.scope import Scope, Unknown
from clusterbook.language.state import HostState
from clusterbook.language.values import Secret, Template, UnknownValue


def scope(*layers: dict[str, object], secret: str = "hunter2") -> Scope:
    return Scope(layers, Expressions({}), lambda name: f"{secret}-{name}")


def test_a_single_expression_keeps_its_type() -> None:
    assert scope({"ports": [80, 443]}).evaluate(Template("{{ ports }}")) == [80, 443]
    assert scope({"count": 3}).evaluate(Template("{{ count + 1 }}")) == 4


@pytest.mark.parametrize(
    ("text", "value"), [("{{ 1 > 2 }}", False), ("{{ 5 }}", 5), ("{{ [1] }}", [1]), ("{{ 'a' }}", "a")]
)
def test_a_constant_keeps_its_type(text: str, value: object) -> None:
    assert scope().evaluate(Template(text)) == value


def test_a_backslash_in_a_quoted_string_means_itself() -> None:
    template = Template(r"{{ name | regex_replace('^(.+)$', 'https://\1:2379') }}")
    assert scope({"name": "host"}).evaluate(template) == "https://host:2379"


def test_text_around_an_expression_makes_a_string() -> None:
    assert scope({"port": 80}).evaluate(Template("port {{ port }}")) == "port 80"


def test_a_final_newline_is_kept() -> None:
    assert scope({"word": "x"}).evaluate(Template("{{ word }}\n")) == "x\n"
    assert scope({"word": "x"}).evaluate(Template("{{ word }}\n\n")) == "x\n\n"


def test_a_final_newline_makes_no_text_of_a_number() -> None:
    assert scope({"port": 80}).evaluate(Template("{{ port }}\n")) == 80


def test_a_value_that_ends_its_line_gets_no_second_end() -> None:
    assert scope({"lines": "a\nb\n"}).evaluate(Template("{{ lines }}\n")) == "a\nb\n"


def test_nothing_joins_text_as_nothing() -> None:
    assert scope({"empty": None}).evaluate(Template("a{{ empty }}b")) == "ab"


def test_a_higher_layer_wins() -> None:
    assert scope({"name": "low"}, {"name": "high"}).evaluate(Template("{{ name }}")) == "high"


def test_a_variable_may_use_other_variables() -> None:
    assert scope({"a": Template("{{ b }}!"), "b": Template("{{ c }}"), "c": "x"}).evaluate(Template("{{ a }}")) == "x!"


def test_an_evaluated_string_is_never_rendered_again() -> None:
    assert scope({"said": "{{ 7 * 7 }}"}).evaluate(Template("{{ said }}")) == "{{ 7 * 7 }}"


def test_a_variable_that_refers_to_itself_is_named() -> None:
    with pytest.raises(ExpressionError, match=r"refers to itself: a -> b -> a"):
        scope({"a": Template("{{ b }}"), "b": Template("{{ a }}")}).evaluate(Template("{{ a }}"))


def test_an_undefined_name_says_where_it_was_written() -> None:
    with pytest.raises(UndefinedName) as error:
        scope().evaluate(Template("{{ nope }}", "play.yml", 3, 7))
    assert error.value.message == "'nope' is undefined"
    assert error.value.template == Template("{{ nope }}", "play.yml", 3, 7)


def test_an_undefined_part_of_a_list_is_an_error_too() -> None:
    with pytest.raises(UndefinedName, match="'nope' is undefined"):
        scope().evaluate(Template("{{ [1, {'a': nope}] }}"))


def test_a_filter_of_an_undefined_value_says_what_is_undefined() -> None:
    with pytest.raises(UndefinedName, match="'nope' is undefined"):
        scope().evaluate(Template("{{ nope | b64decode }}"))


def test_default_stands_in_for_an_undefined_name() -> None:
    assert scope().evaluate(Template("{{ nope | default('x') }}")) == "x"


def test_a_condition_must_be_true_or_false() -> None:
    assert scope({"n": 3}).condition("n > 2") is True
    with pytest.raises(ExpressionError, match="condition 'n' is 3, a int; it must be true or false"):
        scope({"n": 3}).condition("n")


@pytest.mark.parametrize("word", ["true", "No", 1])
def test_a_condition_that_is_a_word_for_true_or_false_is_told_what_makes_it_one(word: object) -> None:
    with pytest.raises(ExpressionError, match=r"it must be true or false; add '\| bool'$"):
        scope({"wanted": word}).condition("wanted")
    scope({"wanted": word}).condition("wanted | bool")


def test_a_condition_with_braces_is_taken_too() -> None:
    assert scope({"yes": True}).condition(Template("{{ yes }}")) is True


def test_a_secret_is_resolved_only_when_it_is_used() -> None:
    names = scope({"token": Secret("token"), "other": "plain"})
    assert names.evaluate(Template("{{ other }}")) == "plain"
    assert names.used_secrets == set()
    assert names.evaluate(Template("{{ token }}")) == "hunter2-token"
    assert names.used_secrets == {"token"}


def test_a_predicted_value_makes_its_dependents_unknown() -> None:
    with pytest.raises(Unknown, match="until Join has run"):
        scope({"joined": UnknownValue("until Join has run")}).condition("joined.changed")


@pytest.mark.parametrize(
    "text",
    ["{{ ''.__class__.__mro__ }}", "{{ [].__class__ }}", "{{ x.__init__.__globals__ }}", "{{ cycler.__init__ }}"],
)
def test_the_sandbox_gives_no_way_to_the_interpreter(text: str) -> None:
    with pytest.raises(ExpressionError):
        scope({"x": "y"}).evaluate(Template(text))


def test_a_syntax_error_is_a_sentence() -> None:
    with pytest.raises(ExpressionError, match="syntax error in template: expected token"):
        scope().evaluate(Template("{{ a b }}"))


def test_facts_that_modules_name_without_a_prefix_are_variables_of_that_name() -> None:
    state = HostState()
    state.learn_facts({"getent_passwd": {"root": []}, "services": {}, "kernel": "6", "become": "x"})
    layer = state.fact_layer()
    assert layer["getent_passwd"] == layer["ansible_getent_passwd"] == {"root": []} and layer["services"] == {}
    assert "kernel" not in layer and "ansible_become" not in layer


def test_a_variable_that_names_what_is_undefined_is_undefined_and_its_use_says_what() -> None:
    known = scope({"broken": Template("{{ nothing }}", "f.yml", 3, 5), "port": 80})
    assert known.evaluate(Template("{{ broken | default('none') }} {{ broken is defined }}")) == "none False"
    assert known.condition("broken is not defined")
    with pytest.raises(UndefinedName, match="'nothing' is undefined") as caught:
        known.evaluate(Template("{{ port }} {{ broken }}"))
    assert caught.value.template is not None and caught.value.template.text == "{{ nothing }}"
    with pytest.raises(UndefinedName, match="'nothing' is undefined"):
        known.value("broken")


def test_vars_gives_every_variable_by_its_name() -> None:
    known = scope({"app_one": 1, "which": "one", "made": Template("{{ app_one + 1 }}")})
    assert known.evaluate(Template("{{ vars['app_' ~ which] + vars.made }}")) == 3
    assert known.evaluate(Template("{{ vars['none'] | default('-') }} {{ 'made' in vars }}")) == "- True"
