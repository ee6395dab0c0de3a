"""The keeper of plain routes follows the part of the pods' range that the API gives its node."""

from __future__ import annotations

import json
from argparse import Namespace
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(__file__).parents[3] / "roles" / "cni_bridge_routes" / "files" / "clusterbook-routes"
OPTIONS = Namespace(node="w-1", pods="10.244.0.0/16", protocol="177")


@pytest.fixture
def keeper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The program, which notes what it would run."""
    loader = SourceFileLoader("clusterbook_routes", str(PROGRAM))
    spec = spec_from_loader("clusterbook_routes", loader)
    assert spec is not None
    module: Any = module_from_spec(spec)
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    loader.exec_module(module)
    ran: list[str] = []

    def run(*argv: str, text: str | None = None) -> str:
        ran.append(" ".join(argv))
        return ""

    monkeypatch.setattr(module, "run", run)
    monkeypatch.setattr(module, "CNI_FILE", tmp_path / "cluster.conflist")
    module.ran = ran
    return module


@pytest.mark.parametrize(("own", "address"), [
    ("10.244.1.0/24", "10.244.1.1/24"), ("10.244.3.0/24", "10.244.3.1/24"), ("10.244.2.128/25", "10.244.2.129/25"),
])  # fmt: skip
def test_new_pods_get_addresses_of_the_nodes_part_and_those_of_another_are_connected_anew(
    keeper: Any, own: str, address: str
) -> None:
    keeper.keep(OPTIONS, {"w-1": (own, "10.0.0.21")})
    (bridge, _) = json.loads(keeper.CNI_FILE.read_text())["plugins"]
    assert bridge["ipam"]["ranges"] == [[{"subnet": own}]]
    assert keeper.ran[-1] == f"/usr/local/bin/clusterbook-renumber {address}"


def test_a_node_that_has_no_part_yet_has_nothing_connected(keeper: Any) -> None:
    keeper.keep(OPTIONS, {"w-1": (None, "10.0.0.21"), "w-2": ("10.244.2.0/24", "10.0.0.22")})
    assert keeper.ran == [
        "ip -json -4 route show proto 177", "ip route replace 10.244.2.0/24 via 10.0.0.22 proto 177",
    ]  # fmt: skip
