"""An installed clusterbook has all that a clone has."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
BROUGHT = ("playbooks", "roles", "schemas", "inventory", "Vagrantfile", "tasks.py")


def test_the_wheel_holds_every_playbook_role_schema_and_inventory(tmp_path: Path) -> None:
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(tmp_path)]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, "."], cwd=ROOT, check=True)
    (wheel,) = tmp_path.glob("clusterbook-*.whl")
    inside = set(zipfile.ZipFile(wheel).namelist())
    listed = subprocess.run(["git", "ls-files", *BROUGHT], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    wanted = {f"clusterbook/project_files/{name}" for name in listed.splitlines() if (ROOT / name).is_file()}
    assert wanted - inside == set()
    assert "clusterbook/cluster/artifacts/catalog.yaml" in inside
    assert "clusterbook/cluster/artifacts/lock.yaml" in inside
    assert any(name.endswith("dist-info/licenses/LICENSE") for name in inside)
    assert not [name for name in inside if "__pycache__" in name]
