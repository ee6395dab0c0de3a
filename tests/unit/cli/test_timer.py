"""Backups on a schedule: units that systemd takes, written only with --yes and without anything secret."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from clusterbook.cli import timer
from clusterbook.cluster.cluster import Cluster
from clusterbook.errors import InvalidInput
from tests.unit.cli.conftest import Call

SYSTEMD = shutil.which("systemd-analyze")
needs_systemd = pytest.mark.skipif(SYSTEMD is None, reason="there is no systemd-analyze")
STEM = "clusterbook-backup-hosts"


@pytest.fixture
def user(kept: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of the units of somebody who is not root."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.delenv("SUDO_USER", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "configuration"))
    yield tmp_path / "configuration/systemd/user"


def schedule(place: timer.Place, *options: str, folder: Path = Path("/srv/my-cluster")) -> timer.Schedule:
    """Every six hours."""
    return timer.Schedule("lab", "00/6:00", ["/bin/true", "backup", *options], folder, place)


def system(folder: Path) -> timer.Place:
    """Units of the system, in a folder of the test's own."""
    return timer.Place(folder, Path("/etc/clusterbook"), "daemon")


def lines(text: str) -> list[str]:
    """Settings without comments."""
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_a_unit_of_the_system_runs_as_the_caller_in_the_folder_of_the_call(tmp_path: Path) -> None:
    service, clock = schedule(system(tmp_path), "--inventory", "lab").units().values()
    assert {"Type=oneshot", "User=daemon", "WorkingDirectory=/srv/my-cluster",
            "EnvironmentFile=/etc/clusterbook/backup-lab.env", "ExecStart=/bin/true backup --inventory lab",
            "ProtectSystem=full", "UMask=0077", "After=network-online.target"} <= set(lines(service))  # fmt: skip
    assert {"OnCalendar=00/6:00", "Persistent=true", "WantedBy=timers.target"} <= set(lines(clock))


def test_a_unit_of_a_user_has_nothing_that_only_the_system_s_manager_can_do(tmp_path: Path) -> None:
    service = schedule(timer.Place(tmp_path, tmp_path)).units()[tmp_path / "clusterbook-backup-lab.service"]
    assert [line for line in lines(service) if line.startswith(("User=", "Protect", "Wants="))] == []


@needs_systemd
@pytest.mark.parametrize("mine", [True, False], ids=["user", "system"])
def test_systemd_finds_nothing_wrong_with_the_units(tmp_path: Path, mine: bool) -> None:
    place = timer.Place(tmp_path, tmp_path) if mine else system(tmp_path)
    folder = tmp_path / "100% of my cluster"
    folder.mkdir()
    for path, text in schedule(place, "--at", 'file:///srv/a b/$HOME/100%/"x"', folder=folder).units().items():
        path.write_text(text)
    for path in tmp_path.glob("*.*"):
        words = [str(SYSTEMD), "--user" if mine else "--system", "verify", str(path)]
        done = subprocess.run(words, capture_output=True, text=True, check=False,
                              env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)})  # fmt: skip
        assert (done.returncode, [line for line in done.stderr.splitlines() if path.stem in line]) == (0, [])


@pytest.mark.parametrize(
    ("word", "written"),
    [("lab", "lab"), ("a b", '"a b"'), ("100%", "100%%"), ("$HOME", '"$$HOME"'), ('a"b\\', '"a\\"b\\\\"')],
)
def test_a_word_reaches_the_program_as_it_was_typed(word: str, written: str) -> None:
    assert timer.quoted(word) == written


@pytest.mark.parametrize("calendar", ["", " ", "daily\nUser=root"])
def test_what_is_no_time_is_refused_without_systemd_too(calendar: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timer.shutil, "which", lambda _: None)
    with pytest.raises(InvalidInput) as caught:
        timer.check_calendar(calendar)
    assert caught.value.message == f"--schedule is {calendar!r}, which is no time of systemd's"
    assert "daily, 00/6:00" in str(caught.value.next_step)
    timer.check_calendar("daily")


