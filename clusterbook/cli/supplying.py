"""Where the hosts of an inventory get binaries and images from, and what a person is told when nothing says it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from itertools import chain
from types import MappingProxyType
from typing import Any

from clusterbook import source
from clusterbook.errors import ClusterbookError, Failed, InvalidInput
from clusterbook.inventory import SourcedInventory
from clusterbook.lab import record
from clusterbook.lab.mirror_servers import of_lab
from clusterbook.lab.spec import LabSpec


def supplied(lab: LabSpec | None, looking: bool = False) -> Mapping[str, Any]:
    """What hosts are told of files and images: what the lab's mirror wrote down, or another mirror's index says.

    looking: nothing is fetched by hosts this time, so a mirror that is not there takes nothing away.
    """
    try:
        return _of_mirror() if lab is None else _of_lab(lab)
    except ClusterbookError:
        if looking:
            return {}
        raise


def _of_mirror() -> Mapping[str, Any]:
    from clusterbook.cluster.artifacts.lock import load as load_lock
    from clusterbook.cluster.artifacts.publish import mirrored
    from clusterbook.cluster.artifacts.supply import MIRROR_VARIABLE

    address = os.environ.get(MIRROR_VARIABLE, "")
    if address and not address.startswith(("http://", "https://")):
        raise InvalidInput(f"{MIRROR_VARIABLE} is {address!r}, which is no address of a web server",
                           next_step=f"Write: export {MIRROR_VARIABLE}=http://{address.split('://')[-1]}")  # fmt: skip
    return mirrored(address, load_lock()) if address else {}


def _of_lab(lab: LabSpec) -> Mapping[str, Any]:
    written = of_lab(lab).variables
    if written.is_file():
        loaded = source.load(written)
        assert isinstance(loaded, Mapping)
        return loaded
    refuse_not_up(lab)
    raise Failed(
        f"the mirror of the lab {lab.name} is empty, so hosts cannot get binaries",
        next_step=f"Fill and start it: invoke mirror --start --name {lab.name}",
    )


def refuse_not_up(lab: LabSpec | None) -> None:
    """Raise Failed for a lab that is not on this machine: at its hosts' addresses answers nobody, or somebody else."""
    if lab is not None and lab.name not in record.names():
        raise Failed(
            f"the lab {lab.name} is not up",
            next_step="Raise it with a cluster on it: invoke up (or its hosts alone: invoke lab-up).",
        )


def refuse_other_versions(complete: Mapping[str, Any], brought: Mapping[str, Any]) -> None:
    """Raise InvalidInput when the mirror offers other versions of components than the cluster asks for.

    complete: the cluster's specification; brought: what supplied() gave. Kubernetes itself is the hosts' own check, for
    an upgrade is foretold with the version that is not offered yet.
    """
    if not complete["component_versions"]:
        return
    from clusterbook.cluster.artifacts import catalog

    known, others = catalog.load(), []
    for name, version in complete["component_versions"].items():
        component = known.component(name, version)
        files = {component.key(file) for file in component.files} & brought.get("artifacts", {}).keys()
        offered = {brought["artifacts"][key]["version"] for key in files}
        image = brought.get("images", {}).get(name.replace("-", "_"))
        if name in known.images and image and image["reference"] != known.image(name, version).reference:
            offered = {image["tag"].removeprefix("v")}
        if offered - {version}:
            others.append(f"{name} {', '.join(sorted(offered))}, not {version}")
    if others:
        raise InvalidInput(
            f"the mirror has other versions than the cluster asks for: {'; '.join(others)}",
            next_step="Fill it with the cluster's versions: invoke mirror --start; or correct component_versions in "
                      "cluster.yaml (invoke edit-cluster).",
        )  # fmt: skip


def refuse_without(name: str, inventory: SourcedInventory, brought: Mapping[str, Any] = MappingProxyType({})) -> None:
    """Raise InvalidInput when the hosts would find no binaries. brought: what supplied() gave, if they lack it yet."""
    told = any(host.variables.get("artifacts") for host in inventory.hosts.values())
    if inventory.hosts and not told and not brought.get("artifacts"):
        raise nothing_says(f"the hosts of {name!r}")


def nothing_says(hosts: str = "the hosts") -> InvalidInput:
    """The error of a person who did not say where binaries come from."""
    from clusterbook.cluster.artifacts.supply import MIRROR_VARIABLE

    return InvalidInput(
        f"nothing says where {hosts} get Kubernetes' binaries from",
        next_step="Serve them from an address of this machine that the hosts reach: invoke mirror --start "
                  f"--address ADDRESS; then set {MIRROR_VARIABLE} to what it says.",
    )  # fmt: skip


def refuse_another_version(inventory: SourcedInventory, version: str) -> None:
    """InvalidInput where an inventory says another version of Kubernetes, which its hosts would go by."""
    for layer in chain.from_iterable(inventory.layers.values()):
        said = layer.values.get("kubernetes_version", version)
        if layer.kind != "cluster" and said != version:
            raise InvalidInput(
                f"{layer.kind} says kubernetes_version: {said}, which beats the cluster's own configuration",
                where=layer.position("kubernetes_version"),
                next_step=f"Take that line out, or write {version}; provision changes no version of a host.",
            )
