"""Files that people write: values, positions, and the words of each refusal."""

from __future__ import annotations

import datetime
import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clusterbook.errors import InvalidInput, Position
from clusterbook.language.values import Template
from clusterbook.source import excerpt, load, load_text, position_of, printable, read_text


def refusal(text: str, file: str = "play.yml") -> InvalidInput:
    """The error of a text that must be refused."""
    with pytest.raises(InvalidInput) as caught:
        load_text(text, file)
    return caught.value


def test_scalars_follow_the_rules_that_ansible_reads_with() -> None:
    text = "{a: yes, b: 'yes', c: 0644, d: 1.5, e: ~, f: 2020-01-02, g: 1_000, h: text, i: on}"
    assert load_text(text, "x.yml") == {
        "a": True, "b": "yes", "c": 420, "d": 1.5, "e": None, "f": datetime.date(2020, 1, 2), "g": 1000,
        "h": "text", "i": True,
    }  # fmt: skip


def test_every_key_value_and_item_knows_its_place() -> None:
    value = load_text("- name: a\n  list:\n    - 1\n    - two\n", "x.yml")
    task = value[0]
    assert position_of(value) == Position("x.yml", 1, 1)
    assert position_of(task) == position_of(value, 0) == Position("x.yml", 1, 3)
    assert position_of(task, "list") == Position("x.yml", 2, 3)
    assert task.values_at["name"] == Position("x.yml", 1, 9)
    assert position_of(task["list"], 1) == Position("x.yml", 4, 7)
    assert position_of("text", default=Position("y")) == Position("y")


def test_text_with_an_expression_becomes_a_template_with_its_place() -> None:
    value = load_text("a: '{{ x }}'\nb: |\n  {% if x %}\nc: '{# no #}'\nd: '{ x }'\n", "x.yml")
    assert value["a"] == Template("{{ x }}", "x.yml", 1, 4)
    assert value["b"] == Template("{% if x %}\n", "x.yml", 3, 1)
    assert isinstance(value["c"], Template)
    assert value["d"] == "{ x }"


def test_unsafe_text_stays_plain() -> None:
    assert load_text("a: !unsafe '{{ x }}'", "x.yml") == {"a": "{{ x }}"}


def test_everything_in_an_unsafe_list_or_mapping_stays_plain() -> None:
    value = load_text("a: !unsafe ['{{ x }}', {b: '{{ y }}'}]\nc: '{{ z }}'\n", "x.yml")
    assert value["a"] == ["{{ x }}", {"b": "{{ y }}"}]
    assert isinstance(value["c"], Template)


def test_anchors_and_merge_keys_work() -> None:
    value = load_text("base: &b {a: 1, c: 3}\nx:\n  <<: *b\n  a: 2\ny: *b\n", "x.yml")
    assert value == {"base": {"a": 1, "c": 3}, "x": {"a": 2, "c": 3}, "y": {"a": 1, "c": 3}}


def test_merged_keys_come_first_and_of_several_mappings_the_first_wins() -> None:
    text = "b: &b {a: 1, c: 3}\nd: &d {c: 4, e: 5}\nx:\n  own: 0\n  c: 2\n  <<: *b\ny: {<<: [*b, *d], own: 0}\n"
    value = load_text(text, "x.yml")
    assert list(value["x"].items()) == [("a", 1), ("c", 2), ("own", 0)]
    assert list(value["y"].items()) == [("c", 3), ("e", 5), ("a", 1), ("own", 0)]


def test_an_empty_file_is_nothing() -> None:
    assert load_text("", "x.yml") is None
    assert load_text("# only a comment\n", "x.yml") is None


def test_values_survive_the_way_to_another_process() -> None:
    value = load_text("a: [1, {b: 2}]", "x.yml")
    copy = pickle.loads(pickle.dumps(value))
    assert copy == value and position_of(copy, "a") == position_of(value, "a")


def test_json_is_read_by_its_own_rules() -> None:
    value = load_text('{"a": [1e3, "yes", null, true, "\\u00e9", "{{ x }}"]}', "x.json")
    assert value == {"a": [1000.0, "yes", None, True, "é", Template("{{ x }}", "x.json", 1, 42)]}


