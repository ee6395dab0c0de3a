"""The tutorial, typed in as it stands: every command ends and prints as the page says."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from clusterbook.lab import record
from tests.lab.page import Shell, commands, type_in

pytestmark = pytest.mark.skipif("CLUSTERBOOK_FULL" not in os.environ, reason="a long form: make full")
ROOT = Path(__file__).parents[2]
LAB = "lab"
PAGE = ROOT / "docs" / "tutorial.md"


def test_every_command_of_the_tutorial_does_what_the_page_says(tmp_path: Path) -> None:
    if LAB in record.names():
        pytest.fail(f"the lab {LAB} is up already: clusterbook lab-down --name {LAB}")
    cache = os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))
    environment = {**os.environ, "HOME": str(tmp_path), "XDG_CACHE_HOME": cache, "NO_COLOR": "1",
                   "EDITOR": str(editor(tmp_path))}  # fmt: skip
    shell = Shell({name: value for name, value in environment.items() if not name.startswith("CLUSTERBOOK_")}, ROOT)
    try:
        for title, steps in commands(PAGE).items():
            print(title)
            type_in(steps, shell)
        assert LAB not in record.names()
    finally:
        if LAB in record.names():
            shell.run("make down")
        shell.close()


def editor(folder: Path) -> Path:
    """A program in an editor's place: it writes the line that the page says, as a person does."""
    (line,) = re.findall(r"```yaml\n(\w+: \S+)\n```", PAGE.read_text())
    program = folder / "editor"
    program.write_text(f"#!/bin/sh\nsed -i '/^{line.partition(':')[0]}:/d' \"$1\"\necho '{line}' >> \"$1\"\n")
    program.chmod(0o755)
    return program
