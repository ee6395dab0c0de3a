"""The way to AWS: clients of one region, and AWS's error codes as errors that say what to do."""

from __future__ import annotations

import copy
import math
import re
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    LoginError,
    NoCredentialsError,
    PartialCredentialsError,
    SSOError,
    TokenRetrievalError,
    WaiterError,
)
from botocore.parsers import ResponseParserError

from clusterbook.errors import Failed

CONNECT_SECONDS = 10
READ_SECONDS = 60
# All that botocore raises for a request: AWS's refusal, no way to AWS, an answer that is none.
REFUSALS = (ClientError, BotoCoreError, ResponseParserError)
# Those of a person whose keys are not there, or cannot be had: a login that is over, a program that fails.
NO_CREDENTIALS = (
    NoCredentialsError, PartialCredentialsError, CredentialRetrievalError, TokenRetrievalError, SSOError, LoginError
)  # fmt: skip
# Codes of a request that would succeed a moment later: what it names was made or given up just before.
NOT_YET = (
    "DependencyViolation", "ResourceInUse", "ResourceInUseFault", "ScalingActivityInProgress", "IncorrectState",
    "InvalidIPAddress.InUse", "OperationNotPermittedException", "DeleteConflict", "VolumeInUse",
    "Resource.AlreadyAssociated",
)  # fmt: skip
# Codes of a request that names what was made just before: AWS's machines hear of it one after the other.
UNSEEN = (
    "InvalidVpcID.NotFound", "InvalidSubnetID.NotFound", "InvalidGroup.NotFound", "InvalidInternetGatewayID.NotFound",
    "InvalidRouteTableID.NotFound", "InvalidLaunchTemplateId.NotFound", "InvalidKeyPair.NotFound",
    "InvalidInstanceID.NotFound", "SubnetNotFound", "InvalidSubnet", "InvalidSecurityGroup", "LoadBalancerNotFound",
    "TargetGroupNotFound", "InvalidTarget", "NoSuchEntity", "InvalidAllocationID.NotFound",
    "InvalidNatGatewayID.NotFound", "NatGatewayNotFound", "InvalidVPCId",
)  # fmt: skip
# IAM tells EC2's machines of a new profile within some seconds, sometimes a minute.
UNSEEN_SECONDS = 120.0
# EC2 says that an instance profile is invalid until IAM has told all of its own machines of it.
UNSEEN_PROFILE = "Invalid IAM Instance Profile"
# A resource has so long to be made, changed or deleted; AWS itself so long for what it does by and by.
RESOURCE_SECONDS = 900.0
WAIT_SECONDS = 600.0
AGAIN = "Run the same command again when AWS is ready: it goes on where it stopped."
SETTINGS = "Set AWS_PROFILE to a profile of ~/.aws/config, or unset it."
DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthFailure")
CAPACITY = ("InsufficientInstanceCapacity", "Unsupported")
# An account's quotas: VpcLimitExceeded, TooManyLoadBalancers and so on. RequestLimitExceeded is another matter.
QUOTA = re.compile(r"(?!Request).*(LimitExceeded|QuotaExceeded|CountExceeded)(Exception)?|TooMany(?!Requests).*")


class CloudError(Failed):
    """AWS refused a request, or could not be asked. code: AWS's own word for it."""

    def __init__(self, message: str, code: str = "", next_step: str = "") -> None:
        """message: names the action."""
        super().__init__(message, next_step=next_step)
        self.code = code


