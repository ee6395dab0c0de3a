"""The lab's name server, asked as hosts ask it."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path

from clusterbook.lab.ec2 import resolver
from clusterbook.lab.ec2.resolver import Resolver, answer_of

KNOWN = {"api.demo.internal": ("10.20.32.10", "10.20.64.10"), "a-1.elb.us-east-2.amazonaws.com": ("10.20.0.20",)}
ZONES = ("demo.internal",)
A, AAAA = 1, 28
# What the old name server at the other end knows.
ELSEWHERE = {"www.example.org": ("192.0.2.1",)}
HOME = "127.0.0.1"


def question(name: str, kind: int = A, more: bytes = b"") -> bytes:
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    return struct.pack("!6H", 77, 0x0100, 1, 0, 0, 1 if more else 0) + labels + struct.pack("!BHH", 0, kind, 1) + more


def said(answer: bytes | None) -> tuple[int, list[str]] | None:
    """(code, addresses) of an answer to the question number 77."""
    if answer is None:
        return None
    number, flags, asked, count, *_ = struct.unpack_from("!6H", answer)
    assert (number, flags >> 15, asked) == (77, 1, 1), answer
    found = [answer[len(answer) - 16 * (count - one) :][12:16] for one in range(count)]
    return flags & 15, [socket.inet_ntoa(one) for one in found]


def test_a_known_name_has_its_addresses_however_it_is_written() -> None:
    for name in ("api.demo.internal", "API.demo.Internal"):
        assert said(answer_of(question(name), KNOWN, ZONES)) == (0, ["10.20.32.10", "10.20.64.10"])
    # A question says more of itself (EDNS): what is not understood is not repeated.
    extended = question("a-1.elb.us-east-2.amazonaws.com", more=b"\0\0)\x04\xd0\0\0\0\0\0\0")
    assert said(answer_of(extended, KNOWN, ZONES)) == (0, ["10.20.0.20"])


def test_a_known_name_has_no_addresses_of_another_kind() -> None:
    assert said(answer_of(question("api.demo.internal", AAAA), KNOWN, ZONES)) == (0, [])


def test_a_private_zone_has_no_names_beside_its_own() -> None:
    assert said(answer_of(question("web.demo.internal"), KNOWN, ZONES)) == (3, [])


def test_of_other_names_and_of_what_cannot_be_read_others_know_more() -> None:
    for unknown in (question("www.example.org"), question("notdemo.internal"), b"", b"\0" * 11, question("a.b")[:-3]):
        assert answer_of(unknown, KNOWN, ZONES) is None


def test_the_machine_s_name_servers_are_asked_in_their_order(tmp_path: Path) -> None:
    file = tmp_path / "resolv.conf"
    file.write_text("search lan\nnameserver 192.0.2.53\n# nameserver no\nnameserver 192.0.2.54\nnameserver\n")
    assert resolver.others(file) == (("192.0.2.53", 53), ("192.0.2.54", 53))
    assert resolver.others(tmp_path / "none") == ()


def free_port() -> int:
    with socket.socket() as found:
        found.bind((HOME, 0))
        return int(found.getsockname()[1])


def asked(way: Callable[[bytes, tuple[str, int]], Awaitable[bytes]], *names: str) -> list[tuple[int, list[str]] | None]:
    """What one says that asks another one, which in turn asks nobody; before it comes one that does not answer."""

    async def work() -> list[tuple[int, list[str]] | None]:
        far, near = free_port(), free_port()
        other = Resolver([])
        other.known = ELSEWHERE
        await other.listen(HOME, far)
        one = Resolver([(HOME, free_port()), (HOME, far)])
        one.known, one.zones = KNOWN, ZONES
        await one.listen(HOME, near)
        found = [said(await way(question(name), (HOME, near))) for name in names]
        for each in (one, other):
            each.close()
        await asyncio.sleep(0.1)  # what is closed goes in the next turns
        return found

    return asyncio.run(work())


def test_it_answers_by_datagram_and_stream_and_asks_others_the_same_way() -> None:
    names = ("api.demo.internal", "www.example.org", "nobody.example")
    expected = [(0, ["10.20.32.10", "10.20.64.10"]), (0, ["192.0.2.1"]), (2, [])]
    assert asked(resolver._by_datagram, *names) == expected
    assert asked(resolver._by_stream, *names) == expected
