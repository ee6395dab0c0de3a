"""Writes tests/contract/ansible_parameters.json: the parameters of Ansible's modules as ansible-doc tells them.

Usage: parameters.py PATH/TO/ansible-doc MODULE...   (full names; without any, those that the file has)
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

TABLE = Path(__file__).parents[1] / "contract" / "ansible_parameters.json"
KEYS = ("default", "choices", "aliases", "required")


def main(program: str, names: list[str]) -> None:
    """Ask, and write what matters of each parameter."""
    names = names or list(json.loads(TABLE.read_text()))
    told = json.loads(subprocess.run([program, "-j", *names], check=True, capture_output=True, text=True).stdout)
    blocks = []
    for name in sorted(told):
        options = told[name]["doc"].get("options") or {}
        lines = [f"  {json.dumps(key)}: {json.dumps(outline(value))}" for key, value in sorted(options.items())]
        blocks.append(f" {json.dumps(name)}: {{\n" + ",\n".join(lines) + "\n }")
    TABLE.write_text("{\n" + ",\n".join(blocks) + "\n}\n")


def outline(option: dict[str, Any]) -> dict[str, Any]:
    """A parameter without its description."""
    found: dict[str, Any] = {"type": option.get("type") or "str"}
    for key in KEYS:
        value = option.get(key)
        if value is not None and (value or key == "default"):
            found[key] = sorted(map(str, value)) if key in ("choices", "aliases") else value
    return found


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
