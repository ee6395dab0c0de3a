"""Carries the traffic of load balancers: one address of the lab for each, to the targets that answer."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from clusterbook.cloud.aws import Cloud
from clusterbook.lab.command import run
from clusterbook.lab.ec2 import admission
from clusterbook.lab.spec import LabSpec

# Addresses of the lab's network that no subnet of a cluster uses: the first part of the VPC stays free.
FIRST_ADDRESS = 20
CONNECT_SECONDS = 1.0
BLOCK = 65536
Targets = tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Front:
    """One listener: where it is, where its traffic may go, and from which hosts none is taken.

    targets: those that pass their health check; others: those that do not, which get traffic when no target takes it.
    """

    name: str
    port: int
    targets: Targets
    refused: frozenset[str] = frozenset()
    others: Targets = ()


@dataclass
class Balancers:
    """The listeners of one lab, kept as the account says."""

    spec: LabSpec
    addresses: dict[str, str] = field(default_factory=dict)
    _fronts: dict[tuple[str, int], Front] = field(default_factory=dict)
    _servers: dict[tuple[str, int], asyncio.Server] = field(default_factory=dict)
    _turns: Iterator[int] = field(default_factory=itertools.count)

    async def keep(self, fronts: list[Front]) -> None:
        """Open and close listeners, and follow the targets of those that stay."""
        wanted = {(front.name, front.port): front for front in fronts}
        for key in set(self._servers) - set(wanted):
            self._servers.pop(key).close()
        self._fronts = wanted
        for key in wanted:
            if key not in self._servers:
                address = self._address(key[0])
                self._servers[key] = await asyncio.start_server(self._serve(key), address, key[1])

    def _address(self, name: str) -> str:
        if name not in self.addresses:
            network = ipaddress.ip_network(self.spec.network)
            used = set(self.addresses.values())
            free = (str(network[number]) for number in itertools.count(FIRST_ADDRESS))
            self.addresses[name] = next(address for address in free if address not in used)
            run(["ip", "address", "replace", f"{self.addresses[name]}/32", "dev", self.spec.bridge])
        return self.addresses[name]

    def _serve(self, key: tuple[str, int]):  # type: ignore[no-untyped-def]
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await self._carry(key, reader, writer)
            writer.close()

        return serve

    async def _carry(
        self, key: tuple[str, int], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        front = self._fronts.get(key)
        # On AWS such a connection hangs; here it is cut.
        if front is None or writer.get_extra_info("peername")[0] in front.refused:
            return
        turn = next(self._turns)
        for address, port in (*_from(front.targets, turn), *_from(front.others, turn)):
            try:
                opened = asyncio.open_connection(address, port)
                inner, outer = await asyncio.wait_for(opened, CONNECT_SECONDS)
            except (OSError, TimeoutError):
                continue
            await asyncio.gather(_copy(reader, outer), _copy(inner, writer))
            return


def _from(targets: Targets, turn: int) -> list[tuple[str, int]]:
    """All of them, beginning with the one whose turn it is."""
    start = turn % len(targets) if targets else 0
    return [*targets[start:], *targets[:start]]


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Everything from one end to the other, until it ends."""
    with contextlib.suppress(OSError):
        while block := await reader.read(BLOCK):
            writer.write(block)
            await writer.drain()
    with contextlib.suppress(OSError):
        writer.close()


def fronts(
    cloud: Cloud, instances: Sequence[Mapping[str, Any]], rules: Mapping[str, list[Mapping[str, Any]]]
) -> list[Front]:
    """Every TCP listener of the account with the addresses of its targets. instances: those that run."""
    private = {item["InstanceId"]: item["PrivateIpAddress"] for item in instances}
    found = []
    for balancer in cloud.pages("elbv2", "describe_load_balancers", "LoadBalancers"):
        arn = balancer["LoadBalancerArn"]
        for listener in cloud.pages("elbv2", "describe_listeners", "Listeners", LoadBalancerArn=arn):
            group = listener["DefaultActions"][0].get("TargetGroupArn", "")
            healthy, others = _targets(cloud, group, private) if group else ((), ())
            port = int(listener["Port"])
            refused = admission.refused(balancer, port, instances, rules)
            found.append(Front(balancer["DNSName"], port, healthy, refused, others))
    return found


def _targets(cloud: Cloud, group: str, private: dict[str, str]) -> tuple[Targets, Targets]:
    """A group's targets that pass their health check, and the others."""
    answer = cloud.call("elbv2", "describe_target_health", TargetGroupArn=group)
    found: dict[bool, list[tuple[str, int]]] = {True: [], False: []}
    for item in answer["TargetHealthDescriptions"]:
        target = item["Target"]
        if target["Id"] in private:
            found[item["TargetHealth"]["State"] == "healthy"].append((private[target["Id"]], int(target["Port"])))
    return tuple(found[True]), tuple(found[False])
