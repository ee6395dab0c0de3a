"""What AWS answered a short while ago: one private file for each account, role, region and filter."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import platformdirs

from clusterbook.inventory.aws_ec2.fetch import Instance
from clusterbook.inventory.aws_ec2.settings import Place, Settings

Answer = list[tuple[Place, Instance]]
# Which credentials answer a question: two profiles must never see each other's hosts.
IDENTITY = ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_ROLE_ARN", "AWS_ENDPOINT_URL", "AWS_CONFIG_FILE")


def cached(settings: Settings, ask: Callable[[], Answer], directory: Path | None = None) -> Answer:
    """The answer of `ask`, or the one kept when it is younger than the settings say."""
    if not settings.cache_seconds:
        return ask()
    folder = directory or Path(platformdirs.user_cache_dir("clusterbook")) / "aws"
    file = folder / f"{_key(settings)}.json"
    kept = _read(file, settings.cache_seconds)
    if kept is not None:
        return kept
    answer = ask()
    _write(file, answer)
    return answer


def forget(directory: Path | None = None) -> None:
    """Drop every kept answer: hosts were made or deleted."""
    folder = directory or Path(platformdirs.user_cache_dir("clusterbook")) / "aws"
    for file in folder.glob("*.json"):
        file.unlink(missing_ok=True)


def _key(settings: Settings) -> str:
    identity = [os.environ.get(name, "") for name in IDENTITY]
    basis = [identity, settings.cluster, [vars(place) for place in settings.places], dict(settings.filters)]
    return hashlib.sha256(json.dumps(basis, sort_keys=True, default=str).encode()).hexdigest()[:32]


def _read(file: Path, seconds: int) -> Answer | None:
    try:
        data = json.loads(file.read_text())
        if not 0 <= time.time() - data["time"] <= seconds:
            return None
        return [(Place(**place), item) for place, item in data["instances"]]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write(file: Path, answer: Answer) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    form: dict[str, Any] = {"time": time.time(), "instances": [(vars(place), item) for place, item in answer]}
    temporary = file.with_suffix(f".{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        json.dump(form, stream, default=str)
    temporary.replace(file)
