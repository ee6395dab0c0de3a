"""Lines that containers wrote, searched in the files of an aggregator and asked for over a connection."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from clusterbook.cluster.logs import search
from clusterbook.cluster.logs.query import MOST_BYTES, Question, ask, check, moment
from clusterbook.errors import Failed, InvalidInput

NOW = 1_800_000_000.0


def line(message: str, pod: str = "web-1", container: str = "main", seconds: float = 0.0, **more: str) -> bytes:
    """What an agent sends, `seconds` before or after NOW."""
    moment = datetime.utcfromtimestamp(NOW + seconds).isoformat() + "Z"
    record = {"time": moment, "node": "w-1", "namespace": "shop", "pod": pod, "container": container,
              "stream": "stdout", "tag": "F", "offset": "0", "message": message, **more}  # fmt: skip
    return json.dumps(record).encode() + b"\n"


def question(folder: Path, **asked: Any) -> dict[str, Any]:
    return {**vars(Question("shop", str(folder))), **asked}


def found(folder: Path, **asked: Any) -> tuple[list[str], dict[str, Any]]:
    """Messages, and what is said at the end."""
    said: list[dict[str, Any]] = []
    search.answer(question(folder, **asked), said.append, lambda: None)
    return [one["message"] for one in said if "message" in one], said[-1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three files of a namespace, the oldest compressed, and one of another namespace."""
    (tmp_path / "shop.jsonl.100.gz").write_bytes(
        gzip.compress(line("first", seconds=-900) + line("second", seconds=-60))
    )
    (tmp_path / "shop.jsonl.2000").write_bytes(line("third", pod="db-0", seconds=-30))
    (tmp_path / "shop.jsonl").write_bytes(
        line("fourth", container="proxy") + b"{ half" + b"\n" + line("fifth", pod="web-2")
    )
    (tmp_path / "shop-two.jsonl").write_bytes(line("elsewhere"))
    for path in tmp_path.iterdir():
        os.utime(path, (NOW, NOW))
    os.utime(tmp_path / "shop.jsonl.100.gz", (NOW - 60, NOW - 60))
    return tmp_path


def test_lines_come_in_the_order_in_which_they_arrived_from_rotated_files_too(folder: Path) -> None:
    messages, end = found(folder)
    assert messages == ["first", "second", "third", "fourth", "fifth"]
    assert end == {"end": {"lines": 6, "unreadable": 1, "twice": 0}}


@pytest.mark.parametrize(("asked", "messages"), [
    ({"pod": "web"}, ["first", "second", "fourth", "fifth"]), ({"pod": "web-2"}, ["fifth"]),
    ({"container": "proxy"}, ["fourth"]), ({"since": NOW - 60}, ["second", "third", "fourth", "fifth"]),
    ({"until": NOW - 30}, ["first", "second", "third"]), ({"since": NOW - 60, "until": NOW - 59}, ["second"]),
    ({"grep": "f.*th$"}, ["fourth", "fifth"]), ({"limit": 2}, ["fourth", "fifth"]),
    ({"limit": 2, "pod": "web-1"}, ["second", "fourth"]), ({"grep": "x"}, []),
])  # fmt: skip
def test_only_what_matches_is_said(folder: Path, asked: dict[str, Any], messages: list[str]) -> None:
    assert found(folder, **asked)[0] == messages


def test_a_file_that_got_nothing_since_then_is_not_read(folder: Path) -> None:
    os.utime(folder / "shop.jsonl.2000", (NOW - 4000, NOW - 4000))
    assert found(folder, since=NOW - 600)[1]["end"]["lines"] == 5


def test_a_line_that_an_agent_sent_twice_is_said_once_and_counted(tmp_path: Path) -> None:
    again = line("again")
    (tmp_path / "shop.jsonl").write_bytes(again + line("other") + again + line("again", offset="50"))
    assert found(tmp_path) == (["again", "other", "again"], {"end": {"lines": 4, "unreadable": 0, "twice": 1}})


def test_a_namespace_of_which_nothing_is_kept_is_answered_with_those_that_there_are(folder: Path) -> None:
    assert found(folder, namespace="shpo") == ([], {"unknown": ["shop", "shop-two"]})
    assert found(folder / "absent") == ([], {"unknown": []})


def test_bytes_that_are_no_text_and_a_line_on_its_way_break_nothing(tmp_path: Path) -> None:
    (tmp_path / "shop.jsonl").write_bytes(line("broken X").replace(b"X", b"\xff") + line("half")[:-1])
    assert found(tmp_path)[0] == ["broken �"]


def test_a_file_that_is_just_being_compressed_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "shop.jsonl.5").write_bytes(line("once"))
    (tmp_path / "shop.jsonl.5.gz").write_bytes(b"\x1f\x8b")
    (tmp_path / "shop.jsonl.6.gz").write_bytes(gzip.compress(line("cut"))[:-9])
    assert found(tmp_path)[0][:1] == ["once"]


