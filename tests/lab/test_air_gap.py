"""Hosts without any way out become a cluster from one file and are upgraded from the next.

What they run is what the bill of materials says.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest
import yaml

from clusterbook.cluster.bundle import spdx
from clusterbook.lab import record
from clusterbook.lab.command import run
from clusterbook.lab.inventory_file import inventory_text
from clusterbook.lab.spec import LabHost, LabSpec
from tests.lab.asking import as_root
from tests.lab.forms import ROOT, is_well
from tests.lab.test_upgrade import NEW, OLD, versions, without_version

if TYPE_CHECKING:
    from tests.lab.conftest import Cluster

pytestmark = pytest.mark.skipif("CLUSTERBOOK_FULL" not in os.environ, reason="a long form: make full")
# One host of each Debian, so that the bundle needs packages of both.
GROUPS = {
    "control_plane": [LabHost("cp-1", "10.74.0.11")],
    "worker": [LabHost("w-1", "10.74.0.21", "debian-13")],
}
SPEC = LabSpec("gap", tuple(host for hosts in GROUPS.values() for host in hosts), "10.74.0.0/24")
TABLE = "clusterbook_test_gap"
# The mirror's two ports, and answers to what this machine itself began: nothing else leaves the lab's bridge.
BLOCK = f"""\
table inet {TABLE} {{
  chain here {{
    type filter hook input priority -200
    iifname "{SPEC.bridge}" ct state established,related accept
    iifname "{SPEC.bridge}" tcp dport {{ {SPEC.files_port}, {SPEC.registry_port} }} accept
    iifname "{SPEC.bridge}" counter drop
  }}
  chain beyond {{
    type filter hook forward priority -200
    iifname "{SPEC.bridge}" oifname != "{SPEC.bridge}" counter drop
  }}
}}
"""


@contextmanager
def blocked() -> Iterator[None]:
    run(["nft", "-f", "-"], stdin=BLOCK)
    try:
        yield
    finally:
        run(["nft", "delete", "table", "inet", TABLE])


def dropped() -> list[int]:
    """Packets that the two rules dropped: to this machine, to what lies behind it."""
    rules = json.loads(run(["nft", "-j", "list", "table", "inet", TABLE]))["nftables"]
    counted = [part["counter"]["packets"] for rule in rules for part in rule.get("rule", {}).get("expr", ())
               if "counter" in part]  # fmt: skip
    assert len(counted) == 2
    return counted


def on(host: str, command: str) -> str:
    return as_root(SPEC, host, command)


def connects(host: str, address: str, port: int) -> bool:
    program = f"import socket; socket.create_connection(('{address}', {port}), 3).close()"
    return on(host, f'python3 -c "{program}" 2> /dev/null && echo yes || echo no') == "yes"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, clusters: Any) -> Iterator[Cluster]:
    """The lab, its bundle beside the inventory, and then the block."""
    if os.geteuid() != 0:
        pytest.skip("a lab needs root")
    folder = tmp_path_factory.mktemp("gap")
    document = yaml.safe_load(inventory_text(SPEC, GROUPS))
    document["all"]["vars"] |= {"api_address": "10.74.0.10", "kubernetes_version": OLD}
    (folder / "gap.yml").write_text(yaml.safe_dump(document))
    (folder / "group_vars").symlink_to(ROOT / "inventory" / "group_vars")
    one: Cluster = clusters(SPEC.name, folder / "gap.yml", folder / "store")
    bundled(one, OLD, "gap")
    assert f"says kubernetes_version: {OLD}" in one.on(
        "bundle", "--kubernetes-version", NEW, "--check", expect=3).errors  # fmt: skip
    try:
        one.on("lab-up")
        assert connects("w-1", SPEC.gateway, SPEC.apt_port), "without the block hosts reach the lab's package cache"
        with blocked():
            yield one
    finally:
        if SPEC.name in record.names():
            one("lab-down", "--name", SPEC.name, expect=None)


def bundled(one: Cluster, version: str, name: str) -> dict[str, Any]:
    """Make a bundle beside the inventory; what is told of it."""
    place = one.inventory.with_name(name)
    where = ("--out", f"{place}.tar.zst", "--sbom", f"{place}.spdx.json")
    told: dict[str, Any] = json.loads(one.on("bundle", "--kubernetes-version", version, *where, "--json").output)
    return told


def test_hosts_without_a_way_out_become_a_cluster_from_the_bundle_alone(lab: Cluster, tmp_path: Path) -> None:
    bundle = lab.inventory.with_name("gap.tar.zst")
    for host in SPEC.hosts:
        assert not connects(host.name, SPEC.gateway, SPEC.apt_port)
        assert not connects(host.name, "192.0.2.1", 80)
    assert all(dropped()), "both rules of the block have dropped something"
    empty = tmp_path / "cache"
    bare = without_cache(lab, empty)
    bare.on("mirror", "--start", "--bundle", str(bundle))
    assert not list(empty.rglob("*")), "the mirror was filled from the bundle, not from a cache"
    assert connects("w-1", SPEC.gateway, SPEC.files_port)
    bare.on("provision")
    is_well(bare)
    bare.on("mirror", "--start", "--bundle", str(bundle))
    bare.on("plan")


def test_programs_on_hosts_have_the_sums_of_the_bill_of_materials(lab: Cluster) -> None:
    said = sums(lab)
    wanted = {total for name, total in said.items() if name.startswith("files/") and "." not in Path(name).name
              and "/packages/" not in name}  # fmt: skip
    scripts = {total for name, total in said.items() if "/roles/" in f"/{name}" and "/files/" in name}
    assert scripts
    found: set[str] = set()
    for host in SPEC.hosts:
        listed = on(host.name, "find /usr/local/bin /opt/cni/bin -type f -exec sha256sum {} +")
        here = {line.split()[0] for line in listed.splitlines()} - scripts
        assert here <= wanted, f"{host.name} has programs that the bundle did not bring"
        found |= here
    assert found == wanted, "each program of the bundle is on some host"


def test_packages_on_hosts_have_the_sums_of_the_bill_of_materials(lab: Cluster) -> None:
    said = sums(lab)
    for host in SPEC.hosts:
        listed = on(host.name, "sha256sum /var/cache/apt/archives/*.deb")
        found = {Path(unquote(line.split()[1])).name: line.split()[0] for line in listed.splitlines()}
        brought = {Path(name).name: total for name, total in said.items() if f"/packages/{host.image}/" in name}
        for name, total in found.items():
            assert brought[without_epoch(name)] == total, name
        installed = {name.partition("_")[0] for name in found}
        assert {"conntrack", "nftables", "runc", "socat"} <= installed
        on(host.name, f"dpkg --verify {' '.join(sorted(installed - {'runc'}))}")


def test_images_on_hosts_have_the_digests_of_the_bill_of_materials(lab: Cluster) -> None:
    document = json.loads(lab.inventory.with_name("gap.spdx.json").read_text())
    said = {
        package["name"]: package["externalRefs"][0]["referenceLocator"].partition("@")[2].replace("%3A", ":")
        for package in document["packages"] if package.get("primaryPackagePurpose") == "CONTAINER"
    }  # fmt: skip
    found: dict[str, str] = {}
    for host in SPEC.hosts:
        for line in on(host.name, "ctr --namespace=k8s.io images list").splitlines()[1:]:
            reference, _, digest = line.split()[:3]
            if not reference.startswith("sha256:") and "@" not in reference:
                found[reference] = digest
    assert found == said


def test_a_cluster_without_a_way_out_is_upgraded_from_the_next_bundle(
    lab: Cluster, tmp_path: Path, measured: Callable[[str, float], None]
) -> None:
    without_version(lab)  # the cluster's own configuration says it by now
    for name, value in sizes(bundled(lab, NEW, "next")).items():
        measured(name, value)
    bare = without_cache(lab, tmp_path / "cache")
    bare.on("mirror", "--start", "--bundle", str(lab.inventory.with_name("next.tar.zst")))
    bare.on("upgrade", "--to", NEW, "--check", expect=2)
    bare.on("upgrade", "--to", NEW)
    assert set(versions(bare).values()) == {f"v{NEW}"}
    is_well(bare)
    bare.on("plan")
    wanted = set(sums(lab, "next").values())
    scripts = {total for name, total in sums(lab, "next").items() if "/roles/" in f"/{name}"}
    for host in SPEC.hosts:
        listed = on(host.name, "find /usr/local/bin /opt/cni/bin -type f -exec sha256sum {} +")
        assert {line.split()[0] for line in listed.splitlines()} - scripts <= wanted


def without_cache(lab: Cluster, empty: Path) -> Cluster:
    """The same where nothing is cached: the operator's own kubectl comes out of the bundle, too."""
    more = {"XDG_CACHE_HOME": str(empty), "CLUSTERBOOK_MIRROR": f"http://{SPEC.gateway}:{SPEC.files_port}"}
    return replace(lab, environment={**lab.environment, **more})


def sizes(told: dict[str, Any]) -> dict[str, float]:
    """What is said of a bundle's size, of what `bundle --json` tells."""
    packages = [file["size"] for file in told["files"] if file["kind"] == "package"]
    return {
        "files": len(told["files"]), "megabytes": told["size"] / 10**6,
        "packed_megabytes": told["written"]["size"] / 10**6,
        "packages": len(packages), "megabytes_of_packages": sum(packages) / 10**6,
    }  # fmt: skip


def sums(lab: Cluster, bundle: str = "gap") -> dict[str, str]:
    return spdx.sums(lab.inventory.with_name(f"{bundle}.spdx.json").read_bytes())


def without_epoch(name: str) -> str:
    """apt keeps a package under its whole version; a repository's file names lack what is before the colon."""
    package, version, rest = name.split("_", 2)
    return f"{package}_{version.rpartition(':')[2]}_{rest}"
