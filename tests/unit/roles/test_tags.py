"""A part of a cluster is chosen by the name of its role."""

from __future__ import annotations

from pathlib import Path

import pytest

from clusterbook import project
from clusterbook.compile.plan import Selection
from clusterbook.model import Project
from clusterbook.validate.tags import problems

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def site() -> Project:
    return project.read(ROOT / "playbooks" / "site.yml")[0]


def test_each_role_of_the_site_has_its_name_as_a_tag(site: Project) -> None:
    uses = [use for play in site.plays for use in play.roles]
    assert len(uses) > 20
    assert [use.name for use in uses if use.keywords.get("tags") != use.name] == []
    tasks = [task for play in site.plays for task in play.tasks]
    assert [task.name for task in tasks if task.keywords.get("tags") != task.arguments["name"]] == []


def test_a_tag_of_the_site_that_is_misspelt_is_refused_with_the_role_that_was_meant(site: Project) -> None:
    assert list(problems(site, Selection(tags=("etcd", "kubelet"), skip_tags=("logging",)))) == []
    (found,) = problems(site, Selection(tags=("etcdd",)))
    assert found.message == "nothing has the tag 'etcdd'; did you mean 'etcd'?"
