"""What the role of every host refuses, by its own words."""

from __future__ import annotations

from pathlib import Path

import pytest

from clusterbook.cluster import skew
from clusterbook.cluster.skew import Live
from clusterbook.language.environment import Expressions
from clusterbook.language.scope import Scope
from clusterbook.source.load import load

ROLE = Path(__file__).parents[3] / "roles" / "base"
VERSIONS = ["3.4.30", "3.5.9", "3.5.26", "3.6.16", "3.7.3", "3.8.0", "4.0.0"]


def said(output: str, wanted: str) -> str:
    """Why the role refuses; empty when it does not. output: of `etcd --version`."""
    values = load(ROLE / "vars/main.yml")
    given = {"base_etcd": {"stdout": output}, "artifacts": {"etcd": {"version": wanted}}}
    scope = Scope([values, given], Expressions({}), lambda name: "")
    return str(scope.value("_base_etcd_lost"))


@pytest.mark.parametrize("now", VERSIONS)
@pytest.mark.parametrize("wanted", VERSIONS)
def test_an_etcd_is_refused_where_an_upgrade_to_it_is_refused(now: str, wanted: str) -> None:
    live = Live({"cp-1": "1.36.3"}, {}, {"cp-1": now}, {})
    refused = skew.problems(live, "1.36.3", wanted)
    words = said(f"etcd Version: {now}\nGit SHA: 1234567\nGo Version: go1.26.8\n", wanted)
    assert bool(words) == bool(refused)
    assert not words or words in refused[0].message


@pytest.mark.parametrize("output", ["", "skipped, since /usr/local/bin/etcd does not exist"])
def test_a_host_without_etcd_may_get_any(output: str) -> None:
    assert said(output, "3.7.3") == ""
