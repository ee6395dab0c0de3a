"""A restore that was cut off goes on as it began, and none takes etcd's revisions back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from clusterbook.cluster import restores
from clusterbook.cluster.backups import Backup
from clusterbook.cluster.restores import BEHIND
from clusterbook.cluster.store import FileStore

NOW = datetime(2026, 11, 28, 10, 45, tzinfo=UTC)
OLDER = Backup("20261126-104500", "demo", "2026-11-26T10:45:00Z", "1.37.2", "3.7.3", 4711, 321, 4096, "", 1)


def revision(backup: Backup, at: datetime) -> int:
    """Where revisions go on after a restore."""
    return backup.revision + restores.new(backup, at).bump


def test_a_restore_goes_on_above_all_revisions_seen_since_an_earlier_one() -> None:
    first = revision(OLDER, NOW)
    newer = replace(OLDER, id="20261128-110000", revision=first + 50_000)
    second = revision(newer, NOW + timedelta(minutes=30))
    assert second > first + 100_000
    assert revision(OLDER, NOW + timedelta(minutes=40)) > second + 100_000


def test_revisions_go_on_by_a_billion_where_a_clock_was_wrong() -> None:
    ahead = replace(OLDER, revision=revision(OLDER, NOW + timedelta(days=365)))
    assert restores.new(ahead, NOW).bump == BEHIND


def test_a_restore_that_was_cut_off_goes_on_with_the_same_name_and_revisions(store: FileStore) -> None:
    begun = restores.begun(store, "demo", OLDER, NOW)
    assert begun == restores.new(OLDER, NOW)
    assert restores.begun(store, "demo", OLDER, NOW + timedelta(hours=1)) == begun


def test_another_restore_has_a_name_of_its_own(store: FileStore) -> None:
    begun = restores.begun(store, "demo", OLDER, NOW)
    other = restores.begun(store, "demo", replace(OLDER, id="20261127-104500"), NOW)
    restores.is_done(store, "demo")
    again = restores.begun(store, "demo", OLDER, NOW + timedelta(seconds=1))
    assert len({begun.token, other.token, again.token}) == 3
