"""What a site says of its hosts."""

from __future__ import annotations

from pathlib import Path

from clusterbook.cli.site import Site, overridden, value_of
from clusterbook.cluster.store import open_store
from clusterbook.cluster.verification.subjects import subjects
from clusterbook.inventory import load


def site(tmp_path: Path) -> Site:
    path = tmp_path / "hosts.yml"
    path.write_text("etcd: {hosts: {a: {port: 1, url: 'https://a:{{ port }}'}, b: {port: 2, url: x}}}\n")
    return Site(load(path), path, open_store({"CLUSTERBOOK_STATE_STORE": f"file://{tmp_path}"}), "demo")


def test_extra_variables_beat_those_of_every_host(tmp_path: Path) -> None:
    given = overridden(site(tmp_path), {"port": 3})
    assert value_of(given, "a", "url") == "https://a:3"
    assert [one.variables["port"] for one in given.inventory.hosts.values()] == [3, 3]


def test_verify_files_see_extra_variables_above_the_defaults_of_roles(tmp_path: Path) -> None:
    (tmp_path / "roles" / "etcd" / "defaults").mkdir(parents=True)
    (tmp_path / "roles" / "etcd" / "defaults" / "main.yml").write_text("etcd_days: 30\nport: 9\n")
    plain = site(tmp_path)
    given = overridden(plain, {"etcd_days": 31})
    seen = [
        subjects(one.inventory.hosts, one.inventory.groups, tmp_path / "roles")[0].variables for one in (plain, given)
    ]
    assert [one["etcd_days"] for one in seen] == [30, 31]
    assert [one["url"] for one in seen] == ["https://a:1", "https://a:1"]
    assert seen[1]["hostvars"]["b"]["etcd_days"] == 31
