"""A balancer of the lab carries bytes both ways, to the targets that answer."""

from __future__ import annotations

import asyncio

import pytest

from clusterbook.lab.ec2.balancers import Balancers, Front
from clusterbook.lab.spec import LabSpec
from tests.unit.ports import free_port

NAME = "api.example"


async def answering(word: bytes) -> tuple[asyncio.Server, int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(word + await reader.readline())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    return server, server.sockets[0].getsockname()[1]


async def asked(port: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"hello\n")
    answer = await asyncio.wait_for(reader.read(), 30)
    writer.close()
    return answer


@pytest.fixture
def balancers() -> Balancers:
    """Of a lab whose one balancer has its address already."""
    return Balancers(LabSpec("ec2", (), "10.20.0.0/16"), {NAME: "127.0.0.1"})


def test_targets_take_turns_and_a_dead_one_is_passed_over(balancers: Balancers) -> None:
    async def story() -> None:
        one, first = await answering(b"one ")
        two, second = await answering(b"two ")
        port = free_port()
        dead = free_port()
        targets = (("127.0.0.1", first), ("127.0.0.1", dead), ("127.0.0.1", second))
        await balancers.keep([Front(NAME, port, targets)])
        answers = [await asked(port) for _ in range(6)]
        assert {answer.split()[0] for answer in answers} == {b"one", b"two"}
        assert all(answer.endswith(b" hello\n") for answer in answers)
        await balancers.keep([Front(NAME, port, (("127.0.0.1", second),))])
        assert await asked(port) == b"two hello\n"
        await balancers.keep([])
        with pytest.raises(OSError):
            await asked(port)
        one.close()
        two.close()

    asyncio.run(story())


def test_a_target_that_fails_its_health_check_gets_traffic_when_no_other_takes_it(balancers: Balancers) -> None:
    async def story() -> None:
        well, first = await answering(b"well ")
        sick, second = await answering(b"sick ")
        port, others = free_port(), (("127.0.0.1", second),)
        await balancers.keep([Front(NAME, port, (("127.0.0.1", first),), others=others)])
        assert {await asked(port) for _ in range(4)} == {b"well hello\n"}
        well.close()
        await balancers.keep([Front(NAME, port, (("127.0.0.1", first),), others=others)])
        assert {await asked(port) for _ in range(2)} == {b"sick hello\n"}
        await balancers.keep([])
        sick.close()

    asyncio.run(story())


def test_without_a_target_that_answers_the_connection_is_closed(balancers: Balancers) -> None:
    async def story() -> None:
        port = free_port()
        await balancers.keep([Front(NAME, port, (("127.0.0.1", free_port()),))])
        assert await asked(port) == b""
        await balancers.keep([])

    asyncio.run(story())


def test_a_host_that_the_groups_do_not_admit_gets_nothing(balancers: Balancers) -> None:
    async def story() -> None:
        server, target = await answering(b"one ")
        port = free_port()
        await balancers.keep([Front(NAME, port, (("127.0.0.1", target),), frozenset({"127.0.0.1"}))])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await asyncio.wait_for(reader.read(), 30) == b""
        writer.close()
        await balancers.keep([Front(NAME, port, (("127.0.0.1", target),), frozenset({"127.0.0.9"}))])
        assert await asked(port) == b"one hello\n"
        await balancers.keep([])
        server.close()

    asyncio.run(story())
