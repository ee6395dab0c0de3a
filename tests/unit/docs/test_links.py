"""What the site makes of links to files outside docs/."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace

FILE = Path(__file__).parents[3] / "docs" / "links.py"
TEXT = (
    "See [the role](../roles/etcd/README.md#use), [`ARCHITECTURE.md`](../ARCHITECTURE.md), [a lock](../x/lock.yaml), "
    "[next](upgrade.md#a)."
)


def shown(text: str, page: str = "how-to.md", repository: str = "") -> str:
    """The text as the site has it on a page."""
    render = runpy.run_path(str(FILE))["on_page_markdown"]
    here = SimpleNamespace(file=SimpleNamespace(src_uri=page))
    return str(render(text, page=here, config={"repo_url": repository}, files=[]))


def test_readmes_of_roles_and_the_architecture_are_pages_and_another_file_is_named() -> None:
    assert shown(TEXT) == (
        "See [the role](roles/etcd.md#use), [`ARCHITECTURE.md`](architecture.md), a lock (`x/lock.yaml`), "
        "[next](upgrade.md#a)."
    )


def test_where_the_repository_is_known_a_link_leads_to_another_file_there() -> None:
    there = "https://example.org/clusterbook/blob/main/x/lock.yaml"
    assert f"[a lock]({there})" in shown(TEXT, repository="https://example.org/clusterbook/")


def test_links_of_those_pages_lead_on_from_where_the_pages_are() -> None:
    text = "[a](../kubelet/README.md#b) [c](../../docs/store.md) [d](defaults/main.yml) [e](https://e.org) [f](#f)"
    assert shown(text, "roles/etcd.md") == (
        "[a](kubelet.md#b) [c](../store.md) d (`roles/etcd/defaults/main.yml`) [e](https://e.org) [f](#f)"
    )
    text = "[a](docs/store.md) [b](roles/etcd/README.md)"
    assert shown(text, "architecture.md") == "[a](store.md) [b](roles/etcd.md)"
