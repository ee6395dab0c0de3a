"""Workers of a Dask cluster. Nothing else in the project uses Dask (package `distributed`, extra `clusterbook[dask]`).

The scheduler only starts `serve` on each worker. Secrets, variables and events go between worker and local machine
directly, over TLS on which both sides show certificates of this run.
"""

from __future__ import annotations

import contextlib
import secrets
import socket
import ssl
from collections.abc import Sequence
from concurrent.futures import Executor, Future, wait
from threading import Thread
from typing import Any

from clusterbook.errors import InvalidInput
from clusterbook.execute.bundle import agent_bundle
from clusterbook.execute.run_certificates import RunAuthority, own_key, public_key, worker_context
from clusterbook.execute.streams import Gone, Stream
from clusterbook.execute.worker import Worker
from clusterbook.execute.workers import Crew

# Seconds for the scheduler to answer, for a worker to come, and to end.
ANSWERING, COMING, ENDING = 10.0, 60.0, 10.0


class DaskWorkers:
    """A crew of the workers that a scheduler has when the run begins, each with an executor that is bound to it."""

    def __init__(self, scheduler: str, welcome: dict[str, Any]) -> None:
        """scheduler: HOST:PORT. Raises InvalidInput when it, or Dask, or a worker, cannot be used."""
        self._welcome, self._run = welcome, secrets.token_hex(8)
        self._client = _client(scheduler)
        try:
            workers = list(self._client.scheduler_info(n_workers=-1)["workers"])
            if not workers:
                raise InvalidInput(
                    f"the Dask scheduler at {scheduler} has no workers",
                    next_step=f"Start some: dask worker {scheduler}",
                )
            self.executors: Sequence[Executor] = [
                self._client.get_executor(workers=[address], allow_other_workers=False, pure=False, retries=0)
                for address in workers
            ]
            self.crew = Crew(len(workers))
            self._listener = socket.create_server((_own_address(scheduler), 0), backlog=len(workers))
            self._futures = self._start()
        except BaseException:
            self._client.close()
            raise
        Thread(target=self._accept, daemon=True, name="workers").start()

    def close(self) -> None:
        """See Office."""
        for remote in self.crew.everyone():
            remote.tell(end=True)
        wait(self._futures, ENDING)
        self._listener.close()
        for remote in self.crew.everyone():
            remote.close()
        for executor in self.executors:
            executor.shutdown(wait=False)
        self._client.close()

    def _start(self) -> list[Future[None]]:
        """Give each worker a certificate for its own key, and start it."""
        authority = RunAuthority()
        self._context = authority.service()
        address, digest = self._listener.getsockname()[:2], agent_bundle().digest
        introductions = [executor.submit(introduce, self._run) for executor in self.executors]
        started = []
        for index, (executor, introduction) in enumerate(zip(self.executors, introductions, strict=True)):
            name = f"worker {index + 1}"
            key, code = _introduced(introduction)
            if code != digest:
                raise InvalidInput(
                    f"{name} of the Dask cluster has another version of clusterbook",
                    next_step="Install the same one there as here.",
                )
            certificate = authority.worker(name, key)
            future = executor.submit(serve, address, name, self._run, authority.certificate, certificate)
            future.add_done_callback(self._ended)
            started.append(future)
        return started

    def _ended(self, future: Future[None]) -> None:
        error = None if future.cancelled() else future.exception()
        if error is not None and len(self.crew.everyone()) < len(self.executors):
            self.crew.missed(f"{type(error).__name__}: {error}")

    def _accept(self) -> None:
        self._listener.settimeout(COMING)
        for _ in self.executors:
            try:
                connection, _ = self._listener.accept()
                connection.settimeout(COMING)
                stream = Stream(connection, self._context, server=True)
                name = str(stream.receive()["worker"])
                if name != stream.peer_name():
                    stream.close()
                    raise Gone(f"{name} shows a certificate of {stream.peer_name()}")
                connection.settimeout(None)
                stream.send(self._welcome)
                self.crew.join(name, stream)
            except (OSError, ssl.SSLError, Gone) as error:
                self.crew.missed(str(error))


def introduce(run: str) -> tuple[str, str]:
    """On a worker: its public key for the run, and which code it has."""
    return public_key(run), agent_bundle().digest


def serve(address: tuple[str, int], name: str, run: str, authority: str, certificate: str) -> None:
    """On a worker: work for the local machine until the run is over or the local machine is gone."""
    sock = socket.create_connection((address[0], address[1]), COMING)
    sock.settimeout(None)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with contextlib.suppress(AttributeError, OSError):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 60000)
    try:
        Worker(Stream(sock, worker_context(run, authority, certificate)), name).serve()
    finally:
        own_key.cache_clear()


def _client(scheduler: str) -> Any:
    try:
        import distributed
    except ImportError:
        raise InvalidInput(
            "--executor dask://… needs the package 'distributed', which is not installed",
            next_step="Install it: pip install 'clusterbook[dask]'",
        ) from None
    connect: Any = distributed.Client
    try:
        return connect(f"tcp://{scheduler}", timeout=ANSWERING, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise InvalidInput(
            f"no Dask scheduler answers at {scheduler}: {type(error).__name__}",
            next_step="Start one with 'dask scheduler', or correct --executor.",
        ) from None


def _introduced(introduction: Future[tuple[str, str]]) -> tuple[str, str]:
    try:
        return introduction.result(COMING)
    except Exception as error:
        raise InvalidInput(
            f"a worker of the Dask cluster cannot run clusterbook: {type(error).__name__}: {error}",
            next_step="Install 'clusterbook[dask]' of the same version on every worker.",
        ) from None


def _own_address(scheduler: str) -> str:
    """The address of this machine on the way to the scheduler: where its workers find it."""
    host, _, port = scheduler.rpartition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((host, int(port)))
        return str(probe.getsockname()[0])
