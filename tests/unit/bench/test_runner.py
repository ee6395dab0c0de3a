"""The contest of runners in its smallest form: one real host, one step, no number that is looked at."""

from __future__ import annotations

from pathlib import Path

from bench import machine, report
from bench.contest import runners, work
from bench.runner import NETWORK, TABLES, Contest
from clusterbook.lab.spec import LabSpec
from tests.unit.transport.conftest import Server, sshd  # noqa: F401 - a fixture

PING = next(table for table in TABLES if table.name == "ping")
NO_LAB = LabSpec("none", (), NETWORK)


def test_runners_work_on_a_host_and_what_that_cost_makes_a_table(sshd: Server, tmp_path: Path) -> None:  # noqa: F811
    contest, ours = Contest(NO_LAB, tmp_path, rounds=1), runners.clusterbook("free")
    login = work.Login("admin", sshd.key, sshd.known_hosts)
    work.write(contest.project, login, {"one": [work.Target("h-1", "127.0.0.1", sshd.port)]})
    found = contest.table(PING, [runners.floor(), ours])
    assert found["notes"] == [] and [row["what"] for row in found["rows"]] == [runners.FLOOR, ours.name]
    assert all(row["seconds"] > 0 and row["cpu"] > 0 and row["rounds"] == 1 for row in found["rows"])
    about = {"measured": "today", "commit": "none", "machine": machine.description(), "title": PING.title}
    text = report.SECTIONS[PING.name]({**about, "floor": runners.FLOOR, **found})
    assert text.startswith(f"## {PING.title}\n\ntoday") and text.count(ours.name) == 2


def test_a_runner_that_fails_is_left_out_of_the_table_and_named(tmp_path: Path) -> None:
    contest = Contest(NO_LAB, tmp_path, rounds=1)
    contest.project.mkdir()
    found = contest.table(PING, [runners.Runner("no runner", "1", ("sh", "-c", "echo so; exit 3"))])
    assert found == {"rows": [], "samples": [], "notes": ["no runner 1: no runner applies with exit status 3"]}
