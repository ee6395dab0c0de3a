"""The live view as lines of text, from events and a clock."""

from __future__ import annotations

from typing import Any

from clusterbook.report.bars import clock, lines
from clusterbook.report.progress import PlayProgress


class Watch:
    """A play and its clock."""

    def __init__(self, hosts: list[str], steps: int = 4) -> None:
        self.now = 0.0
        self.play = PlayProgress("site", hosts, steps, lambda: self.now)

    def event(self, at: float, kind: str, host: str, **details: Any) -> None:
        self.now = at
        self.play.take({"type": kind, "host": host, "step": 1, **details})

    def screen(self, width: int = 100, height: int = 24, plain_signs: bool = False) -> list[str]:
        return [line.plain.rstrip() for line in lines(self.play, width, height, plain_signs)]


def test_a_host_shows_its_bar_its_changes_its_step_and_its_time() -> None:
    watch = Watch(["cp-1", "w-1"])
    watch.event(0.0, "start", "cp-1", name="Ensure etcd is running", role="etcd")
    watch.event(1.0, "result", "cp-1", status="changed")
    watch.event(1.5, "start", "cp-1", name="Next", role="etcd")
    assert watch.screen() == [
        "  1 running, 1 waiting; 1 changed; 1.5 s   (Ctrl-C stops after the current steps)",
        "  cp-1  █████░░░░░░░░░░░░░░░  1/4  ~1  etcd | Next                                             1.5 s",
        "  w-1   ░░░░░░░░░░░░░░░░░░░░  0/4      connecting, or waiting for its turn                     1.5 s",
    ]


def test_a_long_step_shows_its_own_time_its_try_and_its_last_lines() -> None:
    watch = Watch(["a"])
    watch.event(10.0, "start", "a", name="Wait", role="")
    watch.event(11.0, "retry", "a", attempt=1, tries=5)
    watch.event(14.0, "output", "a", lines=["one", "two\tx", "three", "four"], left_out=7)
    assert watch.screen(width=90)[1:] == [
        "  a  ░░░░░░░░░░░░░░░░░░░░  0/4      Wait (try 2 of 5)                      4.0 s of 14.0 s",
        "      │ two x",
        "      │ three",
        "      │ four",
    ]
    watch.event(15.0, "result", "a", status="ok")
    assert len(watch.screen()) == 2


def test_a_loop_shows_its_item() -> None:
    watch = Watch(["a"])
    watch.event(0.0, "start", "a", name="Copy", role="")
    watch.event(2.0, "progress", "a", item=3, items=9)
    assert "Copy (item 3 of 9)" in watch.screen()[1]


def test_a_host_that_is_done_or_lost_keeps_its_time() -> None:
    watch = Watch(["a", "b"])
    watch.event(2.0, "host_done", "a", succeeded=True)
    watch.event(3.0, "unreachable", "b", msg="b: connection refused")
    watch.event(3.0, "host_done", "b", succeeded=False)
    watch.now = 50.0
    assert [line.split("  ")[-1].strip() for line in watch.screen()[1:]] == ["2.0 s", "3.0 s"]
    assert watch.screen()[0] == "  1 done, 1 unreachable; 0 changed; 50.0 s"
    assert "b: connection refused" in watch.screen()[2]


def test_no_line_is_wider_than_the_terminal() -> None:
    watch = Watch(["a-host-with-quite-a-long-name.example.com", "b"])
    watch.event(0.0, "start", "b", name="A step with a name that is far too long for this " * 3, role="role")
    watch.event(1.0, "output", "b", lines=["x" * 500], left_out=0)
    for width in (20, 40, 60, 80, 200):
        assert max(len(line.plain) for line in lines(watch.play, width, 24)) <= width


def test_many_hosts_fit_the_screen_and_those_at_work_come_first() -> None:
    watch = Watch([f"h{number}" for number in range(500)])
    for number in range(400):
        watch.event(1.0, "host_done", f"h{number}", succeeded=True)
    watch.event(2.0, "start", "h450", name="Works", role="")
    watch.event(2.0, "failure", "h451", msg="no Python")
    screen = watch.screen(height=20)
    assert len(screen) <= 20
    assert any("h450" in line and "Works" in line for line in screen)
    assert any("h451" in line and "no Python" in line for line in screen)
    assert screen[-1] == "  … and 484 more hosts"


def test_a_terminal_without_such_letters_gets_others() -> None:
    watch = Watch(["a"])
    watch.event(1.0, "start", "a", name="S", role="")
    watch.event(1.0, "output", "a", lines=["x"], left_out=0)
    assert "".join(watch.screen(plain_signs=True)).isascii()


def test_times_are_short_to_read() -> None:
    assert [clock(seconds) for seconds in (4.25, 59.94, 187, 3753)] == ["4.2 s", "59.9 s", "3:07", "1:02:33"]
