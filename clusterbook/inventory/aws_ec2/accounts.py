"""Which account each place's credentials are of: an answer of one account must never stand for another's."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from clusterbook.inventory.aws_ec2.fetch import MOST_PLACES, Sessions, config
from clusterbook.inventory.aws_ec2.private_file import write_private
from clusterbook.inventory.aws_ec2.settings import Place

_OF_ROLE = re.compile(r"arn:[^:]+:iam::(\d{12}):")
FILE = "accounts.json"


def accounts(places: Sequence[Place], sessions: Sessions, folder: Path) -> list[str]:
    """The number of each place's account; '' where nobody can say.

    A role names its account; for other credentials STS is asked. An access key is of one account as long as it lives,
    so the answer for one is kept in the folder; keys that end by themselves are asked about each time.
    """
    kept = _read(folder / FILE)
    known = dict(kept)
    with ThreadPoolExecutor(min(MOST_PLACES, len(places))) as pool:
        found = list(pool.map(lambda place: _account(place, sessions, known), places))
    if known != kept:
        write_private(folder / FILE, json.dumps(known))
    return found


def _account(place: Place, sessions: Sessions, known: dict[str, str]) -> str:
    """known: digest of an access key -> its account; what is learnt is added."""
    if found := _OF_ROLE.match(place.role):
        return found[1]
    try:
        client, keys = sessions[place].client("sts", config=config()), sessions[place].get_credentials()
        if keys is None:
            return ""
        key = _digest(client.meta.endpoint_url, keys.get_frozen_credentials())
        account = known.get(key) or str(client.get_caller_identity()["Account"])
    except (ClientError, BotoCoreError):  # who asks for instances says so
        return ""
    if key:
        known[key] = account
    return account


def _digest(endpoint: str, keys: Any) -> str:
    """'' for keys that end by themselves."""
    return "" if keys.token else hashlib.sha256(f"{endpoint} {keys.access_key}".encode()).hexdigest()[:32]


def _read(file: Path) -> dict[str, str]:
    try:
        found = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return {str(key): str(account) for key, account in found.items()} if isinstance(found, dict) else {}
