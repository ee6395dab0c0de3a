"""Asks AWS for instances, every place at the same time; what one place says cannot hold up the others."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from clusterbook.errors import Failed
from clusterbook.inventory.aws_ec2.settings import Place, Settings

Instance = Mapping[str, Any]
Found = list[tuple[Place, Instance]]
Asked = tuple[list[Instance], str]
MOST_PLACES = 32
PAGE = 1000
SESSION = "clusterbook-inventory"
# Older kinds of instances have no newer output than that of their boot (GetConsoleOutput's Latest).
NOT_OF_NITRO = "UnsupportedOperation"
# A region that the account has not turned on answers with one of these.
OFF = ("AuthFailure", "OptInRequired", "UnrecognizedClientException", "InvalidClientTokenId")


@dataclass(frozen=True)
class Answer:
    """What AWS says: running instances, each with its place. whole: every place answered."""

    instances: Found
    whole: bool = True


class Sessions(dict[Place, Any]):
    """boto3's session of each place, made when it is first asked for: one that a person must confirm is asked for once.

    Several threads may ask, each for places of its own. KeyError never; ClientError, BotoCoreError as of a login.
    """

    def __init__(self) -> None:
        """None yet."""
        super().__init__()
        self._clients: dict[Place, Any] = {}
        self._locks: dict[Place, Lock] = {}

    def __missing__(self, place: Place) -> Any:
        """Log in."""
        self[place] = made = _session(place)
        return made

    def ec2(self, place: Place) -> Any:
        """The client of EC2 of a place; any number of threads may ask for it, and use it."""
        with self._locks.setdefault(place, Lock()):  # atomic; others log in to theirs meanwhile
            if place not in self._clients:
                self._clients[place] = self[place].client("ec2", config=config())
            return self._clients[place]


def instances(
    settings: Settings, sessions: Sessions, say: Callable[[str], None] = warnings.warn
) -> Answer:
    """Every running instance of the settings' places. Raises Failed, or says so with on_error: warn."""
    with ThreadPoolExecutor(min(MOST_PLACES, len(settings.places))) as pool:
        answers = list(pool.map(lambda place: _ask(place, settings, sessions), settings.places))
    wrong = [error for _, error in answers if error]
    if wrong and (settings.on_error == "fail" or len(wrong) == len(answers)):
        raise Failed(
            "AWS could not be asked for instances: " + "; ".join(wrong),
            next_step="Check the credentials and regions; on_error: warn goes on without such a place.",
        )
    for error in wrong:
        say(f"these instances are missing: {error}")
    found = [(place, item) for place, (items, _) in zip(settings.places, answers, strict=True) for item in items]
    return Answer(found, whole=not wrong)


def console(place: Place, instance: str, sessions: Sessions) -> str:
    """What an instance wrote to its console so far; '' when AWS does not say."""
    try:
        client = sessions.ec2(place)
        try:
            answer = client.get_console_output(InstanceId=instance, Latest=True)
        except ClientError as error:
            if error.response["Error"]["Code"] != NOT_OF_NITRO:
                raise
            answer = client.get_console_output(InstanceId=instance)
    except (ClientError, BotoCoreError):
        return ""
    return str(answer.get("Output", ""))


def config() -> Config:
    """How long AWS is waited for, and how often it is asked again.

    EC2 answers some hundred questions at once and then twenty a second: adaptive clients slow down to what it takes.
    """
    return Config(connect_timeout=10, read_timeout=60, max_pool_connections=MOST_PLACES,
                  retries={"mode": "adaptive", "total_max_attempts": 8})  # fmt: skip


def _ask(place: Place, settings: Settings, sessions: Sessions) -> Asked:
    try:
        client = sessions.ec2(place)
        pages = client.get_paginator("describe_instances").paginate(
            Filters=_filters(settings), PaginationConfig={"PageSize": PAGE}
        )
        found = [item for page in pages for part in page["Reservations"] for item in part["Instances"]]
    except (ClientError, BotoCoreError) as error:
        return [], _words(place, error)
    return found, ""


def _session(place: Place) -> Any:
    session = boto3.session.Session(profile_name=place.profile or None, region_name=place.region or None)
    if not place.role:
        return session
    wish = {"RoleArn": place.role, "RoleSessionName": SESSION}
    if place.external_id:
        wish["ExternalId"] = place.external_id
    keys = session.client("sts", config=config()).assume_role(**wish)["Credentials"]
    return boto3.session.Session(
        keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name=place.region or None
    )


def _filters(settings: Settings) -> list[dict[str, Any]]:
    found: dict[str, Sequence[str]] = {"instance-state-name": ["running"]}
    if settings.cluster:
        found["tag:KubernetesCluster"] = [settings.cluster]
    for name, value in settings.filters.items():
        found[name] = [value] if isinstance(value, str) else list(value)
    return [{"Name": name, "Values": values} for name, values in found.items()]


def _words(place: Place, error: Exception) -> str:
    code = error.response.get("Error", {}).get("Code", "") if isinstance(error, ClientError) else ""
    hint = " (is the region turned on for this account?)" if code in OFF else ""
    return f"{place}: {error}{hint}"
