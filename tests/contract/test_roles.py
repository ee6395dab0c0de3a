"""Every role has the same shape, and says everything that it takes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
ROLES = sorted(path for path in (ROOT / "roles").iterdir() if path.is_dir())
# Roles that only look, wait or ask the API leave nothing on a host to take off again.
NOTHING_TO_RESET = {"cluster_bootstrap", "cluster_ready"}
TASK_LINES = 60

pytestmark = pytest.mark.parametrize("role", ROLES, ids=lambda path: path.name)


def _yaml(path: Path) -> object:
    return yaml.safe_load(path.read_text()) if path.is_file() else None


def _specs(role: Path) -> dict[str, dict[str, object]]:
    document = _yaml(role / "meta" / "argument_specs.yml") or {}
    assert isinstance(document, dict)
    return document.get("argument_specs", {}).get("main", {}).get("options", {})


def test_a_role_has_a_readme_and_tasks(role: Path) -> None:
    assert (role / "README.md").is_file(), "README.md is missing"
    assert (role / "tasks" / "main.yml").is_file(), "tasks/main.yml is missing"


def test_a_role_can_be_taken_off_again(role: Path) -> None:
    assert role.name in NOTHING_TO_RESET or (role / "tasks" / "reset.yml").is_file()


def test_every_default_is_described_and_every_described_input_that_may_be_left_out_has_one(role: Path) -> None:
    defaults = _yaml(role / "defaults" / "main.yml") or {}
    assert isinstance(defaults, dict)
    public = {name for name in defaults if not name.startswith("_")}
    specs = _specs(role)
    required = {name for name, rule in specs.items() if rule.get("required")}
    assert public == set(specs) - required


def test_every_input_has_a_type_and_a_description_and_no_second_default(role: Path) -> None:
    for name, rule in _specs(role).items():
        assert rule.get("type"), f"{name} has no type"
        assert rule.get("description"), f"{name} has no description"
        assert "default" not in rule, f"the default of {name} lives in defaults/main.yml"


def test_values_live_once_so_no_role_uses_the_default_filter_or_set_fact(role: Path) -> None:
    for path in role.rglob("*"):
        if path.suffix not in (".yml", ".j2") or "verify" in path.parts:
            continue
        text = path.read_text()
        assert not re.search(r"\|\s*(default|d)\s*(\(|\}|\||$)", text), f"{path.relative_to(ROOT)}: default()"
        assert "set_fact" not in text, f"{path.relative_to(ROOT)}: set_fact"


def test_a_task_file_fits_a_screen_or_two(role: Path) -> None:
    for path in (role / "tasks").glob("*.yml"):
        lines = len(path.read_text().splitlines())
        assert lines <= 2 * TASK_LINES, f"{path.relative_to(ROOT)} has {lines} lines"


def test_every_task_has_a_name(role: Path) -> None:
    for path in [*(role / "tasks").glob("*.yml"), *(role / "handlers").glob("*.yml")]:
        for task in _yaml(path) or []:  # type: ignore[attr-defined]
            assert "name" in task, f"{path.relative_to(ROOT)}: {task}"