@pytest.mark.parametrize(
    ("text", "message", "place", "next_step"),
    [
        ("a: {b: 1\nc: 2\n", "'{' is opened here and never closed", "1:4", "Close it."),
        ("a:\n  - [1, 2\n", "'[' is opened here and never closed", "2:5", "Close it."),
        ("a: 'b\nc: 2\n", '"\'" is opened here and never closed', "1:4", "Close it."),
        ("a: 1\na: 2\n", "duplicate key 'a', first set in line 1", "2:1", "Keep one of the two."),
        (
            "a: {{ x }}\n",
            "a mapping or list is used as a key",
            "1:5",
            'If this is an expression, quote the whole value: "{{ name }}".',
        ),
        ("a:\n\tb: 1\n", "a tab is used for indentation", "2:1", "Indent with spaces."),
        ("a: *x\n", "alias '*x' has no anchor '&x'", "1:4", "Add '&x' to a value above, or quote the text."),
        ("a: &x [*x]\n", "alias '*x' is inside of its own anchor", "1:8", "Write the value out."),
        ("a: [1]\n<<: [1]\n", "'<<' merges mappings only", "2:5", "Point it to a mapping, or to a list of mappings."),
        (
            "a: b: c\n",
            "this is not YAML: mapping values are not allowed in this context",
            "1:5",
            "Quote the text that holds ': ', or correct the indentation.",
        ),
        (
            "a: !foo 1\n",
            "unknown tag '!foo'",
            "1:4",
            "Remove it: values are plain YAML, '!unsafe' and '!vault' are the only special tags.",
        ),
        (
            "a: !!python/object/apply:os.system [id]\n",
            "unknown tag '!!python/object/apply:os.system'",
            "1:4",
            "Remove it: values are plain YAML, '!unsafe' and '!vault' are the only special tags.",
        ),
        (
            "a: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n",
            "this is encrypted with ansible-vault, and no vault password was given",
            "1:4",
            "Give --vault-password-file FILE, --vault-id ID@FILE or --ask-vault-password.",
        ),
        (
            "$ANSIBLE_VAULT;1.1;AES256\n6162\n",
            "this is encrypted with ansible-vault, and no vault password was given",
            "1:1",
            "Give --vault-password-file FILE, --vault-id ID@FILE or --ask-vault-password.",
        ),
        (
            "---\na: 1\n---\nb: 2\n",
            "the file holds more than one YAML document",
            "4:1",
            "Move the part after the second '---' to a file of its own.",
        ),
        ("[" * 70, "values are nested deeper than 60 levels", "1:62", "Split the structure."),
        (
            "a: 2020-13-45\n",
            "'2020-13-45' is not a timestamp: month must be in 1..12",
            "1:4",
            "Quote it if it is text.",
        ),
        (
            "a: \x1b[31m\n",
            "control character U+001B in the file",
            "1:4",
            'Delete it, or write it as an escape such as "\\x1b" in a quoted string.',
        ),
    ],
)
def test_a_refusal_says_what_where_and_what_next(text: str, message: str, place: str, next_step: str) -> None:
    error = refusal(text)
    assert (error.message, str(error.where), error.next_step) == (message, f"play.yml:{place}", next_step)


def test_json_that_is_wrong_names_line_and_column() -> None:
    error = refusal('{"a": 1,\n "b": }', "x.json")
    assert (error.message, str(error.where)) == ("this is not JSON: expecting value", "x.json:2:7")


def test_aliases_that_multiply_are_refused_before_they_fill_the_memory() -> None:
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    error = refusal("\n".join(lines))
    assert error.message == "the file holds more than 500000 values once its aliases are followed"
    assert error.next_step == "Remove the aliases that multiply each other."


def test_a_file_that_is_missing_unreadable_or_wrongly_encoded_says_so(tmp_path: Path) -> None:
    path = tmp_path / "x.yml"
    with pytest.raises(InvalidInput) as caught:
        load(path)
    assert caught.value.message == f"cannot read '{path}': there is no such file"
    with pytest.raises(InvalidInput, match="is a directory"):
        load(tmp_path)
    path.write_bytes(b"a: 1\nb: caf\xe9\n")
    with pytest.raises(InvalidInput) as caught:
        load(path)
    assert (caught.value.message, str(caught.value.where)) == ("byte 0xe9 is not UTF-8", f"{path}:2:7")
    path.write_bytes("a: 1".encode("utf-16"))
    with pytest.raises(InvalidInput, match="the file is UTF-16, not UTF-8"):
        load(path)
    path.write_bytes(b"\xef\xbb\xbfa: 1")
    assert load(path) == {"a": 1}
    with path.open("wb") as stream:
        stream.truncate(33 * 1024 * 1024)
    with pytest.raises(InvalidInput, match="the file is larger than 32 MiB"):
        load(path)


def test_a_template_source_is_plain_text(tmp_path: Path) -> None:
    path = tmp_path / "x.j2"
    path.write_text("{{ a }}\n")
    assert read_text(path) == "{{ a }}\n"


def test_an_excerpt_shows_the_line_before_and_a_caret_below_the_word(tmp_path: Path) -> None:
    path = tmp_path / "main.yml"
    path.write_text("- name: x\n  service:\n    enable: true\n")
    assert excerpt(Position(str(path), 3, 5)) == "  2 |   service:\n  3 |     enable: true\n    |     ^^^^^^"
    assert excerpt(Position(str(path), 1)) == "  1 | - name: x"
    assert excerpt(Position(str(path))) == excerpt(Position(str(path), 99, 1)) == excerpt(Position("/none", 1, 1)) == ""


@pytest.mark.parametrize("value", ["a.b > 1", "'{{ a }} b'", '"{{ a | d(\\"x\\") }} b"', "a#b", "!x"])
def test_an_excerpt_of_a_value_marks_the_whole_value(tmp_path: Path, value: str) -> None:
    path = tmp_path / "main.yml"
    for rest in ("", " # why", "  ", ", other: 1"):
        path.write_text(f"when: {value}{rest}\n")
        caret = excerpt(Position(str(path), 1, 7), value=True).splitlines()[-1]
        assert caret == f"    | {' ' * 6}{'^' * len(value)}"


def test_an_excerpt_of_a_long_line_is_cut_around_the_place(tmp_path: Path) -> None:
    path = tmp_path / "long.yml"
    path.write_text("a" * 500 + " here " + "b" * 500)
    line, caret = excerpt(Position(str(path), 1, 502)).splitlines()
    assert len(line) < 110
    assert line[caret.index("^") : caret.rindex("^") + 1] == "here"


def test_terminal_escapes_are_shown_not_obeyed() -> None:
    assert printable("\x1b[2Ja\tb\x07") == "?[2Ja b?"


@settings(deadline=None)
@given(st.text(max_size=60))
def test_no_text_makes_the_loader_crash(text: str) -> None:
    value: Any = None
    try:
        value = load_text(text, "x.yml")
    except InvalidInput as error:
        assert error.message and error.where is not None
    assert value is None or not isinstance(value, Exception)
