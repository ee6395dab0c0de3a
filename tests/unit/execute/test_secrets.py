"""Where a secret must not be while a run uses it and afterwards: all of this machine is looked at."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from clusterbook.execute.services import Services
from clusterbook.journal import Journal
from clusterbook.language.values import Secret
from tests.unit.execute.playing import run_files

VALUE = "correct-horse-battery"  # of these tests alone
SERVICES = Services(secret=lambda name: VALUE)
# The pattern is read from the file that the play wrote, so that the program that looks does not hold it itself.
LOOK = "grep -zlFf {file} /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null || true"


def test_a_secret_is_on_no_command_line_in_no_environment_and_no_event(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    told = run_files(tmp_path, {"site.yml": f"""\
        - hosts: all
          gather_facts: false
          tasks:
            - name: Keep
              ansible.builtin.copy: {{content: "{{{{ password }}}}\\n", dest: {kept}, mode: "0600"}}
            - name: Hand over
              ansible.builtin.command: {{cmd: cat, stdin: "{{{{ password }}}}"}}
              register: said
            - name: Look
              ansible.builtin.shell: {LOOK.format(file=kept)}
              register: found
            - name: Show
              ansible.builtin.debug: {{msg: "found in {{{{ found.stdout_lines }}}}"}}
            - name: Fail with it
              ansible.builtin.command: {{cmd: "sh -c 'cat; exit 1'", stdin: "{{{{ password }}}}"}}
              ignore_errors: true
            - name: Encode
              ansible.builtin.command: {{cmd: base64, stdin: "user:{{{{ password }}}}"}}
              no_log: false
            - name: Repeat what is known
              ansible.builtin.debug: {{var: said}}
        """}, services=SERVICES, variables={"password": Secret("db")}, diff=True)  # fmt: skip
    assert kept.read_text() == VALUE + "\n"
    assert told.messages()[0] == "found in []"
    assert told.count("ok") == 7
    assert VALUE not in json.dumps(told.events)
    assert "correct-horse" not in json.dumps(told.events)


@pytest.mark.skipif(os.geteuid() != 0, reason="looks into the agent's directory of root")
def test_a_secret_is_in_no_file_but_the_one_that_the_play_wrote(tmp_path: Path) -> None:
    play = "- {hosts: all, gather_facts: false, tasks: [{name: Keep, ansible.builtin.template: {src: t.j2, dest: %s}}]}"
    told = run_files(
        tmp_path, {"site.yml": play % (tmp_path / "kept"), "templates/t.j2": "{{ password }}"},
        services=SERVICES, variables={"password": Secret("db")},
    )  # fmt: skip
    assert told.count("changed") == 1
    places = [tmp_path, Path("/var/lib/clusterbook/agent")]
    files = [file for place in places for file in place.rglob("*") if file.is_file() and not file.is_symlink()]
    assert [file for file in files if VALUE.encode() in file.read_bytes()] == [tmp_path / "kept"]


def test_the_journal_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "runs")
    journal.event({"type": "run"})
    journal.close()
    assert stat.S_IMODE((tmp_path / "runs").stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "runs").iterdir()} == {0o600}
