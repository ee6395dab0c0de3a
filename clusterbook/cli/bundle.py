"""The task bundle: one file with all that a cluster's hosts need, for a place without network."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from invoke.context import Context

from clusterbook import __version__
from clusterbook.cli import places, runs
from clusterbook.cli.artifacts import reporter
from clusterbook.cli.boundary import command
from clusterbook.cli.clusters import CLUSTER_HELP
from clusterbook.cli.screen import Stage, plural, print_json, print_table, say, stage
from clusterbook.cli.site import Site, evaluate, foreseen_site
from clusterbook.cluster import spec as specs
from clusterbook.cluster.artifacts import supply as supplies
from clusterbook.cluster.artifacts.supply import Supply
from clusterbook.cluster.bundle import archive, debian, parts, spdx
from clusterbook.cluster.bundle.foreseen import Foreseen, System, foresee
from clusterbook.cluster.bundle.parts import Gathered, Part
from clusterbook.cluster.bundle.wanted import Wanted, wanted
from clusterbook.errors import InvalidInput
from clusterbook.records import dataclass

# validate-cluster asks for a name in a pod of busybox; what people use Kubernetes for is tried with agnhost as well.
LOOKING, TRYING = {"busybox"}, {"agnhost"}
# What an inventory may say of a host that nobody can ask.
SYSTEM, ARCHITECTURE = "bundle_system", "bundle_architecture"


@dataclass(frozen=True)
class _Plan:
    """What a bundle will hold, before anything is fetched."""

    site: Site
    kubernetes: str
    architecture: str
    found: Foreseen
    wanted: Wanted


@command(
    help={
        "inventory": places.INVENTORY_HELP,
        "out": "the file to write: its name ends with .tar, .tar.gz or .tar.zst",
        "check": "show what would go in, and how large it is; write no bundle",
        "sbom": "write the bill of materials (SPDX 2.3 in JSON) into this file, too",
        "system": f"what hosts run that do not say it by {SYSTEM}: debian-12 or debian-13",
        "kubernetes-version": "this version instead of the cluster's, before an upgrade to it",
        "acceptance": "also the image that verify --acceptance tries the cluster with",
        "cluster": CLUSTER_HELP,
        "json": "show the result as JSON",
    }
)
def bundle(
    _: Context, inventory: str = "", out: str = "", check: bool = False, sbom: str = "", system: str = "",
    kubernetes_version: str = "", acceptance: bool = False, cluster: str = "", json_: bool = False,
) -> None:  # fmt: skip
    """Write one file that raises a cluster without any network.

    It holds what the hosts of that inventory will fetch, and no more: programs, images, Debian packages with all that
    they depend on, this version's playbooks, checksums and a bill of materials. The cluster need not exist yet.

    Example: invoke bundle --inventory my-cluster --check
    Example: invoke bundle --inventory my-cluster --system debian-12 --out my-cluster.tar.zst
    """
    if not (out or check or sbom):
        raise InvalidInput("nothing says where to write the bundle", next_step="Give --out FILE, or --check.")
    if out:
        archive.check_name(Path(out))
    output = sys.stderr if json_ else sys.stdout
    more = LOOKING | (TRYING if acceptance else set())
    planned = _plan(inventory, cluster, system, kubernetes_version, more)
    with stage("parts", output) as shown:
        gathered = _gather(planned, shown)
        text = spdx.document(planned.site.name, gathered.parts)
        shown.result = f"{plural(len(gathered.parts), 'file')}, {_megabytes(gathered.parts)} MB"
    if sbom:
        Path(sbom).write_bytes(text)
    written: dict[str, Any] = {}
    if out and not check:
        with stage("bundle", output) as shown:
            total = archive.write(Path(out), _about(planned, gathered), text, gathered.parts, _progress(shown))
            written = {"file": out, "sha256": total, "size": Path(out).stat().st_size}
            shown.result = f"{out}, {written['size'] // 10**6} MB"
    _show(planned, gathered, written, json_)


def _plan(inventory: str, cluster: str, system: str, version: str, images: Collection[str] = ()) -> _Plan:
    """What the hosts will fetch. images: more of the catalog's, by name."""
    playbook = places.playbook("site")
    site = foreseen_site(inventory, cluster, playbook, version)
    systems = {name: _system(site, name, system) for name in site.inventory.hosts}
    debian.check(systems.values())
    architectures = sorted({one.architecture for one in systems.values()})
    if len(architectures) != 1:
        raise InvalidInput(f"the hosts are of several architectures: {', '.join(architectures)}",
                           next_step="Make a cluster of hosts of one architecture.")  # fmt: skip
    found = foresee(runs.prepare(site, runs.Order(playbook, runs.selection())), systems)
    found.images.update(name.replace("-", "_") for name in images)
    versions = specs.versions(next(iter(site.inventory.hosts.values())).variables)
    catalog = supplies.default().catalog
    return _Plan(site, versions["kubernetes"], architectures[0], found,
                 wanted(found, catalog, versions, architectures[0]))  # fmt: skip