@needs_systemd
@pytest.mark.parametrize(
    ("calendar", "message"),
    [("every day", "which is no time of systemd's"), ("2020-01-01", "a time that does not come again")],
)
def test_what_systemd_does_not_come_to_is_refused(calendar: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        timer.check_calendar(calendar)


def test_root_s_units_are_the_system_s_and_run_as_who_typed_sudo() -> None:
    found = timer.place_of({"SUDO_USER": "admin"}, root=True)
    assert (found.units, found.account, found.systemctl) == (Path("/etc/systemd/system"), "admin", "systemctl")
    assert timer.place_of({"XDG_CONFIG_HOME": "/c"}, root=False).units == Path("/c/systemd/user")


def test_without_yes_the_units_are_shown_and_nothing_is_written(user: Path, call_on_hosts: Call) -> None:
    code, text, _ = call_on_hosts("backup", "--schedule", "daily", "--check")
    assert code == 2 and "OnCalendar=daily" in text and not user.exists()
    assert re.search(r"To write the units: clusterbook backup --inventory \S+ --schedule daily --yes\n", text)
    assert "CLUSTERBOOK_STORE_PASSPHRASE" in text and "open sesame" not in text


def test_with_yes_they_are_written_without_a_secret_and_the_next_commands_are_said(
    user: Path, call_on_hosts: Call
) -> None:
    code, text, _ = call_on_hosts("backup", "--schedule", "daily", "--keep", "3", "--yes")
    service = (user / f"{STEM}.service").read_text()
    assert code == 0 and (user / f"{STEM}.timer").stat().st_mode & 0o777 == 0o644
    command = next(line for line in lines(service) if line.startswith("ExecStart="))
    words = shlex.split(command.removeprefix("ExecStart="))
    assert Path(words[0]).is_absolute() and os.access(words[0], os.X_OK) and words[-2:] == ["--keep", "3"]
    assert "open sesame" not in service + text
    assert f"install -D -m 600 /dev/null {user.parents[1]}/clusterbook/backup-hosts.env" in text
    assert f"systemctl --user enable --now {STEM}.timer" in text and "daemon-reload" not in text
    assert call_on_hosts("backup", "--schedule", "daily", "--keep", "3")[0] == 0


def test_another_time_is_taken_up_by_a_timer_that_runs(user: Path, call_on_hosts: Call) -> None:
    call_on_hosts("backup", "--schedule", "daily", "--yes")
    variables = user.parents[1] / "clusterbook/backup-hosts.env"
    variables.parent.mkdir()
    variables.touch(0o644)
    said = json.loads(call_on_hosts("backup", "--schedule", "hourly", "--yes", "--json")[1])
    assert said["written"] and said["environment_file"] == str(variables)
    assert said["next"][0] == f"chmod 600 {variables}"
    assert f"systemctl --user daemon-reload && systemctl --user restart {STEM}.timer" in said["next"]
    assert "OnCalendar=hourly" in (user / f"{STEM}.timer").read_text()


def test_yes_without_a_schedule_is_refused(user: Path, call_on_hosts: Call) -> None:
    code, _, errors = call_on_hosts("backup", "--yes")
    assert code == 3 and "error: --yes writes the timer of --schedule, and none is asked for" in errors
    code, _, errors = call_on_hosts("backup", "--schedule", "daily", "--yes", "--check")
    assert code == 3 and "--check only shows it" in errors


def test_a_cluster_that_is_not_in_the_store_is_refused_but_by_sudo(
    user: Path, call_on_hosts: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CLUSTERBOOK_STATE_STORE", f"file://{tmp_path}/other")
    assert "there is no cluster 'hosts' in the store" in call_on_hosts("backup", "--schedule", "daily")[2]
    monkeypatch.setenv("SUDO_USER", "admin")
    assert call_on_hosts("backup", "--schedule", "daily")[0] == 2


def test_a_folder_that_cannot_be_written_is_named(user: Path, call_on_hosts: Call) -> None:
    user.parents[1].mkdir()
    user.parent.write_text("")
    code, _, errors = call_on_hosts("backup", "--schedule", "daily", "--yes")
    assert code == 3 and f"cannot write '{user}/{STEM}.service': " in errors
