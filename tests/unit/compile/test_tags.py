"""--tags and --skip-tags."""

from __future__ import annotations

import pytest

from clusterbook.compile.tags import selected


@pytest.mark.parametrize(
    ("own", "wanted", "skipped", "runs"),
    [
        ((), (), (), True),
        (("a",), (), (), True),
        (("a",), ("a",), (), True),
        (("a",), ("b",), (), False),
        ((), ("a",), (), False),
        (("always",), ("b",), (), True),
        (("always",), (), ("always",), False),
        (("never",), (), (), False),
        (("never", "a"), ("a",), (), True),
        (("a",), (), ("a",), False),
        (("a",), ("tagged",), (), True),
        ((), ("tagged",), (), False),
        ((), ("untagged",), (), True),
        (("a",), ("all",), ("a",), False),
        (("always", "a"), ("b",), ("a",), False),
    ],
)
def test_a_task_runs_as_its_tags_and_the_selection_say(
    own: tuple[str, ...], wanted: tuple[str, ...], skipped: tuple[str, ...], runs: bool
) -> None:
    assert selected(own, wanted, skipped) is runs
