"""Keeps hosts, their gates, balancers and names as the account says.

Started detached by lifecycle.py: python -m clusterbook.lab.ec2.machines LAB
"""

from __future__ import annotations

import asyncio
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from clusterbook.cloud.aws import Cloud
from clusterbook.lab import record
from clusterbook.lab.ec2 import admission, balancers, gates, instances, interruptions, names, resolver, zones
from clusterbook.lab.ec2.lifecycle import REGION
from clusterbook.lab.spec import LabSpec

EVERY_SECONDS = 1.0


async def keep(spec: LabSpec, cloud: Cloud) -> None:
    """Look at the account again and again. Hosts boot in a thread, so that traffic goes on meanwhile."""
    carried, told, kept = balancers.Balancers(spec), Told(), gates.Gates()
    asked = resolver.Resolver(resolver.others())
    await asked.listen(spec.resolver)
    published, known = dict[str, tuple[str, ...]](), dict[str, tuple[str, ...]]()
    booting = asyncio.create_task(asyncio.to_thread(instances.reconcile, cloud, spec))
    while True:
        with told.errors():
            running = await asyncio.to_thread(instances.running, cloud)
            await asyncio.to_thread(interruptions.carry_out, cloud, running)
            rules = await asyncio.to_thread(admission.rules, cloud)
            await carried.keep(await asyncio.to_thread(balancers.fronts, cloud, running, rules))
            await asyncio.to_thread(kept.keep, spec, gates.wanted(running, rules))
            balanced = {name: (address,) for name, address in carried.addresses.items()}
            private = await asyncio.to_thread(zones.read, cloud)
            known = {**balanced, **private.records}
            hosts = {item["PrivateDnsName"]: (item["PrivateIpAddress"],) for item in running}
            asked.known, asked.zones = {**hosts, **known}, private.names
            if published != known:
                names.publish(spec.name, known)
                published = known
        if booting.done():
            with told.errors():
                spec = booting.result()
            booting = asyncio.create_task(asyncio.to_thread(instances.reconcile, cloud, spec))
        await asyncio.sleep(EVERY_SECONDS)


class Told:
    """Writes errors down, one that comes again and again once, so that the next look can try again."""

    def __init__(self) -> None:
        self._last = ""

    @contextmanager
    def errors(self) -> Iterator[None]:
        """An error of the block ends the block alone."""
        try:
            yield
        except Exception:
            trace = traceback.format_exc()
            if trace != self._last:
                sys.stderr.write(f"{time.strftime('%H:%M:%S')} {trace}\n")
                sys.stderr.flush()
            self._last = trace


def main(arguments: list[str]) -> int:
    """Serve one lab until killed."""
    spec = record.read_spec(arguments[0])
    asyncio.run(keep(spec, Cloud("", REGION)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
