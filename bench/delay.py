"""A proxy that makes a link long: what goes in comes out later, in both directions, at full throughput.

`python -m bench.delay MILLISECONDS FIRST_PORT ADDRESS...` listens on 127.0.0.1, one port a host, until it is ended.
MILLISECONDS is the round trip.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, Popen

_CHUNK = 1 << 16
ROOT = Path(__file__).parents[1]


@contextmanager
def delayed(milliseconds: int, first_port: int, addresses: Sequence[str]) -> Iterator[None]:
    """The proxy as a process of its own while something is measured."""
    argv = [sys.executable, "-m", "bench.delay", str(milliseconds), str(first_port), *addresses]
    with Popen(argv, cwd=ROOT, stdout=PIPE) as process:
        try:
            if process.stdout is None or not process.stdout.readline():
                raise OSError("the delaying proxy did not start")
            yield
        finally:
            process.terminate()


async def _serve(seconds: float, first_port: int, addresses: Sequence[str]) -> None:
    for port, address in enumerate(addresses, first_port):

        async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, address: str = address) -> None:
            await asyncio.sleep(seconds)  # SYN and its answer cross the link once before any byte
            there, back = await asyncio.open_connection(address, 22)
            await asyncio.gather(_carry(reader, back, seconds / 2), _carry(there, writer, seconds / 2))

        await asyncio.start_server(join, "127.0.0.1", port)
    print("ready", flush=True)
    await asyncio.Event().wait()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float) -> None:
    """Each chunk leaves `seconds` after it came, in order."""
    loop = asyncio.get_running_loop()
    last = loop.time()

    def leave(data: bytes) -> None:
        if data:
            writer.write(data)
        elif not writer.is_closing():
            writer.close()

    while True:
        try:
            data = await reader.read(_CHUNK)
        except ConnectionError:
            data = b""
        last = max(last, loop.time() + seconds)
        loop.call_at(last, leave, data)
        if not data:
            return


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]) / 1000, int(sys.argv[2]), sys.argv[3:]))
