"""What a cluster costs a month by a dated table of list prices: an estimate, asked of nobody."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources as packaged
from typing import Any

from clusterbook.cloud.model import Wanted

# AWS's own calculator counts a month so.
HOURS = 730


@dataclass(frozen=True)
class Line:
    """One row of the estimate. month: None when the table has no price. spot: bought cheaper than shown."""

    what: str
    count: float
    month: float | None
    spot: bool = False


@dataclass(frozen=True)
class Estimate:
    """All rows. date: of the prices; region_known: whether they are of the cluster's region."""

    date: str
    currency: str
    region_known: bool
    lines: tuple[Line, ...]

    @property
    def month(self) -> float:
        """The sum of all rows that have a price."""
        return sum(line.month or 0.0 for line in self.lines)

    @property
    def unknown(self) -> list[str]:
        """Rows without a price."""
        return [line.what for line in self.lines if line.month is None]


def estimate(resources: Sequence[Wanted], region: str, prices: Mapping[str, Any] | None = None) -> Estimate:
    """The cost of resources as wanted. Traffic, and what runs on the cluster, is not in it."""
    table = prices or load()
    lines = tuple(sorted(_lines(resources, table), key=lambda line: line.what))
    return Estimate(table["date"], table["currency"], region in table["regions"], lines)


def load() -> Mapping[str, Any]:
    """The table: prices of Linux on demand; an instance type is its family's price times its size's."""
    text = packaged.files(__package__).joinpath("prices.json").read_text(encoding="utf-8")
    found: Mapping[str, Any] = json.loads(text)
    return found


def _lines(wanted: Sequence[Wanted], prices: Mapping[str, Any]) -> Iterator[Line]:
    templates = {item.key: item.fields for item in wanted if item.kind == "LaunchTemplate"}
    public = 0
    for item in wanted:
        fields = item.fields
        if item.kind == "Instance":
            yield _machines(item.name, fields["type"], 1, prices)
            yield _volumes(item.name, 1, fields["initial_volume_gib"], prices)
            public += bool(fields["initial_public"])
        elif item.kind == "AutoScalingGroup":
            template = templates[fields["template"].key]
            count = fields.get("count", fields.get("initial_count"))
            spot = _spot(fields, count)
            if spot < count or not count:
                yield _machines(item.name, template["type"], count - spot, prices)
            if spot:
                yield _machines(item.name, template["type"], spot, prices, spot=True)
            yield _volumes(item.name, count, template["volume_gib"], prices)
            public += count * bool(template["public"])
        elif item.kind == "LoadBalancer":
            yield Line(f"load balancer {item.name}", 1, HOURS * prices["balancer_hour"])
            public += len(fields["subnets"]) if fields["scheme"] == "internet-facing" else 0  # one in each zone
        elif item.kind == "NatGateway":
            yield Line(f"NAT gateway {item.name}", 1, HOURS * prices["nat_gateway_hour"])
            public += 1
        elif item.kind == "PrivateZone":
            yield Line(f"private zone {item.name}", 1, prices["private_zone_month"])
    if public:
        yield Line("public addresses", public, public * HOURS * prices["public_address_hour"])


def _spot(group: Mapping[str, Any], count: int) -> int:
    """How many of a group's machines are spot. AWS rounds the others up."""
    if not group["instance_types"]:
        return 0
    above: int = max(count - group["on_demand_base"], 0)
    paid: int = math.ceil(above * group["on_demand_percent"] / 100)
    return above - paid


def _machines(name: str, kind: str, count: int, prices: Mapping[str, Any], spot: bool = False) -> Line:
    family, _, size = kind.partition(".")
    known = family in prices["hour"] and size in prices["size"]
    month = count * HOURS * prices["hour"][family] * prices["size"][size] if known else None
    return Line(f"{kind} {name}", count, month, spot)


def _volumes(name: str, count: int, gib: int, prices: Mapping[str, Any]) -> Line:
    return Line(f"volumes of {name} ({gib} GiB each)", count, count * gib * prices["gp3_gib_month"])
