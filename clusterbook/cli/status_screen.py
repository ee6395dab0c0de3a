"""What was seen of a cluster, for people on one screen and for machines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from clusterbook.cli.backups import about
from clusterbook.cli.certs import STORE, wants_care
from clusterbook.cli.screen import plural, print_table, say
from clusterbook.cli.validation import show_failures
from clusterbook.cluster.backups import Backup
from clusterbook.cluster.certificates import Certificate
from clusterbook.cluster.cluster import Cluster
from clusterbook.cluster.health import Finding
from clusterbook.cluster.kubeconfig import server_url
from clusterbook.errors import ClusterbookError

_UNITS = (("day", timedelta(days=1)), ("hour", timedelta(hours=1)), ("minute", timedelta(minutes=1)))


@dataclass(frozen=True)
class SeenHost:
    """One host of the inventory. system: its operating system's own name, empty when it did not say."""

    name: str
    groups: tuple[str, ...]
    reachable: bool
    system: str = ""


@dataclass(frozen=True)
class Status:
    """All that was seen. certificates: first to end first; backup: the last one; unasked: what, and why not."""

    cluster: Cluster
    now: datetime
    days: int
    hosts: tuple[SeenHost, ...]
    nodes: tuple[dict[str, str], ...]
    findings: tuple[Finding, ...]
    certificates: tuple[Certificate, ...]
    backup: Backup | None
    unasked: Mapping[str, ClusterbookError]

    @property
    def sick(self) -> list[Finding]:
        """What is not well."""
        return [one for one in self.findings if not one.healthy]

    @property
    def careful(self) -> list[Certificate]:
        """Certificates that somebody should see to."""
        return [one for one in self.certificates if wants_care(one, self.now, self.days)]

    @property
    def backup_age(self) -> timedelta | None:
        """How long ago the last backup was taken."""
        return None if self.backup is None else self.now - datetime.fromisoformat(self.backup.taken).astimezone(UTC)

    def days_left(self, host: str) -> int | None:
        """Until the first certificate of a host ends; None when none was read. The store is the host ''."""
        return min((left for one in self.certificates if one.host == host
                    if (left := one.days_left(self.now)) is not None), default=None)  # fmt: skip


def as_data(seen: Status) -> dict[str, Any]:
    """For machines."""
    age = seen.backup_age
    last = {**vars(seen.backup), "age_seconds": int(age.total_seconds())} if seen.backup and age is not None else None
    return {
        "cluster": seen.cluster.name, "kubernetes": seen.cluster.spec.complete["kubernetes_version"],
        "server": server_url(seen.cluster), "ready": not (seen.sick or seen.unasked),
        "hosts": [{**asdict(one), "certificate_days": seen.days_left(one.name)} for one in seen.hosts],
        "nodes": list(seen.nodes), "findings": [asdict(one) for one in seen.findings],
        "certificates": {"count": len(seen.certificates), "days": seen.days, "store_days": seen.days_left(""),
                         "want_care": [vars(one) | {"days_left": one.days_left(seen.now)} for one in seen.careful]},
        "backup": last, "not_asked": {what: error.message for what, error in seen.unasked.items()},
    }  # fmt: skip


def show(seen: Status, drift_follows: bool = False) -> None:
    """The screen. drift_follows: what drifted is shown below it."""
    complete = seen.cluster.spec.complete
    print(f"\n{seen.cluster.name}  Kubernetes {complete['kubernetes_version']}  {server_url(seen.cluster)}\n")
    print_table(("HOST", "GROUPS", "REACHED", "SYSTEM", "CERTIFICATES"), [
        (one.name, ", ".join(one.groups), "yes" if one.reachable else "NO", one.system or "?",
         "?" if (left := seen.days_left(one.name)) is None else f"{left} d")
        for one in seen.hosts
    ])  # fmt: skip
    if seen.nodes:
        print()
        print_table(("NODE", "STATE", "ROLE", "VERSION"),
                    [(one["name"], one["state"], one["roles"], one["version"]) for one in seen.nodes])  # fmt: skip
    if seen.findings:
        print()
        print_table(("COMPONENT", "WELL"), list(_counted(seen)))
    if seen.sick:
        print()
        show_failures(seen.findings)
    print()
    for line in (*_of_certificates(seen), *_of_backup(seen), *_not_asked(seen)):
        say(line)
    say("drift         below" if drift_follows else "drift         not looked for: invoke status --drift")


def _counted(seen: Status) -> Iterator[tuple[str, str]]:
    for what in dict.fromkeys(one.what for one in seen.findings):
        well = [one.healthy for one in seen.findings if one.what == what]
        yield what, f"{sum(well)} of {len(well)}"


def _of_certificates(seen: Status) -> Iterator[str]:
    first = next((one for one in seen.certificates if one.expires is not None), None)
    ends = f"; first ends in {first.days_left(seen.now)} d: {first.used_by}, {first.host or STORE}" if first else ""
    care = len(seen.careful)
    yield f"certificates  {len(seen.certificates)} read, {care or 'none'} to see to{ends}"
    if care:
        yield "  next: invoke certs shows which, invoke provision makes them anew"


def _of_backup(seen: Status) -> Iterator[str]:
    if seen.backup is not None and seen.backup_age is not None:
        yield f"backup        {age(seen.backup_age)} old: {seen.backup.id}, {about(seen.backup)}"
    elif "backups" not in seen.unasked:
        yield "backup        none; take one: invoke backup"


def _not_asked(seen: Status) -> Iterator[str]:
    for what, error in seen.unasked.items():
        yield f"not asked     {what}: {error.message}"
        if error.next_step:
            yield f"  next: {error.next_step}"


def age(time: timedelta) -> str:
    """A time in its largest whole unit."""
    for name, unit in _UNITS:
        if time >= unit:
            return plural(time // unit, name)
    return "less than a minute"
