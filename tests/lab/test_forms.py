"""Other forms of a cluster than the standard one: run by `make full`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.lab.forms import FORMS, booted, is_well

pytestmark = pytest.mark.skipif("CLUSTERBOOK_FULL" not in os.environ, reason="a long form: make full")


@pytest.mark.parametrize("name", FORMS)
def test_a_cluster_of_this_form_comes_up_and_stays_as_it_is(name: str, tmp_path: Path, clusters: Any) -> None:
    with booted(name, tmp_path, clusters) as form:
        form.on("mirror", "--start")
        form.on("provision")
        is_well(form)
