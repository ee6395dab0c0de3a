"""Tokens for the API of a cluster of EKS: a question to STS, "who am I", which AWS's keys sign for that cluster alone.

Who has one can ask STS who we are, as EKS does, and nothing else. The form is that of aws-iam-authenticator.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from clusterbook.cloud.aws import REFUSALS, Cloud, open_session, translate

PREFIX = "k8s-aws-v1."
# The header that names the cluster; it is signed, so the token is good for no other one.
CLUSTER = "x-k8s-aws-id"
# What the address says of itself. EKS takes a token for 15 minutes from when it was signed.
SIGNED_SECONDS = 60
TOKEN_TIME = timedelta(minutes=14)
API = "client.authentication.k8s.io/v1"
_BEFORE = "before-sign.sts.GetCallerIdentity"


def token(cloud: Cloud, cluster: str) -> str:
    """A token of the credentials' owner for the cluster of that name. AWS is not asked, but for keys of a role.

    Raises CloudError when there are no credentials, or none are to be had.
    """

    def name_cluster(request: Any, **_: Any) -> None:
        request.headers[CLUSTER] = cluster

    try:
        client = cloud.client("sts")
        client.meta.events.register(_BEFORE, name_cluster)
        try:
            url = client.generate_presigned_url("get_caller_identity", ExpiresIn=SIGNED_SECONDS, HttpMethod="GET")
        finally:
            client.meta.events.unregister(_BEFORE, name_cluster)
    except REFUSALS as error:
        raise translate(error, "sts:get_caller_identity") from error
    return PREFIX + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")


def credential(made: str, now: datetime) -> Mapping[str, Any]:
    """A token as kubectl takes it from a program. now: when it was made."""
    until = (now + TOKEN_TIME).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"apiVersion": API, "kind": "ExecCredential", "status": {"token": made, "expirationTimestamp": until}}


def caller(program: str, cluster: str, region: str) -> Mapping[str, Any]:
    """The user of a kubeconfig for whom kubectl calls `program eks-token`.

    The profile that is set now holds for it, too: another shell may have another one. Keys are not written anywhere.
    """
    profile = open_session().profile_name
    called = {"apiVersion": API, "interactiveMode": "IfAvailable", "provideClusterInfo": False, "command": program,
              "args": ["eks-token", cluster, "--region", region]}  # fmt: skip
    if profile != "default":
        called["env"] = [{"name": "AWS_PROFILE", "value": profile}]
    return {"exec": called}
