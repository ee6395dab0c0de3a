"""A kubeconfig as a document, and a person's own file, which gets one more cluster beside those that are there."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from clusterbook.cluster.files import PRIVATE_DIRECTORY, write_atomically
from clusterbook.errors import InvalidInput, Position
from clusterbook.source import read_text

VARIABLE = "KUBECONFIG"
_KINDS = ("clusters", "contexts", "users")
_RESOLVED = tuple(f"tag:yaml.org,2002:{name}" for name in ("bool", "null", "merge"))


class _Loader(yaml.SafeLoader):
    """Numbers and dates stay the texts that they are: written again, they are still the same."""

    yaml_implicit_resolvers = {
        first: [one for one in known if one[0] in _RESOLVED]
        for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def document(cluster: str, server: Mapping[str, str], account: str, user: Mapping[str, Any], context: str = "") -> Any:
    """One cluster, its user, and their context, which is the current one. context: its name, else the cluster's."""
    name = context or cluster
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [{"name": cluster, "cluster": dict(server)}],
        "contexts": [{"name": name, "context": {"cluster": cluster, "user": account}}],
        "users": [{"name": account, "user": dict(user)}],
    }


def administrator(cluster: str) -> str:
    """The name of the user in the kubeconfig that is made for a cluster of ours."""
    return f"{cluster}-admin"


def own_file(environment: Mapping[str, str]) -> Path:
    """A person's own: the first file that KUBECONFIG names, else ~/.kube/config."""
    named = [part for part in environment.get(VARIABLE, "").split(os.pathsep) if part]
    return Path(named[0]) if named else Path.home() / ".kube" / "config"


def add(path: Path, entry: Mapping[str, Any]) -> None:
    """Put a document's cluster, user and context into a file, in place of those of the same names; the rest stays.

    The file has mode 0600 then. Raises InvalidInput for one that is no kubeconfig, that cannot be written, or that is
    made anew by us and would lose what others put there.
    """
    found = _read(path)
    current = str(found.get("current-context"))
    if [one["name"] for one in found.get("users") or ()] == [administrator(current)]:
        raise InvalidInput(f"{path} is made anew for the cluster {current} alone, and would lose what is put there",
                           next_step="Name another file: --file ~/.kube/config")  # fmt: skip
    for kind in _KINDS:
        (new,) = entry[kind]
        found[kind] = [*(one for one in found.get(kind) or () if one["name"] != new["name"]), new]
    whole = {**entry, **found, "current-context": entry["current-context"]}
    file = path.resolve()
    try:
        file.parent.mkdir(mode=PRIVATE_DIRECTORY, parents=True, exist_ok=True)
        write_atomically(file, yaml.safe_dump(whole, sort_keys=False, allow_unicode=True).encode())
    except OSError as error:
        raise InvalidInput(f"cannot write {str(path)!r}: {str(error.strerror).lower()}",
                           next_step="Name another file: --file FILE") from error  # fmt: skip


def _read(path: Path) -> dict[str, Any]:
    """What a file holds; nothing when there is none."""
    text = read_text(path) if path.exists() else ""
    try:
        found = yaml.load(text, _Loader) or {}  # noqa: S506 (a safe loader)
        well = all(isinstance(one["name"], str) for kind in _KINDS for one in found.get(kind) or ())
    except (yaml.YAMLError, AttributeError, KeyError, TypeError):
        well = False
    if not well:
        raise InvalidInput("the file is no kubeconfig", where=Position(str(path)),
                           next_step="Correct it, or name another: --file FILE")  # fmt: skip
    return dict(found)
