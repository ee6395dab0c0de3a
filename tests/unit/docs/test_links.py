"""What the site makes of links to files that are no pages."""

from __future__ import annotations

import runpy
from pathlib import Path

FILE = Path(__file__).parents[3] / "docs" / "links.py"
TEXT = "See [the role](../roles/etcd/README.md#use), [`ARCHITECTURE.md`](../ARCHITECTURE.md), [next](upgrade.md#a)."


def shown(repository: str) -> str:
    """The text as the site has it."""
    render = runpy.run_path(str(FILE))["on_page_markdown"]
    return str(render(TEXT, page=None, config={"repo_url": repository}, files=[]))


def test_without_a_repositorys_address_a_file_is_named_and_no_link_leads_nowhere() -> None:
    assert shown("") == "See the role (`roles/etcd/README.md`), `ARCHITECTURE.md`, [next](upgrade.md#a)."


def test_with_one_the_link_leads_there() -> None:
    there = "https://example.org/clusterbook/blob/main"
    assert shown("https://example.org/clusterbook/") == (
        f"See [the role]({there}/roles/etcd/README.md#use), [`ARCHITECTURE.md`]({there}/ARCHITECTURE.md), "
        "[next](upgrade.md#a)."
    )
