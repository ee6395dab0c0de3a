"""A host's programs are kept, changed and brought back, wherever that is cut off."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from clusterbook.language.environment import Expressions
from clusterbook.language.scope import Scope

SCRIPT = Path(__file__).parents[3] / "roles" / "upgrade" / "files" / "programs.sh"
PROGRAMS = ("kubelet", "kube-proxy")


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """Folders with the old programs and the new ones."""
    for folder, word in (("bin", "old"), ("new", "new")):
        (tmp_path / folder).mkdir()
        for name in PROGRAMS:
            (tmp_path / folder / name).write_text(f"{word} {name}")
    return tmp_path


def do(host: Path, action: str) -> None:
    folders = [str(host / name) for name in ("bin", "kept", "new")]
    subprocess.run(["/bin/sh", str(SCRIPT), action, *folders, *PROGRAMS], check=True)


def words(host: Path) -> list[str]:
    assert {path.name for path in (host / "bin").iterdir()} == set(PROGRAMS)
    return [(host / "bin" / name).read_text().split()[0] for name in PROGRAMS]


def test_programs_are_changed_and_brought_back(host: Path) -> None:
    do(host, "keep")
    assert words(host) == ["old", "old"]
    do(host, "swap")
    assert words(host) == ["new", "new"] and not (host / "new").exists()
    do(host, "back")
    assert words(host) == ["old", "old"]


@pytest.mark.parametrize("action", ["swap", "back"])
def test_what_was_cut_off_between_two_programs_comes_to_its_end(host: Path, action: str) -> None:
    do(host, "keep")
    (host / "new" / "kubelet").rename(host / "bin" / "kubelet")
    do(host, action)
    assert words(host) == ["new" if action == "swap" else "old"] * 2
    do(host, action)
    assert words(host) == ["new" if action == "swap" else "old"] * 2


def test_keeping_that_was_cut_off_leaves_no_half_of_it(host: Path) -> None:
    (host / "kept.part").mkdir()
    (host / "kept.part" / "kubelet").write_text("ol")
    do(host, "keep")
    assert (host / "kept" / "kubelet").read_text() == "old kubelet"
    assert not (host / "kept.part").exists()


# As kubectl prints them: one is closed, and some have taints, of which not all keep pods away for good.
JUST_STARTED = "w-1||node.kubernetes.io/not-ready=NoSchedule node.kubernetes.io/not-ready=NoExecute "
RATHER_NOT = "w-4||example.com/slow=PreferNoSchedule "
NODES = [
    "cp-1||node-role.kubernetes.io/control-plane=NoSchedule ",
    JUST_STARTED,
    "w-2||",
    "w-3|true|node.kubernetes.io/unschedulable=NoSchedule ",
    RATHER_NOT,
    "w-5||example.com/slow=PreferNoSchedule node.kubernetes.io/not-ready=NoSchedule gpu=NoExecute ",
]


@pytest.mark.parametrize(("node", "together", "takers", "closed"), [
    ("w-2", ["w-2"], [JUST_STARTED, RATHER_NOT], False),
    ("w-3", ["w-3"], [JUST_STARTED, "w-2||", RATHER_NOT], True),
    ("w-2", ["w-1", "w-2"], [RATHER_NOT], False),
    ("w-2", ["w-1", "w-2", "w-4"], [], False),
])  # fmt: skip
def test_only_nodes_that_take_pods_and_are_not_closed_together_with_it_take_a_nodes_pods_over(
    node: str, together: list[str], takers: list[str], closed: bool
) -> None:
    given: dict[str, Any] = {
        "node_name": node, "upgrade_nodes": {"stdout_lines": NODES}, "ansible_play_batch": together,
        "hostvars": {name: {"node_name": name} for name in together},
    }  # fmt: skip
    words = yaml.safe_load((SCRIPT.parents[1] / "vars" / "main.yml").read_text())
    scope = Scope([given], Expressions({}), lambda name: "")
    given["_upgrade_together"] = Expressions({}).native(words["_upgrade_together"], scope.resolve)
    found = {name: Expressions({}).text(words[f"_upgrade_{name}"], scope.resolve) for name in ("takers", "closed")}
    assert found == {"takers": str(takers), "closed": str(closed)}


def test_a_reason_says_each_line_once() -> None:
    words = yaml.safe_load((SCRIPT.parents[1] / "vars" / "main.yml").read_text())
    again = "error when evicting pods/page (will retry after 5s): it would violate the budget\n"
    given = {"_upgrade_failure": {"stderr": again * 60 + "error: unable to drain node w-1\n", "msg": ""}}
    scope = Scope([given], Expressions({}), lambda name: "")
    reason = Expressions({}).text(words["_upgrade_reason"], scope.resolve)
    assert reason == again + "error: unable to drain node w-1"
