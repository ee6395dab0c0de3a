"""What very many hosts take of this machine's memory."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clusterbook.execute import session
from clusterbook.execute.session import AgentSession

# Threads that each hold something of glibc's own, all at once; how many heaps they had, by malloc_info(3).
COUNT = """
import ctypes, sys, threading
from clusterbook.execute.memory import expect_threads
expect_threads(int(sys.argv[1]))
libc = ctypes.CDLL(None)
libc.malloc.argtypes, libc.malloc.restype = [ctypes.c_size_t], ctypes.c_void_p
libc.fopen.restype = ctypes.c_void_p
together, done = threading.Barrier(41), threading.Barrier(41)
def hold():
    libc.malloc(100_000)
    together.wait(); done.wait()
threads = [threading.Thread(target=hold) for _ in range(40)]
for thread in threads: thread.start()
together.wait()
stream = libc.fopen(sys.argv[2].encode(), b"w")
libc.malloc_info(0, ctypes.c_void_p(stream)); libc.fclose(ctypes.c_void_p(stream))
done.wait()
print(open(sys.argv[2]).read().count("<heap "))
"""


def heaps(tmp_path: Path, threads: int) -> int:
    words = [sys.executable, "-c", COUNT, str(threads), str(tmp_path / "info")]
    return int(subprocess.run(words, check=True, capture_output=True, text=True).stdout)


def test_many_threads_share_two_heaps_and_few_are_left_alone(tmp_path: Path) -> None:
    assert heaps(tmp_path, 200) <= 2 < heaps(tmp_path, 8)


def test_the_agents_code_is_not_copied_for_each_host(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[bytes] = []

    class Bundle:
        digest, payload = "0" * 64, b"code" * 1000
        compiled: Callable[[], bytes] = lambda self: self.payload

    class Host:
        host, python = "a", None

        def start(self, *about: Any) -> Any:
            return self

        def read(self, size: int, timeout: float | None = None) -> bytes:
            return b"CLUSTERBOOK need 3.11 x\n"

        def write(self, data: bytes) -> None:
            written.append(data)

    monkeypatch.setattr(session, "agent_bundle", Bundle)
    AgentSession(Host(), None)  # type: ignore[arg-type]
    assert written[0] == len(Bundle.payload).to_bytes(8, "big") and written[1] is Bundle.payload
