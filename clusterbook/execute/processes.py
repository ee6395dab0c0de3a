"""Workers as processes of this machine: handshakes of many hosts then use every core."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import struct
import tempfile
from collections.abc import Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, wait
from multiprocessing import get_context
from pathlib import Path
from threading import Thread
from typing import Any

from clusterbook.execute.fanout import shutdown
from clusterbook.execute.streams import Gone, Stream
from clusterbook.execute.worker import serve_process
from clusterbook.execute.workers import Crew

# Seconds: a worker has to come in the first, and to end in the second, before it is killed.
COMING, ENDING = 60.0, 10.0


class Processes:
    """A crew of processes. Each has an executor of its own, because a pool whose process is killed ends the others."""

    def __init__(self, number: int, welcome: dict[str, Any]) -> None:
        """Start them; they join while this goes on. welcome: what each is told first (see worker.py)."""
        self.crew = Crew(number)
        self._welcome = welcome
        self._pids: dict[str, int] = {}
        self._directory = Path(tempfile.mkdtemp(prefix="clusterbook-"))  # 0700
        self._listener = socket.socket(socket.AF_UNIX)
        address = str(self._directory / "answers")
        self._listener.bind(address)
        self._listener.listen(number)
        context = get_context("forkserver")  # a fork of this process would copy threads' locks
        context.set_forkserver_preload(["clusterbook.execute.worker"])
        self.executors: Sequence[Executor] = [ProcessPoolExecutor(1, mp_context=context) for _ in range(number)]
        self._futures = [
            executor.submit(serve_process, address, f"worker {index + 1}")
            for index, executor in enumerate(self.executors)
        ]
        for future in self._futures:
            future.add_done_callback(self._ended)
        Thread(target=self._accept, daemon=True, name="workers").start()

    def close(self) -> None:
        """End every worker; one that does not end is killed."""
        for remote in self.crew.everyone():
            remote.tell(end=True)
        _, slow = wait(self._futures, ENDING)
        if slow:
            for process in self._pids.values():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
        shutdown(self.executors)
        for remote in self.crew.everyone():
            remote.close()
        self._listener.close()
        shutil.rmtree(self._directory, ignore_errors=True)

    def _ended(self, future: Future[None]) -> None:
        """One that ended before it joined will not come."""
        error = future.exception()
        if error is not None and len(self._pids) < len(self._futures):
            self.crew.missed(f"{type(error).__name__}: {error}")

    def _accept(self) -> None:
        for _ in self._futures:
            try:
                self._listener.settimeout(COMING)
                connection, _ = self._listener.accept()
                connection.settimeout(None)
                process, user, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
                stream = Stream(connection)
                if user != os.getuid():
                    stream.close()
                    continue
                name = str(stream.receive()["worker"])
                self._pids[name] = process
                stream.send({**self._welcome})
                self.crew.join(name, stream)
            except (OSError, Gone) as error:
                self.crew.missed(str(error))
