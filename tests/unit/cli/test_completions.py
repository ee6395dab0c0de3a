"""What a Tab completes, in the shells themselves: each is typed into at a terminal."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from invoke.context import Context
from invoke.exceptions import Exit

from clusterbook.cli import beginning, completions
from clusterbook.cli.namespace import tasks
from clusterbook.cli.start import completion

OWN = """
from invoke import task
@task
def deploy(_, bigger=False): pass
namespace.add_task(deploy)
"""
OTHER = """
from invoke import task
@task
def provoke(_, public=False): pass
@task
def docs(_): pass
"""
# Shell -> (how it is started, what makes Ctrl-X write the line that is being typed into $SHOWN).
STARTED = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], """bind -x '"\\C-x": printf %s "$READLINE_LINE" >$SHOWN'"""),
    "zsh": (["zsh", "-f", "-i"], 'show() { print -rn -- "$BUFFER" >$SHOWN }; zle -N show; bindkey "^X" show'),
}
BEFORE = {"bash": "", "zsh": "autoload -Uz compinit; compinit -D -u; "}


class Typist:
    """Somebody who types lines into a shell of each kind, and presses Tab."""

    def __init__(self, shell: str, home: Path) -> None:
        if shutil.which(shell) is None:
            pytest.skip(f"{shell} is not on this machine")
        self._shell, self._script, self._shown = shell, home / "script", home / "shown"
        self._script.write_text(completions.script(shell))
        self._environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(home), "TERM": "dumb",
            "SHOWN": str(self._shown), "LC_ALL": "C.UTF-8",
        }  # fmt: skip

    def completed(self, line: str, folder: Path) -> str:
        """The line after a Tab at its end; of fish, which has a command for it, all that it offers."""
        if self._shell == "fish":
            code = f"source {self._script}; complete -C '{line}'"
            done = subprocess.run(["fish", "--no-config", "-c", code], cwd=folder, env=self._environment,
                                  capture_output=True, text=True, check=True)  # fmt: skip
            offered = [one.partition("\t")[0] for one in done.stdout.splitlines()]
            return f"{line.rpartition(' ')[0]} {' '.join(offered)}".rstrip()
        return self._at_a_terminal(line, folder).rstrip()

    def _at_a_terminal(self, line: str, folder: Path) -> str:
        argv, shows = STARTED[self._shell]
        here, there = pty.openpty()
        self._shown.unlink(missing_ok=True)
        program = subprocess.Popen(argv, cwd=folder, env=self._environment, stdin=there, stdout=there, stderr=there,
                                   start_new_session=True)  # fmt: skip
        try:
            os.write(here, f"{BEFORE[self._shell]}source {self._script}; {shows}\n{line}\t\x18".encode())
            end = time.monotonic() + 60
            while not (self._shown.exists() and self._shown.read_text()):
                assert time.monotonic() < end, "the shell shows no line"
                if select.select([here], [], [], 0.05)[0]:
                    os.read(here, 4096)
            return self._shown.read_text()
        finally:
            program.kill()
            program.wait()
            os.close(here)
            os.close(there)


@pytest.fixture(params=completions.SHELLS)
def typist(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Typist]:
    home = tmp_path / "home"
    home.mkdir()
    return Typist(request.param, home)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    beginning.make(tmp_path / "mine", [], [], "root", "")
    return tmp_path / "mine"


@pytest.mark.parametrize("program", ["clusterbook", "invoke"])
def test_a_tab_completes_tasks_options_and_names(program: str, typist: Typist, project: Path) -> None:
    assert typist.completed(f"{program} prov", project) == f"{program} provision"
    assert typist.completed(f"{program} provision --inv", project).rstrip("=") == f"{program} provision --inventory"
    assert typist.completed(f"{program} provision --inventory h", project) == f"{program} provision --inventory here"
    assert typist.completed(f"{program} provision --inventory=h", project) == f"{program} provision --inventory=here"
    assert typist.completed(f"{program} report --html=RE", project) == f"{program} report --html=README.md"
    assert typist.completed(f"{program} run he", project) == f"{program} run hello"
    assert typist.completed(f"{program} run playb", project) == f"{program} run playbooks/"


def test_a_task_that_is_called_as_a_folder_is_completed_as_a_task(typist: Typist, project: Path) -> None:
    assert typist.completed("clusterbook inventor", project) == "clusterbook inventory"
    assert typist.completed("invoke inventor", project) == "invoke inventory"


def test_invoke_is_completed_below_the_projects_folder_too(typist: Typist, project: Path) -> None:
    assert typist.completed("invoke prov", project / "playbooks") == "invoke provision"


def test_tasks_that_a_person_added_are_completed_with_their_options(typist: Typist, project: Path) -> None:
    with (project / "tasks.py").open("a") as file:
        file.write(OWN)
    assert typist.completed("invoke deploy --b", project) == "invoke deploy --bigger"
    assert typist.completed("invoke prov", project) == "invoke provision"
    offered = typist.completed("invoke depl", project)
    assert offered in ("invoke deploy", "invoke deploy deploy-app deploy-dashboard")  # what is common, or each


def test_invoke_completes_another_project_as_it_does_by_itself(typist: Typist, tmp_path: Path) -> None:
    other = tmp_path / "other"
    (other / "docs").mkdir(parents=True)
    (other / "tasks.py").write_text(OTHER)
    assert typist.completed("invoke prov", other) == "invoke provoke"
    assert typist.completed("invoke provoke --pub", other) == "invoke provoke --public"
    assert typist.completed("invoke doc", other) == "invoke docs"  # not a folder
    assert typist.completed("invoke --print-c", other) == "invoke --print-completion-script"


@pytest.mark.parametrize("shell", completions.SHELLS)
def test_a_script_names_every_task_and_every_option(shell: str) -> None:
    text = completions.script(shell)
    assert not re.search("@[A-Z]+@", text)
    for _, group in tasks().values():
        for task in group:
            assert task.name.replace("_", "-") in text
            assert all(str(one.name) in text for one in task.get_arguments())


def test_a_shell_without_completion_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Exit):
        completion(Context(), shell="csh")
    assert "Name one of: bash, zsh, fish." in capsys.readouterr().err
