"""Tasks of people who use a cluster of EKS: their kubeconfig, and the tokens that kubectl shows for it.

kubectl starts `eks-token` each time that it is called, so this file loads little.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

from invoke.context import Context

from clusterbook.cli import places
from clusterbook.cli.boundary import command
from clusterbook.cli.screen import print_json, say
from clusterbook.cloud import eks, eks_tokens
from clusterbook.cloud.aws import Cloud
from clusterbook.cluster import own_kubeconfig

CLUSTER_HELP = {
    "name": "name of the cluster in EKS",
    "region": "region of the cluster (default: that of the credentials)",
}


@command(
    positional=["name"],
    help={
        **CLUSTER_HELP,
        "file": "the kubeconfig (default: the first one that KUBECONFIG names, else ~/.kube/config)",
        "context": "name of its context there (default: the cluster's ARN)",
        "json": "show the result as JSON",
    },
)
def eks_kubeconfig(
    _: Context, name: str, region: str = "", file: str = "", context: str = "", json_: bool = False
) -> None:
    """Put a cluster of EKS into your kubeconfig, as its current context.

    kubectl then shows the cluster who you are by tokens that eks-token makes of your own credentials of AWS, with the
    profile that AWS_PROFILE names now. The file holds neither keys nor tokens; what else is in it stays.

    Example: invoke eks-kubeconfig shop --region eu-central-1
    Example: invoke eks-kubeconfig shop --context shop --file shop.yml
    """
    cloud = Cloud(name, region or eks.own_region())
    found = eks.published(cloud, name)
    user = eks_tokens.caller(places.installed_program(), name, cloud.region)
    server = {"server": found.endpoint, "certificate-authority-data": found.authority}
    entry = own_kubeconfig.document(found.name, server, found.name, user, context)
    path = Path(file) if file else own_kubeconfig.own_file(os.environ)
    own_kubeconfig.add(path, entry)
    chosen = entry["current-context"]
    if json_:
        print_json({"cluster": name, "kubeconfig": str(path), "context": chosen, "server": found.endpoint})
    else:
        say(f"The context {chosen} is in {path}, and the current one there.")


@command(positional=["name"], help=CLUSTER_HELP)
def eks_token(_: Context, name: str, region: str = "") -> None:
    """Show a token for the API of a cluster of EKS, as kubectl takes it.

    A kubeconfig of eks-kubeconfig calls this for an ExecCredential. It is made of your own credentials of AWS, for that
    cluster alone, and good for 14 minutes.

    Example: invoke eks-token shop --region eu-central-1
    """
    made = eks_tokens.token(Cloud(name, region or eks.own_region()), name)
    print(json.dumps(eks_tokens.credential(made, datetime.now(UTC))))
