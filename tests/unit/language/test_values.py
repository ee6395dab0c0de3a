"""Values on the wire."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clusterbook.language.program import Flush, Group, HostPart, Loop, Program, Step, from_wire, to_wire
from clusterbook.language.values import Secret, Template, decode, encode

plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20) | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
# How long values take to make and to send depends on what else the machine does, and is no matter of the law.
untimed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@untimed
@given(plain)
def test_every_plain_value_survives_the_wire(value: object) -> None:
    assert decode(encode(value)) == value


@untimed
@given(plain)
def test_every_plain_value_survives_inside_a_program(value: object) -> None:
    step = Step(1, "name", "debug", {"value": value})
    assert from_wire(to_wire(step)).arguments == {"value": value}


def test_templates_and_secrets_survive_only_from_the_local_machine() -> None:
    value = {"a": Template("{{ x }}", "f", 1, 2), "b": Secret("token")}
    assert decode(encode(value), trusted=True) == value
    assert decode(encode(value)) == {"a": "{{ x }}", "b": "token"}


def test_a_whole_program_survives_the_wire() -> None:
    name = Template("say {{ x }}")
    step = Step(1, name, "ansible.builtin.debug", {"msg": "hi"}, loop=Loop([1, 2]), when=("x > 1", True))
    instructions = (step, Group(2, "g", (step,), (step,)), Flush(3))
    program = Program("key", "name", instructions, (step,), magic={"groups": {"all": ["a"]}})
    back = from_wire(to_wire(program))
    assert back.instructions[0].name == step.name
    assert back.instructions[1].rescue[0].when == ("x > 1", True)
    assert isinstance(back.instructions[2], Flush)
    assert from_wire(to_wire(HostPart("h", ("g",), {"v": Template("{{ y }}")}))).variables == {"v": Template("{{ y }}")}
