"""The task that tells until when every certificate is good."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain

from invoke.context import Context

from clusterbook.cli import hosts
from clusterbook.cli.boundary import command
from clusterbook.cli.cluster import TARGET_HELP
from clusterbook.cli.screen import plural, print_json, print_table, say
from clusterbook.cli.site import Site, open_site, the_cluster
from clusterbook.cli.supplying import refuse_not_up
from clusterbook.cluster.certificates import Certificate, in_order, of_host, of_store, reading_command
from clusterbook.cluster.pki import Authorities
from clusterbook.errors import EXIT_CHANGES, EXIT_DONE, EXIT_FAILED, ClusterbookError, InvalidInput

STORE = "(store)"


@command(help={**TARGET_HELP,
               "days": "mark those that end within this many days, or within half of their life where that is less",
               "json": "show the result as JSON"})  # fmt: skip
def certs(_: Context, inventory: str = "", cluster: str = "", days: int = 30, json_: bool = False) -> int:
    """Show every certificate: who signed it, when it ends, who uses it.

    On the hosts and in the store. Those that end first come first. Exit status 2: one ends within --days, has
    ended, or is not signed by the store's CA; 1: a host could not be read. Nothing is changed, and no private key is
    read on a host.

    Example: invoke certs --inventory lab
    Example: invoke certs --days 90 --json
    """
    refuse_negative(days)
    site = open_site(inventory, cluster, looking=True)
    opened, now = the_cluster(site), datetime.now(UTC)
    refuse_not_up(site.lab)
    answers = hosts.ask(site.inventory.hosts.values(), reading_command())
    unread, found = hosts.unread(answers), every(site, opened.authorities, answers)
    bad = [one for one in found if wants_care(one, now, days)]
    if json_:
        print_json({"certificates": [_form(one, now, days) for one in found], "unread": unread, "days": days})
    else:
        _show(found, unread, now, days)
    return EXIT_FAILED if unread else EXIT_CHANGES if bad else EXIT_DONE


def refuse_negative(days: int) -> None:
    """InvalidInput when --days is no number of days."""
    if days < 0:
        raise InvalidInput(f"--days is {days}", next_step="Say a number of days, 0 or more.")


def every(
    site: Site, authorities: Authorities, answers: Mapping[str, bytes | ClusterbookError]
) -> list[Certificate]:
    """Those of the store and of the hosts that answered, first to end first. answers: to `reading_command`."""
    read = [of_host(name, answer, authorities) for name, answer in answers.items() if isinstance(answer, bytes)]
    return in_order([*chain.from_iterable(read), *of_store(site.store, authorities)])


def wants_care(one: Certificate, now: datetime, days: int) -> bool:
    """Whether it is not signed by the store's CA, has ended, or ends within these days."""
    return bool(one.fault) or one.ends_within(now, days)


def _form(one: Certificate, now: datetime, days: int) -> dict[str, object]:
    return {**vars(one), "issued": one.issued, "expires": one.expires, "days_left": one.days_left(now),
            "soon": one.ends_within(now, days)}  # fmt: skip


def _show(found: Sequence[Certificate], unread: Mapping[str, str], now: datetime, days: int) -> None:
    """A row a certificate; copies of one on several hosts share theirs."""
    copies: dict[tuple[str, str, str], list[Certificate]] = {}
    for one in found:
        copies.setdefault((one.path, one.fingerprint, one.fault), []).append(one)
    print_table(("name", "host", "path", "issued by", "expires", "days", "chain", "used by", ""),
                [_row(same, now, days) for same in copies.values()])  # fmt: skip
    soon, wrong = sum(one.ends_within(now, days) for one in found), sum(bool(one.fault) for one in found)
    print(f"\n{plural(len(found), 'certificate')}: {soon or 'none'} ended or ending within {days} days, "
          f"{wrong or 'none'} with a wrong chain")  # fmt: skip
    if soon or wrong:
        say("  next: invoke provision makes those anew that it wants otherwise or that end soon")
    for host, why in unread.items():
        print(f"not read {host}: {why}", file=sys.stderr)


def _row(same: Sequence[Certificate], now: datetime, days: int) -> tuple[object, ...]:
    one, holders = same[0], [each.host or STORE for each in same]
    left = one.days_left(now)
    mark = "ENDED" if left is not None and left < 0 else "SOON" if one.ends_within(now, days) else ""
    return (one.name, hosts.named(holders), one.path, one.issued_by, f"{one.expires:%Y-%m-%d}" if one.expires else "?",
            "?" if left is None else left, one.fault or "right", one.used_by, mark)  # fmt: skip