def test_following_goes_on_through_a_rotation_and_after_the_newest_of_what_was_there(tmp_path: Path) -> None:
    current, said = tmp_path / "shop.jsonl", []
    current.write_bytes(line("a") + line("b"))
    threading.Thread(target=search.answer, args=(question(tmp_path, follow=True, limit=1), said.append, lambda: None),
                     daemon=True).start()  # fmt: skip

    def came(*messages: str) -> bool:
        for _ in range(100):
            if [one["message"] for one in said] == list(messages):
                return True
            time.sleep(0.05)
        return False

    assert came("b")
    with current.open("ab") as file:
        file.write(line("c")[:20])
        file.flush()
        time.sleep(0.6)
        file.write(line("c")[20:])
        file.flush()
        assert came("b", "c")
        current.rename(tmp_path / "shop.jsonl.9")
        file.write(line("d"))
    current.write_bytes(line("e"))
    assert came("b", "c", "d", "e")


@pytest.mark.parametrize(("text", "seconds"), [
    ("2026-11-26T21:40:00Z", 1795729200.0), ("2026-11-26T21:40:00.25+01:00", 1795725600.25),
    ("2026-11-26T21:40:00.123456789-00:30", 1795731000.123456789), ("", None), ("yesterday", None),
])  # fmt: skip
def test_times_of_runtimes_are_read(text: str, seconds: float | None) -> None:
    assert search.epoch(text) == pytest.approx(seconds)


class Aggregator:
    """A connection to this machine, as a channel to the search's own process."""

    host, user, python = "cp-1", "admin", sys.executable

    def __init__(self, output: bytes | None = None) -> None:
        self.output, self.closed = output, False

    def start(self, argv: list[str], _: object) -> Aggregator:
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return self

    def write(self, data: bytes) -> None:
        assert self.process.stdin
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def read(self, size: int) -> bytes:
        assert self.process.stdout
        if self.output is not None:
            given, self.output = self.output[:size], self.output[size:]
            return given
        return os.read(self.process.stdout.fileno(), size)

    def why_ended(self) -> Exception:
        return Failed("killed")

    def close(self) -> None:
        self.closed = True
        assert self.process.stdin and self.process.stdout
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(10)


def test_the_search_runs_over_there_and_ends_with_the_connection(folder: Path) -> None:
    there = Aggregator()
    answer = ask(lambda: there, Question("shop", str(folder), grep="th"))  # type: ignore[arg-type,return-value]
    assert [one["message"] for one in answer.records] == ["third", "fourth", "fifth"]
    assert answer.counts["lines"] == 6 and there.closed
    endless = Aggregator()
    records: Iterator[Any] = ask(lambda: endless, Question("shop", str(folder), follow=True)).records  # type: ignore[arg-type,return-value]
    assert next(records)["message"] == "first"
    records.close()  # type: ignore[attr-defined]
    assert endless.process.returncode == 0


def test_a_wrong_namespace_is_told_with_the_nearest_one(folder: Path) -> None:
    with pytest.raises(InvalidInput, match="of a namespace 'shpo'; did you mean 'shop'") as caught:
        list(ask(lambda: Aggregator(), Question("shpo", str(folder))).records)  # type: ignore[arg-type,return-value]
    assert "shop, shop-two" in caught.value.next_step
    with pytest.raises(InvalidInput, match="the aggregator has no lines yet"):
        list(ask(lambda: Aggregator(), Question("shop", str(folder / "none"))).records)  # type: ignore[arg-type,return-value]


@pytest.mark.parametrize(("output", "message"), [
    (b"", "ended before its end"), (b"x" * (MOST_BYTES + 70000), "a line of more than 4 MiB"),
])  # fmt: skip
def test_an_aggregator_that_breaks_off_or_never_ends_a_line_is_an_error(
    folder: Path, output: bytes, message: str
) -> None:
    with pytest.raises(Failed, match=message):
        list(ask(lambda: Aggregator(output), Question("shop", str(folder))).records)  # type: ignore[arg-type,return-value]


@pytest.mark.parametrize(("text", "seconds"), [
    ("", None), ("90s", NOW - 90), ("10m", NOW - 600), ("2h", NOW - 7200), ("3d", NOW - 259200),
    ("2027-01-15T08:00:00Z", NOW), ("2027-01-15T09:00:00+01:00", NOW), ("2027-01-15T08:00:00", NOW),
])  # fmt: skip
def test_a_time_is_so_long_ago_or_a_moment(text: str, seconds: float | None) -> None:
    assert moment("--since", text, NOW) == seconds


@pytest.mark.parametrize(("wrong", "message"), [
    (lambda: moment("--since", "10 minutes", NOW), "--since is '10 minutes', which is no time"),
    (lambda: check(Question("a", "/x", grep="(")), r"--grep is '\(', which is no regular expression"),
    (lambda: check(Question("a", "/x", limit=-1)), "--limit is -1"),
    (lambda: check(Question("a", "/x", limit=10**6)), "--limit is 1000000"),
    (lambda: check(Question("a", "/x", follow=True, until=1.0)), "--follow has no end"),
    (lambda: check(Question("a", "/x", since=2.0, until=1.0)), "--until is before --since"),
])  # fmt: skip
def test_what_cannot_be_asked_is_refused_before_a_connection(wrong: Callable[[], object], message: str) -> None:
    with pytest.raises(InvalidInput, match=message) as caught:
        wrong()
    assert caught.value.next_step
