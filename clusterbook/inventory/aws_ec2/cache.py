"""What AWS answered a short while ago: one private file for each account, role, region and filter."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import platformdirs

from clusterbook.inventory.aws_ec2.accounts import accounts
from clusterbook.inventory.aws_ec2.fetch import Answer, Found, Sessions
from clusterbook.inventory.aws_ec2.private_file import write_private
from clusterbook.inventory.aws_ec2.settings import Place, Settings

# Two profiles of one account need not see the same hosts.
IDENTITY = ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_ROLE_ARN", "AWS_ENDPOINT_URL", "AWS_CONFIG_FILE")


def cached(
    settings: Settings, sessions: Sessions, ask: Callable[[], Answer], directory: Path | None = None
) -> Found:
    """The instances that `ask` answers, or those kept when they are younger than the settings say.

    Where an account is not known nothing is kept, for the answer could be taken for another account's; nor is an answer
    in which places are missing.
    """
    if not settings.cache_seconds:
        return ask().instances
    folder = directory or Path(platformdirs.user_cache_dir("clusterbook")) / "aws"
    whose = accounts(settings.places, sessions, folder)
    if not all(whose):
        return ask().instances
    file = folder / f"{_key(settings, whose, sessions)}.json"
    kept = _read(file, settings.cache_seconds)
    if kept is not None:
        return kept
    answer = ask()
    if answer.whole:
        _write(file, answer.instances)
    return answer.instances


def forget(directory: Path | None = None) -> None:
    """Drop every kept answer: hosts were made or deleted."""
    folder = directory or Path(platformdirs.user_cache_dir("clusterbook")) / "aws"
    for file in folder.glob("*.json"):
        file.unlink(missing_ok=True)


def _key(settings: Settings, whose: Sequence[str], sessions: Sessions) -> str:
    """whose: the account of each place, all of which are known."""
    identity = [os.environ.get(name, "") for name in IDENTITY]
    places = [[account, sessions[place].region_name, vars(place)]
              for account, place in zip(whose, settings.places, strict=True)]  # fmt: skip
    basis = [identity, settings.cluster, places, dict(settings.filters)]
    return hashlib.sha256(json.dumps(basis, sort_keys=True, default=str).encode()).hexdigest()[:32]


def _read(file: Path, seconds: int) -> Found | None:
    try:
        data = json.loads(file.read_text())
        if not 0 <= time.time() - data["time"] <= seconds:
            return None
        return [(Place(**place), item) for place, item in data["instances"]]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write(file: Path, found: Found) -> None:
    form: dict[str, Any] = {"time": time.time(), "instances": [(vars(place), item) for place, item in found]}
    write_private(file, json.dumps(form, default=str))
