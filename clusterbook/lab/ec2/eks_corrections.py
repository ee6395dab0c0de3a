"""What moto's EKS and STS lack for nodes to join: access entries, an API behind a cluster, and signed addresses."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit, urlunsplit

# Of a signed address: how long after it was signed EKS takes it.
SIGNED_SECONDS = 15 * 60


def apply(folder: Path) -> None:
    """Change moto's classes in this process. folder: what eks.publish writes, one file for each cluster."""
    _published(folder)
    _access_entries()
    _paths_of_access_entries()
    _signed_addresses()


def _published(folder: Path) -> None:
    """A cluster has the API that was published under its name."""
    from moto.core.responses import ActionResult
    from moto.eks.responses import EKSResponse

    def describe_cluster(self: Any) -> Any:
        cluster = self.eks_backend.describe_cluster(name=self._get_param("name"))
        file = folder / f"{cluster.name}.json"
        if file.is_file():
            said = json.loads(file.read_text())
            cluster.endpoint, cluster.certificate_authority = said["endpoint"], said["certificateAuthority"]
        cluster.access_config = {"authenticationMode": "API"}
        return ActionResult({"cluster": cluster})

    setattr(EKSResponse, "describe_cluster", describe_cluster)  # noqa: B010 (a method is replaced on purpose)


def _access_entries() -> None:
    """Which roles a cluster lets in: create, describe, list and delete."""
    from moto.core.responses import ActionResult, EmptyResult
    from moto.eks.exceptions import ResourceInUseException, ResourceNotFoundException
    from moto.eks.responses import EKSResponse

    def entries(self: Any) -> dict[str, Any]:
        cluster = self.eks_backend.describe_cluster(name=_part(self, 2))
        found: dict[str, Any] = vars(cluster).setdefault("access_entries", {})
        return found

    def create_access_entry(self: Any) -> Any:
        known, arn = entries(self), self._get_param("principalArn")
        if arn in known:
            raise ResourceInUseException(message=f"The specified access entry {arn} already exists.")
        known[arn] = {"clusterName": _part(self, 2), "principalArn": arn, "type": self._get_param("type") or "STANDARD",
                      "kubernetesGroups": self._get_param("kubernetesGroups") or []}  # fmt: skip
        return ActionResult({"accessEntry": known[arn]})

    def one(self: Any) -> Any:
        known, arn = entries(self), _part(self, 4)
        if arn not in known:
            raise ResourceNotFoundException(message=f"The specified access entry {arn} is not there.")
        return known, arn

    def describe_access_entry(self: Any) -> Any:
        known, arn = one(self)
        return ActionResult({"accessEntry": known[arn]})

    def delete_access_entry(self: Any) -> Any:
        known, arn = one(self)
        del known[arn]
        return EmptyResult()

    def list_access_entries(self: Any) -> Any:
        return ActionResult({"accessEntries": sorted(entries(self))})

    for method in (create_access_entry, describe_access_entry, delete_access_entry, list_access_entries):
        setattr(EKSResponse, method.__name__, method)


def _paths_of_access_entries() -> None:
    from moto.eks import urls

    entries, answer = "{0}/clusters/(?P<name>[^/]+)/access-entries", urls.response.dispatch
    urls.url_paths |= {f"{entries}$": answer, f"{entries}/(?P<principalArn>.+)$": answer}


def _part(response: Any, number: int) -> str:
    """A part of the path, after /clusters; the last one may hold slashes of its own."""
    path = urlsplit(response.uri).path if "://" in response.uri else response.uri
    return unquote(path.split("/", 4)[number])


def _signed_addresses() -> None:
    """Who signed an address, and not the headers, of GetCallerIdentity: moto takes anybody's for its own user's."""
    from moto.core.exceptions import SignatureDoesNotMatchError
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication
    from moto.sts.responses import TokenResponse

    original, key_of = TokenResponse.get_caller_identity, TokenResponse.get_access_key
    place_of = DomainDispatcherApplication.infer_service_region_host

    def infer_service_region_host(self: Any, environ: dict[str, Any], path: str) -> Any:
        _, _, region, service, _ = f"{_scope(environ.get('QUERY_STRING', ''))}////".split("/", 4)
        return f"sts.{region}.amazonaws.com" if service == "sts" else place_of(self, environ, path)

    def get_access_key(self: Any) -> Any:
        return _scope(urlsplit(self.uri).query).partition("/")[0] or key_of(self)

    def get_caller_identity(self: Any) -> Any:
        if "X-Amz-Signature=" in self.uri:
            role = self.backend.get_assumed_role_from_access_key(self.get_access_key())
            if role is None or not is_signed(self.uri, self.headers, role.secret_access_key):
                raise SignatureDoesNotMatchError()
        return original(self)

    setattr(DomainDispatcherApplication, "infer_service_region_host", infer_service_region_host)  # noqa: B010 (likewise)
    setattr(TokenResponse, "get_access_key", get_access_key)  # noqa: B010 (likewise)
    setattr(TokenResponse, "get_caller_identity", get_caller_identity)  # noqa: B010 (likewise)


def _scope(query: str) -> str:
    """KEY/DAY/REGION/SERVICE/aws4_request of a signed address; '' of any other."""
    return parse_qs(query).get("X-Amz-Credential", [""])[0]


def is_signed(url: str, headers: Mapping[str, str], secret: str) -> bool:
    """Whether an address is signed with a secret key, at most 15 minutes ago; botocore computes the signature."""
    from botocore.auth import SigV4QueryAuth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    parts = urlsplit(url)
    query, _, shown = parts.query.partition("&X-Amz-Signature=")
    asked = {name: values[0] for name, values in parse_qs(query).items()}
    signed = [name for name in asked["X-Amz-SignedHeaders"].split(";") if name != "host"]
    moment = datetime.datetime.strptime(asked["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.UTC)
    _, _, region, service, _ = asked["X-Amz-Credential"].split("/")
    request = AWSRequest("GET", urlunsplit(parts._replace(query=query)), {name: headers[name] for name in signed})
    request.context["timestamp"] = asked["X-Amz-Date"]
    proof = SigV4QueryAuth(Credentials("", secret), service, region)
    text = proof.string_to_sign(request, proof.canonical_request(request))
    fresh = abs((datetime.datetime.now(datetime.UTC) - moment).total_seconds()) < SIGNED_SECONDS
    return fresh and bool(proof.signature(text, request) == shown)
