"""The name server of the lab's VPC: load balancers, private zones and instances by name; the rest it asks elsewhere.

As on AWS it is at the second address of the network. It knows addresses of IPv4 alone (RFC 1035).
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import struct
from collections.abc import Awaitable, Callable, Collection, Sequence
from pathlib import Path
from typing import cast

from clusterbook.lab.ec2.names import Names

PORT = 53
# How long another name server may take.
SECONDS = 2.0
TTL_SECONDS = 60
ADDRESS, INTERNET = 1, 1
NO_ERROR, FAILED, NO_SUCH_NAME = 0, 2, 3
# An answer, authoritative, by one who also asks others.
ANSWERS = 0x8480
ASKED_TO_RECURSE = 0x0100
HEADER = struct.Struct("!6H")
UNREADABLE = (struct.error, IndexError, UnicodeDecodeError)
Server = tuple[str, int]
# question, server -> its answer
Ask = Callable[[bytes, Server], Awaitable[bytes]]


def others(file: Path = Path("/etc/resolv.conf")) -> tuple[Server, ...]:
    """The name servers of this machine."""
    words = [line.split() for line in file.read_text().splitlines()] if file.exists() else []
    return tuple((line[1], PORT) for line in words if line[:1] == ["nameserver"] and len(line) > 1)


class Resolver:
    """Answers by what it knows, which is set again and again."""

    def __init__(self, upstream: Sequence[Server]) -> None:
        """upstream: whom to ask what it does not know, one after the other."""
        self.known: Names = {}
        self.zones: Collection[str] = ()
        self._upstream = upstream
        self._tasks = set[asyncio.Task[None]]()
        self._open = list[asyncio.BaseTransport | asyncio.Server]()

    async def listen(self, address: str, port: int = PORT) -> None:
        """Answer there from now on, by UDP and TCP. OSError when the port is taken."""
        loop = asyncio.get_running_loop()
        datagrams, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self._begin), local_addr=(address, port))
        self._open.append(datagrams)
        self._open.append(await asyncio.start_server(self._serve, address, port))

    def close(self) -> None:
        """Answer no more."""
        for one in self._open:
            one.close()

    async def answer(self, question: bytes, ask: Ask) -> bytes:
        """The answer to one question. ask: by the protocol that it came by."""
        own = answer_of(question, self.known, self.zones)
        if own is not None:
            return own
        for server in self._upstream:
            with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
                return await asyncio.wait_for(ask(question, server), SECONDS)
        return _failure(question)

    def _begin(self, question: bytes, send: Callable[[bytes], None]) -> None:
        async def work() -> None:
            send(await self.answer(question, _by_datagram))

        task = asyncio.get_running_loop().create_task(work())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                _write(writer, await self.answer(await _read(reader), _by_stream))
                await writer.drain()
        writer.close()


def answer_of(question: bytes, known: Names, zones: Collection[str]) -> bytes | None:
    """The answer by what is known: a name's addresses, that it has none, or that its zone has no such name.

    None for all other questions, also for those that cannot be read: others may know better.
    """
    try:
        name, kind, end = _asked(question)
    except UNREADABLE:
        return None
    if name in known:
        addresses = known[name] if kind == (ADDRESS, INTERNET) else ()
        return _reply(question[:end], NO_ERROR, addresses)
    if any(name.endswith(f".{zone}") for zone in zones):
        return _reply(question[:end], NO_SUCH_NAME, ())
    return None


def _asked(question: bytes) -> tuple[str, tuple[int, int], int]:
    """(name in small letters, (type, class), where its only question ends). IndexError for what is no such question."""
    _, flags, count, *_ = HEADER.unpack_from(question)
    if flags & 0xF800 or count != 1:
        raise IndexError
    place, labels = HEADER.size, []
    while length := question[place]:
        labels.append(question[place + 1 : place + 1 + length].decode("ascii").lower())
        place += 1 + length
    return ".".join(labels), struct.unpack_from("!HH", question, place + 1), place + 5


def _failure(question: bytes) -> bytes:
    """That nobody answered; nothing to what cannot be read."""
    try:
        return _reply(question[: _asked(question)[2]], FAILED, ())
    except UNREADABLE:
        return b""


def _reply(question: bytes, code: int, addresses: Sequence[str]) -> bytes:
    """question: up to the end of what it asks."""
    number, flags, count, *_ = HEADER.unpack_from(question)
    says = ANSWERS | flags & ASKED_TO_RECURSE | code
    # Each answer's name is the one that was asked for: a pointer behind the header.
    records = [struct.pack("!HHHIH", 0xC000 | HEADER.size, ADDRESS, INTERNET, TTL_SECONDS, 4)
               + ipaddress.IPv4Address(one).packed for one in addresses]  # fmt: skip
    head = HEADER.pack(number, says, count, len(records), 0, 0)
    return head + question[HEADER.size :] + b"".join(records)


class _Datagrams(asyncio.DatagramProtocol):
    """received(data, send), for each one that comes."""

    def __init__(self, received: Callable[[bytes, Callable[[bytes], None]], None]) -> None:
        self._received = received

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Server) -> None:
        transport = cast("asyncio.DatagramTransport", self._transport)
        self._received(data, lambda answer: transport.sendto(answer, addr))


async def _by_datagram(question: bytes, server: Server) -> bytes:
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[bytes] = loop.create_future()

    def received(data: bytes, send: Callable[[bytes], None]) -> None:
        if not answer.done() and data[:2] == question[:2]:
            answer.set_result(data)

    transport, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(received), remote_addr=server)
    try:
        transport.sendto(question)
        return await answer
    finally:
        transport.close()


async def _by_stream(question: bytes, server: Server) -> bytes:
    reader, writer = await asyncio.open_connection(*server)
    try:
        _write(writer, question)
        return await _read(reader)
    finally:
        writer.close()


async def _read(reader: asyncio.StreamReader) -> bytes:
    """A message with its length before it."""
    return await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))


def _write(writer: asyncio.StreamWriter, message: bytes) -> None:
    writer.write(len(message).to_bytes(2, "big") + message)