def _system(site: Site, name: str, default: str) -> System:
    """What a host runs, by its inventory: of a lab's hosts it is known."""
    host = site.inventory.hosts[name]
    known = {key: str(evaluate(host, host.variables[key])) for key in (SYSTEM, ARCHITECTURE) if key in host.variables}
    in_lab = site.lab.host(name).image if site.lab else ""
    release = known.get(SYSTEM) or in_lab or default
    if not release:
        raise InvalidInput(f"nothing says which Debian {name} runs",
                           next_step=f"Set {SYSTEM}: debian-12 for it in the inventory, or give --system.")  # fmt: skip
    return System(release, known.get(ARCHITECTURE, "amd64"))


def _gather(planned: _Plan, shown: Stage) -> Gathered:
    settings: Supply = supplies.default(reporter(shown))
    parts.check(settings, planned.wanted)
    packages = {
        system: debian.resolve(system, names, settings.cache, settings.report)
        for system, names in sorted(planned.found.packages.items(), key=lambda one: one[0].release)
    }
    return parts.gather(settings, planned.wanted, packages, places.brought())


def _about(planned: _Plan, gathered: Gathered) -> Mapping[str, Any]:
    return {
        "clusterbook": __version__, "cluster": planned.site.name, "kubernetes": planned.kubernetes,
        "architecture": planned.architecture, "index": gathered.index,
        "releases": sorted({system.release for system in planned.found.packages}),
    }  # fmt: skip


def _show(planned: _Plan, gathered: Gathered, written: Mapping[str, Any], as_json: bool) -> None:
    shown = [part for part in gathered.parts if part.kind != "project"]
    if as_json:
        files = [{"name": part.name, "kind": part.kind, "version": part.version, "size": part.size,
                  "sha256": part.sha256, "licence": part.licence} for part in gathered.parts]  # fmt: skip
        print_json({**_about(planned, gathered), "size": sum(part.size for part in gathered.parts),
                    "written": written or None, "files": files})  # fmt: skip
    elif written:
        print(f"SHA-256 {written['sha256']}")
        say(f"  Where the hosts are: invoke mirror --start --bundle {Path(written['file']).name} --sha256 SUM")
    else:
        print_table(("FILE", "KIND", "VERSION", "KB"),
                    [(part.name, part.kind, part.version, f"{part.size // 1000}") for part in shown])  # fmt: skip
        own = [part for part in gathered.parts if part.kind == "project"]
        print(f"and {plural(len(own), 'file')} of playbooks, roles and schemas ({_megabytes(own)} MB)")


def _megabytes(some: tuple[Part, ...] | list[Part]) -> str:
    return f"{sum(part.size for part in some) / 10**6:.1f}"


def _progress(shown: Stage) -> Callable[[int, int], None]:
    return lambda done, total: shown.say(f"{done // 10**6}/{total // 10**6} MB", urgent=False)
