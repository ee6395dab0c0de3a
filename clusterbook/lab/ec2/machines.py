"""Keeps hosts, balancers and names as the account says. Started detached: python -m clusterbook.lab.ec2.machines LAB"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
import traceback

from clusterbook.cloud.aws import Cloud
from clusterbook.errors import ClusterbookError
from clusterbook.lab import record
from clusterbook.lab.ec2 import balancers, instances, names
from clusterbook.lab.ec2.lifecycle import REGION
from clusterbook.lab.spec import LabSpec

EVERY_SECONDS = 1.0


async def keep(spec: LabSpec, cloud: Cloud) -> None:
    """Look at the account again and again. Hosts boot in a thread, so that traffic goes on meanwhile."""
    carried = balancers.Balancers(spec)
    published: dict[str, str] = {}
    booting = asyncio.create_task(asyncio.to_thread(instances.reconcile, cloud, spec))
    while True:
        with contextlib.suppress(ClusterbookError):
            await carried.keep(await asyncio.to_thread(balancers.fronts, cloud))
        if booting.done():
            before, spec = spec, _result(booting, spec)
            if spec != before or published != carried.addresses:
                names.publish(spec, carried.addresses)
                published = dict(carried.addresses)
            booting = asyncio.create_task(asyncio.to_thread(instances.reconcile, cloud, spec))
        await asyncio.sleep(EVERY_SECONDS)


def _result(task: asyncio.Task[LabSpec], spec: LabSpec) -> LabSpec:
    """The lab after a look; an error is written down, and the next look tries again."""
    try:
        return task.result()
    except Exception:
        sys.stderr.write(f"{time.strftime('%H:%M:%S')} {traceback.format_exc()}\n")
        sys.stderr.flush()
        return spec


def main(arguments: list[str]) -> int:
    """Serve one lab until killed."""
    spec = record.read_spec(arguments[0])
    asyncio.run(keep(spec, Cloud("", REGION)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
