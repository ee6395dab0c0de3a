"""Many questions in one command."""

from __future__ import annotations

import subprocess

from clusterbook.cluster.questions import answers, script


def test_each_answer_is_found_by_its_name_and_what_fails_hides_nothing() -> None:
    commands = {"one": "echo 'a b'; echo c", "none": "true", "lost": "no-such-program", "two": "echo \"it's\""}
    done = subprocess.run(["/bin/sh", "-c", script("=== abc", commands)], capture_output=True, check=True, timeout=60)
    found = answers("=== abc", done.stdout, commands)
    assert found["one"] == "a b\nc\n"
    assert found["two"] == "it's\n"
    assert "not found" in found["lost"]
    assert "none" not in found


def test_names_that_nobody_asked_for_are_left_out() -> None:
    told = b"=== abc system\nDebian\n=== abc ../../etc/passwd\nroot\n"
    assert answers("=== abc", told, {"system": ""}) == {"system": "Debian\n"}
