"""What the store knows of a cluster set right: a lock of somebody who hangs, an index that was lost."""

from __future__ import annotations

import json
import os
from pathlib import Path

from clusterbook.cluster import lock
from clusterbook.cluster.store import open_store
from tests.unit.cli.conftest import NAME, Run


def test_a_lock_is_taken_from_its_holder_by_its_id_alone(created: Run) -> None:
    assert created("force-unlock", NAME) == (0, f"Nobody holds the lock of {NAME}.\n")
    with lock.hold(open_store(os.environ), NAME, "update-cluster") as mine:
        code, text = created("force-unlock", NAME)
        assert code == 2 and "update-cluster" in text and f"--lock {mine.token} --yes" in text
        code, text = created("force-unlock", NAME, "--lock", "0", "--yes")
        assert code == 3 and mine.token in text
        assert json.loads(created("force-unlock", NAME, "--json")[1])["holder"]["token"] == mine.token
        assert created("force-unlock", NAME, "--lock", mine.token, "--yes")[0] == 0
    assert lock.holder(open_store(os.environ), NAME) is None
    assert created("update-cluster", NAME, "--yes")[0] == 0


def test_a_lost_index_orphans_nothing_and_is_made_anew_from_tags(
    created: Run, tmp_path: Path
) -> None:
    assert created("update-cluster", NAME, "--yes")[0] == 0
    store, name = open_store(os.environ), f"{NAME}/state.json"
    before = json.loads(store.read(name) or b"{}")
    store.swap(name, store.read(name), None)
    assert created("update-cluster", NAME)[0] == 0
    code, text = created("state-rebuild", NAME)
    assert code == 2 and f"found by its tags: Vpc/{NAME}" in text and store.read(name) is None
    assert created("state-rebuild", NAME, "--yes")[0] == 0
    after = json.loads(store.read(name) or b"{}")
    assert {**after, "serial": 0} == {**before, "serial": 0}
    assert created("state-rebuild", NAME)[0] == 0
    assert created("update-cluster", NAME)[0] == 0


def test_a_damaged_index_is_named_with_what_to_do(created: Run) -> None:
    assert created("update-cluster", NAME, "--yes")[0] == 0
    store, name = open_store(os.environ), f"{NAME}/state.json"
    store.write(name, b"{")
    code, text = created("update-cluster", NAME)
    assert code == 1 and "is damaged" in text and f"clusterbook state-rebuild {NAME} --yes" in text
    assert created("state-rebuild", NAME, "--yes")[0] == 0
    assert created("delete-cluster", NAME, "--yes")[0] == 0


def test_a_cost_is_estimated_from_the_configuration_alone(created: Run) -> None:
    code, text = created("cost", NAME, "--json")
    found = json.loads(text)
    lines = {line["what"].partition(" ")[0]: line for line in found["lines"]}
    assert code == 0 and found["region_known"] and found["unknown"] == []
    assert round(lines["t3.medium"]["month"] / lines["t3.medium"]["count"], 2) == 30.37  # 730 h of 0.0416
    assert lines["public"]["count"] == 4  # of three hosts, and of the load balancer in its zone
    code, text = created("cost", NAME)
    assert code == 0 and "by list prices of 2026-06, without traffic" in text
