"""Tasks on artifacts: the binaries and images of clusters, and the mirror that serves them to a lab."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from invoke.context import Context

from clusterbook.cli import lab
from clusterbook.cli.boundary import command
from clusterbook.cli.clusters import wanted_components, wanted_versions
from clusterbook.cli.screen import Stage, plural, print_json, print_table, stage
from clusterbook.cluster.artifacts import supply as supplies
from clusterbook.cluster.artifacts.events import Event, Report, silent
from clusterbook.cluster.artifacts.images import supply_image
from clusterbook.cluster.artifacts.listing import listing
from clusterbook.cluster.artifacts.lock import load as load_lock
from clusterbook.cluster.artifacts.publish import COMPONENTS, IMAGES, TEST_IMAGES
from clusterbook.cluster.artifacts.supply import MIRROR_VARIABLE, SOURCES, Supply
from clusterbook.cluster.store import open_store
from clusterbook.errors import InvalidInput
from clusterbook.lab import mirror as mirrors
from clusterbook.lab.mirror_servers import Mirror, check_address, of_lab, of_machine, status, stop
from clusterbook.lab.requirements import check_root


@command(
    iterable=["name"],
    help={
        "name": "a component or image (may be repeated); default: what a cluster needs",
        "list": "show every component and version, and whether it is here (the default)",
        "fetch": "bring them into the cache: from a mirror, the vendor's release, or by building",
        "build": "bring them into the cache by building alone",
        "lock": "add new checksums to the lock file instead of refusing them; review the change",
        "version": "a version other than the catalog's default",
        "architecture": "amd64 or arm64; default: this machine's",
        "json": "show the result as JSON",
    },
)
def artifacts(
    _: Context, name: Sequence[str] | None = None, list_: bool = False, fetch: bool = False, build: bool = False,
    lock: bool = False, version: str = "", architecture: str = "", json_: bool = False,
) -> None:  # fmt: skip
    """List, fetch or build the binaries and images of clusters.

    Every file is checked against the lock file before it is used. The cache outlives clones of the project.

    Example: invoke artifacts
    Example: invoke artifacts --fetch --name kubernetes --version 1.36.3
    """
    if not (fetch or build or lock):
        _list(json_)
        return
    with stage("binaries", sys.stderr if json_ else sys.stdout) as shown:
        sources = ("cache", "build") if build else SOURCES
        settings = supplies.default(silent if json_ else reporter(shown), locking=lock, sources=sources)
        chosen = tuple(name or ()) or (*COMPONENTS, *IMAGES, *TEST_IMAGES)
        _check_names(settings, chosen)
        for one in chosen:
            _supply(settings, one, version or None, architecture or None)
        shown.result = f"{plural(len(chosen), 'component')} in the cache"


def _list(as_json: bool) -> None:
    rows = list(listing(supplies.default()))
    if as_json:
        print_json([{"path": row.path, "files": row.files, "default": row.default, "locked": row.locked,
                     "cached": row.cached} for row in rows])  # fmt: skip
        return
    print_table(
        ("ARTIFACT", "HERE", "DEFAULT", "LOCKED FOR"),
        [
            (row.path, "yes" if row.cached else "no", "yes" if row.default else "", ", ".join(row.locked) or "nothing")
            for row in rows
        ],
    )


def _check_names(settings: Supply, names: Sequence[str]) -> None:
    known = {*settings.catalog.components, *settings.catalog.images}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise InvalidInput(
            f"the catalog has no {', '.join(unknown)}", next_step=f"Name some of: {', '.join(sorted(known))}."
        )


def _supply(settings: Supply, name: str, version: str | None, architecture: str | None) -> None:
    if name in settings.catalog.components:
        supplies.supply(settings, settings.catalog.component(name, version, architecture))
    if name in settings.catalog.images:
        supply_image(settings, settings.catalog.image(name, version, architecture))


def reporter(shown: Stage) -> Report:
    """What the supply does, on a stage."""

    def report(event: Event) -> None:
        counted = f" {event.done}{f'/{event.total}' if event.total else ''} {event.unit}" if event.unit else ""
        shown.say(f"{event.artifact}: {event.detail}{counted}", urgent=event.kind in ("started", "done"))

    return report


@command(
    help={
        "inventory": lab.HELP["inventory"],
        "name": lab.HELP["name"],
        "start": "fill the mirror and start its servers",
        "stop": "stop its servers",
        "status": "show whether its servers run (the default)",
        "address": "serve hosts outside of labs instead, from this address of this machine",
        "kubernetes-version": "this version instead of the one that the cluster has, before an upgrade to it",
        "bundle": "with --start: fill it from this file of invoke bundle alone, Debian packages too",
        "sha256": "with --bundle: what that file's SHA-256 must be",
        "json": "show the result as JSON",
    }
)
def mirror(
    _: Context, start: bool = False, stop: bool = False, status: bool = False, inventory: str = "lab", name: str = "",
    address: str = "", kubernetes_version: str = "", bundle: str = "", sha256: str = "", json_: bool = False,
) -> int:  # fmt: skip
    """Serve binaries and images to the hosts of a lab, or to hosts of your own.

    Of the versions that its cluster asks for, or the default ones; versions that it held before stay there.

    Example: invoke mirror --start
    Example: invoke mirror --status
    Example: invoke mirror --start --address 192.0.2.5
    Example: invoke mirror --start --address 192.0.2.5 --bundle my-cluster.tar.zst
    """
    if start and stop:
        raise InvalidInput("--start and --stop exclude each other", next_step="Give one of them.")
    if bundle and (not start or kubernetes_version):
        raise InvalidInput("a bundle is served by --start, in the version that it has",
                           next_step="Write: invoke mirror --start --bundle FILE.")  # fmt: skip
    if address:
        check_root(what="a mirror, whose servers run as nobody,")
        chosen, cluster = of_machine(address), name
    else:
        spec = lab.wanted(inventory, name)
        chosen, cluster = of_lab(spec), spec.name
    if start:
        check_address(chosen)
    if start and bundle:
        _serve_bundle(chosen, Path(bundle), sha256, json_)
    elif start:
        with stage("images", sys.stderr if json_ else sys.stdout) as shown:
            store = open_store(os.environ)
            wanted = wanted_components(store, cluster)
            versions = wanted_versions(store, cluster)
            versions |= {"kubernetes": kubernetes_version} if kubernetes_version else {}
            serve(chosen, shown, silent if json_ else reporter(shown), versions, wanted)
    elif stop:
        _stop(chosen)
    code = _show(chosen, json_, expected=not stop)
    if start and address and not json_:
        print(f"Tell plan and provision of it: export {MIRROR_VARIABLE}={chosen.files_url}")
    return code


def serve(
    mirror: Mirror, shown: Stage, report: Report, versions: Mapping[str, str],
    components: tuple[str, ...] = COMPONENTS,
) -> None:  # fmt: skip
    """Bring what a cluster needs into the cache and serve it. versions: by component, where not the default."""
    found = mirrors.up(mirror, supplies.default(report), components, versions=versions)
    shown.result = f"{plural(len(found['images']), 'image')}, {plural(len(found['artifacts']), 'file')} in the mirror"


def _serve_bundle(mirror: Mirror, bundle: Path, sha256: str, as_json: bool) -> None:
    from clusterbook.lab import mirror_bundle

    with stage("bundle", sys.stderr if as_json else sys.stdout) as shown:
        found = mirror_bundle.up(mirror, bundle, load_lock(), shown.say, sha256)
        counts = (plural(len(found["images"]), "image"), plural(len(found["artifacts"]), "file"))
        shown.result = f"{', '.join(counts)}, packages of {', '.join(found['package_mirror']['releases'])}"


def _stop(mirror: Mirror) -> None:
    stop(mirror)


def _show(mirror: Mirror, as_json: bool, expected: bool) -> int:
    found = status(mirror)
    addresses = {"files": mirror.files_url, "registry": mirror.registry_url}
    if as_json:
        print_json({server: {"url": addresses[server], "running": runs} for server, runs in found.items()})
    else:
        print_table(
            ("SERVER", "ADDRESS", "STATE"),
            [(server, addresses[server], "running" if runs else "stopped") for server, runs in found.items()],
        )
    return 0 if all(found.values()) == expected else 1
