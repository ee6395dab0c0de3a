"""Secrets that a person may ask for by name: tokens of the API server, which end by themselves and are kept nowhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from clusterbook.cluster import dashboard
from clusterbook.cluster.kube import Kubectl
from clusterbook.errors import InvalidInput

ADMIN = "kube/admin"
VIEWER = "dashboard/viewer"
# What each one is good for.
PURPOSES: Mapping[str, str] = MappingProxyType({
    ADMIN: "token that may do everything: for the API, and to log in to a dashboard",
    VIEWER: "token that may look at the dashboard: after deploy-dashboard",
})  # fmt: skip
NAMESPACE = "kube-system"
ACCOUNT = "clusterbook-admin"
BINDING = f"clusterbook:{ACCOUNT}"
HOURS = 1
# kubectl's words that make every token of the account void. The binding goes, too: else whoever may make accounts in
# that namespace could make this one again and have its rights.
REVOKE = f"delete serviceaccount/{ACCOUNT} clusterrolebinding/{BINDING} --namespace={NAMESPACE}"


def token(kubectl: Kubectl, name: str) -> str:
    """A new token of that name, good for HOURS. InvalidInput for an unknown one."""
    makers: Mapping[str, Callable[[Kubectl], str]] = {ADMIN: admin_token, VIEWER: dashboard.viewer_token}
    if name not in makers:
        raise InvalidInput(f"there is no secret {name!r} to get", next_step=f"Names are: {', '.join(PURPOSES)}.")
    return makers[name](kubectl)


def admin_token(kubectl: Kubectl) -> str:
    """A token of an account that is made here when it is first asked for. Without the account all of them are void."""
    kubectl.apply(*administrator())
    return kubectl.run("create", "token", ACCOUNT, f"--namespace={NAMESPACE}", f"--duration={HOURS}h").strip()


def administrator() -> list[dict[str, Any]]:
    """The account and its right to everything, as objects of Kubernetes. No Secret of it is ever made."""
    subject = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": NAMESPACE}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "automountServiceAccountToken": False,
         "metadata": {"name": ACCOUNT, "namespace": NAMESPACE}},
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
         "metadata": {"name": BINDING}, "roleRef": role, "subjects": [subject]},
    ]  # fmt: skip
