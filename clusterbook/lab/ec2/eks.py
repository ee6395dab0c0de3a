"""The lab's EKS: a control plane of the lab is published as one of EKS, which takes nodes by their tokens as EKS does.

moto keeps clusters of EKS without anything behind them, and knows no access entries. Here a file for each cluster says
where its API is; entries are kept; and a webhook answers the API server's question who shows a token: it asks STS with
the request that the token is, and finds the access entry of the role that STS names.

Started detached by lifecycle.py: python -m clusterbook.lab.ec2.eks --address A --port P --sts URL
"""

from __future__ import annotations

import argparse
import base64
import json
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from clusterbook.cloud import eks
from clusterbook.cloud.aws import Cloud, CloudError
from clusterbook.cloud.eks_tokens import CLUSTER, PREFIX
from clusterbook.lab.ec2.lifecycle import REGION

SECONDS = 30
# The API server's webhook configuration, for a host of the lab that plays a control plane of EKS.
KUBECONFIG = """\
apiVersion: v1
kind: Config
clusters: [{{name: lab, cluster: {{server: "{url}"}}}}]
users: [{{name: lab}}]
contexts: [{{name: lab, context: {{cluster: lab, user: lab}}}}]
current-context: lab
"""


class NotKnown(Exception):
    """The token lets nobody in; the text says why."""


def publish(folder: Path, name: str, endpoint: str, authority: str) -> None:
    """Let a cluster of the lab's EKS have this API. authority: PEM."""
    folder.mkdir(mode=0o700, exist_ok=True)
    data = base64.b64encode(authority.encode()).decode()
    (folder / f"{name}.json").write_text(json.dumps({"endpoint": endpoint, "certificateAuthority": {"data": data}}))


def who(cloud: Cloud, sts: str, cluster: str, token: str) -> dict[str, Any]:
    """User name and groups of who shows a token. Raises NotKnown. sts: the only address that may be asked."""
    url = _request_of(token)
    if not url.startswith(f"{sts}?"):
        raise NotKnown("its request is not for this account's STS")
    asked = {name: values[-1] for name, values in parse_qs(urlsplit(url).query).items()}
    if asked.get("Action") != "GetCallerIdentity" or CLUSTER not in asked.get("X-Amz-SignedHeaders", "").split(";"):
        raise NotKnown("its request asks something else, or is not signed for a cluster")
    role, session = _caller(url, cluster)
    for entry in cloud.pages("eks", "list_access_entries", "accessEntries", clusterName=cluster):
        if entry.rpartition("/")[2] == role:
            return _node(cloud, cluster, entry, session)
    raise NotKnown(f"the role {role} has no access entry")


def _request_of(token: str) -> str:
    text = token.removeprefix(PREFIX)
    if text == token:
        raise NotKnown("it is none of EKS")
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except ValueError as error:
        raise NotKnown("it holds no request") from error


def _caller(url: str, cluster: str) -> tuple[str, str]:
    """Role and session of who signed a request, by STS."""
    request = urllib.request.Request(url, headers={CLUSTER: cluster})  # noqa: S310 (it begins with the STS's own)
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310 (likewise)
            text = answer.read().decode()
    except urllib.error.HTTPError as error:
        raise NotKnown(f"STS answered {error.code}") from error
    arn = text.partition("<Arn>")[2].partition("</Arn>")[0]
    kind, role, session = [*arn.rpartition(":")[2].split("/"), "", "", ""][:3]
    if kind != "assumed-role":
        raise NotKnown(f"{arn or 'nobody'} is no role")
    return role, session


def _node(cloud: Cloud, cluster: str, entry: str, session: str) -> dict[str, Any]:
    """A role of nodes is, for EKS, the node of the instance that took it."""
    found = cloud.call("eks", "describe_access_entry", clusterName=cluster, principalArn=entry)["accessEntry"]
    if found["type"] != eks.NODES:
        return {"username": entry, "groups": found["kubernetesGroups"]}
    pages = cloud.pages("ec2", "describe_instances", "Reservations", InstanceIds=[session])
    for item in (item for part in pages for item in part["Instances"]):
        return {"username": f"system:node:{item['PrivateDnsName']}", "groups": ["system:bootstrappers", "system:nodes"]}
    raise NotKnown(f"there is no instance {session}")


def review(cloud: Cloud, sts: str, cluster: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """A TokenReview with its answer."""
    try:
        status = {"authenticated": True, "user": who(cloud, sts, cluster, str(asked["spec"]["token"]))}
    except (NotKnown, CloudError, OSError) as error:
        status = {"authenticated": False, "error": str(error)}
    return {"apiVersion": asked["apiVersion"], "kind": asked["kind"], "status": status}


class Webhook(ThreadingHTTPServer):
    """Answers API servers of the lab, each under the path /CLUSTER."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], cloud: Cloud, sts: str) -> None:
        super().__init__(address, Question)
        self.cloud, self.sts = cloud, sts


class Question(BaseHTTPRequestHandler):
    """One TokenReview."""

    server: Webhook

    def do_POST(self) -> None:
        """Says who it is."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        cluster = urlsplit(self.path).path.strip("/")
        found = review(self.server.cloud, self.server.sts, cluster, asked)
        self.log_message("%s: %s", cluster, json.dumps(found["status"]))
        data = json.dumps(found).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def main(arguments: list[str]) -> int:
    """Serve until killed."""
    parser = argparse.ArgumentParser(prog="python -m clusterbook.lab.ec2.eks", description=__doc__)
    parser.add_argument("--address", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--sts", required=True)
    options = parser.parse_args(arguments)
    Webhook((options.address, options.port), Cloud("", REGION), options.sts).serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
