"""Secrets in text."""

from __future__ import annotations

import base64
import json
import shlex
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest

from clusterbook.agent.masking import MASK, Mask

SECRET = 'p@ss "word"/é'


@pytest.mark.parametrize(
    "form",
    [
        SECRET, base64.b64encode(SECRET.encode()).decode(), json.dumps(SECRET), quote(SECRET, safe=""),
        shlex.quote(SECRET),
    ],
    ids=["plain", "base64", "json", "url", "shell"],
)
def test_a_secret_is_masked_in_every_usual_form(form: str) -> None:
    mask = Mask()
    mask.add(SECRET)
    shown = mask.text(f"before {form} after")
    assert MASK in shown
    assert "word" not in shown
    assert shown.startswith("before ")


def test_every_line_of_a_key_is_masked() -> None:
    mask = Mask()
    mask.add("-----BEGIN PRIVATE KEY-----\nMIIabcdefghijk\nlmnopqrstuv\n-----END PRIVATE KEY-----\n")
    assert "lmnopqrstuv" not in mask.text("a diff shows lmnopqrstuv alone")


def test_each_key_of_a_secret_of_several_is_masked_where_it_stands_alone() -> None:
    mask = Mask()
    first, second = "a" * 44, "b" * 44
    mask.add(f"key-1 {first}\nkey-2 {second}")
    assert mask.text(f"- name: key-1\n  secret: {first}\n  other: {second}") == (
        f"- name: key-1\n  secret: {MASK}\n  other: {MASK}"
    )


def test_short_values_are_not_masked_for_they_would_eat_all_text() -> None:
    mask = Mask()
    mask.add("true")
    assert mask.text("it is true") == "it is true"


def test_masking_reaches_into_nested_data() -> None:
    mask = Mask()
    mask.add("hunter2hunter2")
    assert mask.apply({"a": ["x hunter2hunter2"], "n": 3}) == {"a": [f"x {MASK}"], "n": 3}


@pytest.mark.parametrize("before", ["", "a", "ab", "abc", "PASSWORD=", "user:"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_a_secret_inside_encoded_text_is_masked_wherever_it_begins(
    before: str, encode: Callable[[bytes], bytes]
) -> None:
    mask, secret = Mask(), "hunter2-hunter3?~"
    mask.add(secret)
    encoded = encode(f"{before}{secret} and more".encode()).decode()
    assert MASK in mask.text(encoded)
    hidden = len(encoded) - len(mask.text(encoded).replace(MASK, ""))
    assert hidden >= len(secret) * 8 // 6 - 1  # of 23 characters one at each end may be shared with what is around


@pytest.mark.parametrize("form", [
    repr, quote_plus, lambda text: json.dumps(text, ensure_ascii=False), lambda text: json.dumps(json.dumps(text)),
    lambda text: "'" + text.replace("'", "'\\''") + "'",
])  # fmt: skip
def test_a_secret_is_masked_as_other_programs_write_it(form: Callable[[str], str]) -> None:
    mask = Mask()
    secret = "it's a \"word\" of é+ü\\"
    mask.add(secret)
    assert "word" not in mask.text(f"before {form(secret)} after")
