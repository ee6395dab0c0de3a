"""Hosts worked on by the workers of a real Dask cluster: a scheduler and two workers, each a process of its own."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from clusterbook.errors import InvalidInput
from clusterbook.execute.executors import choose
from clusterbook.execute.run_certificates import RunAuthority, own_key, public_key, worker_context
from clusterbook.execute.services import Services
from clusterbook.execute.streams import Gone, Stream
from clusterbook.language.values import Secret, Template
from tests.unit.execute.test_executors import counted, run
from tests.unit.execute.test_run import COMMAND, play, step

SECONDS = 60


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """The scheduler's HOST:PORT and its workers."""
    folder = tmp_path_factory.mktemp("dask")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    program = [sys.executable, "-m", "dask"]
    quiet = ["--no-dashboard"]
    scheduler = started(folder, [*program, "scheduler", "--host", "127.0.0.1", "--port", address.split(":")[1], *quiet])
    workers = [
        started(folder, [*program, "worker", f"tcp://{address}", "--no-nanny", "--nthreads", "1", *quiet,
                         "--local-directory", str(folder / str(number))])
        for number in range(2)
    ]  # fmt: skip
    try:
        ready(address, 2)
        yield address, workers
    finally:
        for process in (*workers, scheduler):
            process.kill()
            process.wait()


def started(folder: Path, argv: list[str]) -> subprocess.Popen[bytes]:
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(argv, cwd=folder, stdout=log, stderr=log)


def ready(address: str, number: int) -> None:
    import distributed

    deadline = time.monotonic() + SECONDS
    while True:
        try:
            with distributed.Client(f"tcp://{address}", timeout=5, set_as_default=False) as client:
                client.wait_for_workers(number, timeout=SECONDS)
                return
        except OSError:
            assert time.monotonic() < deadline, "no Dask scheduler came up"


def test_dask_workers_run_plays_and_secrets_do_not_pass_the_scheduler(cluster: Any, tmp_path: Path) -> None:
    address, _ = cluster
    steps = (
        step(1, COMMAND, {"argv": ["mktemp", "-p", str(tmp_path), "once.XXXX"]}, run_once=True, register="made"),
        step(2, COMMAND, {"argv": ["test", Template("{{ password }}"), "=", "correct-horse"]}),
        step(3, "ansible.builtin.debug", {"msg": Template("{{ made.stdout }}")}),
    )
    one = play("abc", steps, lockstep=True, secrets=frozenset({"key"}), variables={"password": Secret("key")})
    services = Services(secret=lambda name: "correct-horse")
    outcome, recorder = run(one, executor=f"dask://{address}", services=services)
    assert outcome.exit_code(check=False) == 0
    assert {event["msg"] for event in recorder.of("result") if event["step"] == 3} == {
        str(path) for path in tmp_path.glob("once.*")
    }


def test_a_dask_worker_that_is_killed_loses_nothing(cluster: Any, tmp_path: Path) -> None:
    address, workers = cluster
    steps = tuple(counted(number, tmp_path) for number in range(1, 6))

    def watch(recorder: Any, places: Any) -> None:
        while not any(event["step"] == 3 for event in recorder.of("start")):
            time.sleep(0.01)
        os.kill(workers[0].pid, signal.SIGKILL)

    outcome, recorder = run(play("abcd", steps), executor=f"dask://{address}", watch=watch)
    assert outcome.exit_code(check=False) == 0
    assert len({event["host"] for event in recorder.of("taken_over")}) == 2
    for name in "abcd":
        assert (tmp_path / name).read_text().split() == ["1", "2", "3", "4", "5"]
        assert [event["step"] for event in recorder.of("result", name)] == [1, 2, 3, 4, 5]


def test_a_scheduler_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from clusterbook.execute import dask

    monkeypatch.setattr(dask, "ANSWERING", 1)
    with pytest.raises(InvalidInput) as caught:
        dask.DaskWorkers("127.0.0.1:9", {})
    assert caught.value.message.startswith("no Dask scheduler answers at 127.0.0.1:9: ")


def test_without_dask_the_message_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from clusterbook.execute import dask

    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InvalidInput) as caught:
        dask.DaskWorkers("127.0.0.1:9", {})
    assert caught.value.message == "--executor dask://… needs the package 'distributed', which is not installed"
    assert caught.value.next_step == "Install it: pip install 'clusterbook[dask]'"
    assert choose("dask://10.0.0.5:8786", 3).name == "dask://10.0.0.5:8786"


@pytest.mark.parametrize("stranger", ["another run", "nothing"])
def test_only_workers_of_the_run_are_let_in(stranger: str) -> None:
    authority, other = RunAuthority(), RunAuthority()
    server, client = socket.socketpair()
    refused: list[Exception] = []

    def serve() -> None:
        try:
            Stream(server, authority.service(), server=True).receive()
        except (ssl.SSLError, Gone) as error:
            refused.append(error)
            server.close()

    thread = Thread(target=serve)
    thread.start()
    certificate = other.worker("worker 1", public_key("test"))
    context = worker_context("test", authority.certificate, certificate)
    if stranger == "nothing":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(cadata=authority.certificate)
    with pytest.raises((ssl.SSLError, Gone)):
        Stream(client, context).receive()
    thread.join(10)
    assert len(refused) == 1
    own_key.cache_clear()
    client.close()