class Cloud:
    """AWS in one region for one cluster. Thread-safe; clients are made when first used."""

    def __init__(self, cluster: str, region: str, session: Any = None, zones: Collection[str] = ()) -> None:
        """session: boto3's, with the credentials of its own chain; a fresh one by default. zones: private ones."""
        self.cluster = cluster
        self.region = region
        self.zones = frozenset(zones)
        self._ends = math.inf
        self._session = session or open_session(region)
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()

    def client(self, service: str) -> Any:
        """boto3's client of a service."""
        with self._lock:
            if service not in self._clients:
                settings = Config(
                    connect_timeout=CONNECT_SECONDS, read_timeout=READ_SECONDS, max_pool_connections=32,
                    retries={"mode": "standard", "total_max_attempts": 6},
                )  # fmt: skip
                self._clients[service] = self._session.client(service, region_name=self.region, config=settings)
            return self._clients[service]

    def within(self, seconds: float) -> Cloud:
        """The same for one resource: all that is waited for on its behalf ends after so long."""
        one = copy.copy(self)
        one._ends = now() + seconds
        return one

    @property
    def late(self) -> bool:
        """Whether that time is over."""
        return now() >= self._ends

    def call(self, service: str, action: str, **arguments: Any) -> Any:
        """One request. Raises CloudError."""
        try:
            return getattr(self.client(service), action)(**arguments)
        except REFUSALS as error:
            raise translate(error, f"{service}:{action}") from error

    def settle(self, service: str, action: str, **arguments: Any) -> Any:
        """Like call, for a request that names what was made just before: asked again until AWS has seen it."""
        return self.patiently(service, action, UNSEEN_SECONDS, (*NOT_YET, *UNSEEN), **arguments)

    def patiently(
        self, service: str, action: str, seconds: float, codes: Collection[str] = NOT_YET, **arguments: Any
    ) -> Any:
        """Like call; while AWS answers with one of the codes, or does not know a profile yet, it is asked again.

        seconds: how long at the most. Then, or at the deadline, CloudError with the last code says how long that was.
        """
        wait, waited = 0.5, 0.0
        while True:
            try:
                return self.call(service, action, **arguments)
            except CloudError as error:
                if error.code not in codes and UNSEEN_PROFILE not in error.message:
                    raise
                if waited >= seconds or self.late:
                    raise CloudError(f"{error.message}, for {waited:.0f} s", error.code,
                                     f"Look in AWS at what it names. {AGAIN}") from error  # fmt: skip
            pause(wait)
            waited += wait
            wait = min(5.0, wait * 1.5)

    def wait(self, service: str, waiter: str, **arguments: Any) -> None:
        """Wait, as botocore does, until AWS has done what it was asked for, WAIT_SECONDS at the most.

        Raises CloudError that names what was waited for and how long.
        """
        asking, began = self.client(service).get_waiter(waiter), now()
        tries = max(1, int(min(WAIT_SECONDS, self._ends - began) / asking.config.delay))
        try:
            asking.wait(**arguments, WaiterConfig={"MaxAttempts": tries})
        except WaiterError as error:
            code = str(error.last_response.get("Error", {}).get("Code", ""))
            what = f"{waiter.replace('_', ' ')} of {', '.join(name for value in arguments.values() for name in value)}"
            raise CloudError(f"{service}: {what} did not come true in {now() - began:.0f} s: {error}", code,
                             f"Look at it in AWS. {AGAIN}") from error  # fmt: skip

    def pages(self, service: str, action: str, key: str, **arguments: Any) -> Iterator[Any]:
        """The items under `key` of every page of a listing. Raises CloudError."""
        try:
            for page in self.client(service).get_paginator(action).paginate(**arguments):
                yield from page.get(key, ())
        except REFUSALS as error:
            raise translate(error, f"{service}:{action}") from error


def open_session(region: str = "") -> Any:
    """boto3's, with the credentials of its own chain. CloudError when its settings cannot be used."""
    try:
        return boto3.session.Session(region_name=region or None)
    except BotoCoreError as error:
        raise CloudError(f"the settings of AWS cannot be used: {error}", next_step=SETTINGS) from error


def translate(error: Exception, action: str) -> CloudError:
    """An exception of botocore -> an error for people."""
    if isinstance(error, NO_CREDENTIALS):
        why = "" if isinstance(error, NoCredentialsError | PartialCredentialsError) else f": {error}"
        return CloudError(
            f"there are no AWS credentials for {action}{why}", "NoCredentials",
            "Set AWS_PROFILE, or log in as you do for the aws command; clusterbook never asks for keys or keeps them.",
        )  # fmt: skip
    if not isinstance(error, ClientError):
        return CloudError(f"{action}: AWS could not be asked: {error}", next_step="Check the network and the region.")
    # A profile's role is assumed on the way to the request that was asked for.
    action = "sts:assume_role" if error.operation_name == "AssumeRole" else action
    found = error.response.get("Error", {})
    code, text = str(found.get("Code", "")), str(found.get("Message", ""))
    if code in DENIED:
        return CloudError(f"{action} is denied: {text}", code, f"Allow {_permission(action)} for these credentials.")
    if code in CAPACITY:
        return CloudError(f"{action}: {text} ({code})", code, "Choose another instance type or zone.")
    if QUOTA.fullmatch(code):
        step = "Ask AWS for more (Service Quotas), or delete what is not in use; then run it again."
        return CloudError(f"{action}: {text} ({code})", code, step)
    return CloudError(f"{action}: {text} ({code})", code, "Correct what it names, then run the same command again.")


def _permission(action: str) -> str:
    service, _, name = action.partition(":")
    spelled = "elasticloadbalancing" if service in ("elb", "elbv2") else service
    return f"{spelled}:{''.join(word.capitalize() for word in name.split('_'))}"


def pause(seconds: float) -> None:
    """Wait before a request is made again."""
    time.sleep(seconds)


def now() -> float:
    """Seconds of a clock that nobody sets."""
    return time.monotonic()


def tags_of(item: Mapping[str, Any], key: str = "Tags") -> dict[str, str]:
    """AWS's list of Key and Value -> a mapping."""
    return {tag["Key"]: tag["Value"] for tag in item.get(key) or ()}


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """A mapping -> AWS's list."""
    return [{"Key": name, "Value": value} for name, value in sorted(tags.items())]


def filters(**values: str) -> list[dict[str, Any]]:
    """EC2's filters: dashes for underscores in names, and tag_X for tag:X's fixed ones."""
    return [{"Name": name.replace("_", "-"), "Values": [value]} for name, value in values.items()]
