"""An image from a file of this machine, brought to every node before a deployment asks for it."""

from __future__ import annotations

import json

from clusterbook.cli import places, runs
from clusterbook.cli.runs import Order
from clusterbook.cli.site import Site, open_site
from clusterbook.cluster.apps.image_file import ImageFile
from clusterbook.cluster.kube import Kubectl
from clusterbook.errors import InvalidInput
from clusterbook.report.style import Style

HELP = {
    "image-file": "file of this machine that the image is in (docker save or OCI archive); it is brought to all nodes",
    "inventory": f"whose nodes get --image-file: {places.INVENTORY_HELP}",
}


def site_for(archive: ImageFile | None, inventory: str, cluster: str) -> Site | None:
    """Whose hosts get an archive; None without one. Raises InvalidInput for an inventory that would mean nothing."""
    if archive is not None:
        return open_site(inventory, cluster, looking=True)
    if inventory:
        raise InvalidInput("--inventory says whose nodes get an image, and there is no --image-file",
                           next_step="Name the cluster by --cluster.")  # fmt: skip
    return None


def check_architecture(archive: ImageFile, kubectl: Kubectl) -> None:
    """Raise InvalidInput for an image that no node can run; containerd would take it, and its program fail to start."""
    nodes = {node["status"]["nodeInfo"]["architecture"] for node in kubectl.json("get", "nodes")["items"]}
    if archive.architecture and nodes and archive.architecture not in nodes:
        raise InvalidInput(
            f"the image in {archive.path.name} is of {archive.architecture}, and the nodes are of {', '.join(nodes)}",
            next_step=f"Build it for them: docker build --platform linux/{min(nodes)}.",
        )


def bring(site: Site, archive: ImageFile, kubectl: Kubectl, as_json: bool) -> int:
    """Import it on every host that has not got this very file yet; the exit code."""
    check_architecture(archive, kubectl)
    given = {"image_file": str(archive.path), "image_sha256": archive.sha256, "image_name": archive.name,
             "image_reference": archive.reference}  # fmt: skip
    selection = runs.selection(extra_vars=[json.dumps(given)])
    return runs.run(site, Order(places.playbook("load-image"), selection, Style(json=as_json)))
