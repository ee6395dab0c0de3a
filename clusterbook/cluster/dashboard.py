"""The dashboard of a cluster: where its page is, and a short-lived token for a person who looks at it."""

from __future__ import annotations

from clusterbook.cluster.cluster import Cluster
from clusterbook.cluster.kube import Kubectl
from clusterbook.cluster.kubeconfig import server_url
from clusterbook.errors import InvalidInput

NAMESPACE = "dashboard"
SERVICE = "dashboard"
VIEWER = "dashboard-viewer"
TOKEN_HOURS = 1
# The program -> the image of the artifact catalog that it runs from; none: it comes from its own registry.
PROVIDERS = {"headlamp": "", "kube-web-view": "kube-web-view"}
RETIRED = "kubernetes-dashboard"
PAGE = f"/api/v1/namespaces/{NAMESPACE}/services/{SERVICE}:http/proxy/"


def check_provider(name: str) -> str:
    """The name itself when it is a dashboard that can be had. Raises InvalidInput with the choice."""
    choice = " or ".join(PROVIDERS)
    if name == RETIRED:
        raise InvalidInput(
            f"{RETIRED} was archived by its project in January 2026 and gets no more security fixes",
            next_step=f"Choose --provider {choice}; headlamp is its successor.",
        )
    if name not in PROVIDERS:
        raise InvalidInput(f"there is no dashboard {name!r}", next_step=f"Choose --provider {choice}.")
    return name


def page_url(cluster: Cluster) -> str:
    """The page's address through the API server, for those who have a token."""
    return f"{server_url(cluster)}{PAGE}"


def check_deployed(kubectl: Kubectl) -> None:
    """Raise InvalidInput when the cluster has no dashboard, before a token is made for one."""
    if not kubectl.run("get", f"service/{SERVICE}", f"--namespace={NAMESPACE}", "--ignore-not-found", "--output=name"):
        raise InvalidInput("no dashboard is deployed in this cluster", next_step="Deploy one: invoke deploy-dashboard.")


def viewer_token(kubectl: Kubectl) -> str:
    """A token that may look, and nothing else, for TOKEN_HOURS. Failed when no dashboard was deployed."""
    return kubectl.run("create", "token", VIEWER, f"--namespace={NAMESPACE}", f"--duration={TOKEN_HOURS}h").strip()


def forward_arguments(port: int) -> list[str]:
    """kubectl's words that open the page on a port of this machine's loopback address."""
    return ["port-forward", f"--namespace={NAMESPACE}", "--address=127.0.0.1", f"service/{SERVICE}", f"{port}:http"]
