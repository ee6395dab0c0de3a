"""Secrets in text."""

from __future__ import annotations

import base64
import json
import shlex
from urllib.parse import quote

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


def test_short_values_are_not_masked_for_they_would_eat_all_text() -> None:
    mask = Mask()
    mask.add("true")
    assert mask.text("it is true") == "it is true"


def test_masking_reaches_into_nested_data() -> None:
    mask = Mask()
    mask.add("hunter2hunter2")
    assert mask.apply({"a": ["x hunter2hunter2"], "n": 3}) == {"a": [f"x {MASK}"], "n": 3}
