"""The task that makes the people of a cluster in IAM, and shows what they and the hosts may do."""

from __future__ import annotations

import configparser
import io
import os
import sys
from pathlib import Path
from typing import Any

import platformdirs
from invoke.context import Context

from clusterbook.cli.boundary import command
from clusterbook.cli.screen import print_json, with_yes
from clusterbook.cloud import operator_policy, operators, policies
from clusterbook.cloud.aws import Cloud
from clusterbook.cloud.design import wanted
from clusterbook.cloud.kinds import KINDS
from clusterbook.cloud.layout import SHARED, Design
from clusterbook.cloud.opened import keys_of_index
from clusterbook.cloud.operator_policy import KmsKey, Uses
from clusterbook.cloud.operators import Operators
from clusterbook.cloud.permissions import BY_KIND
from clusterbook.cluster import files, spec
from clusterbook.cluster.kms import arn_of
from clusterbook.cluster.names import StoreError
from clusterbook.cluster.secrets import VARIABLES, description
from clusterbook.cluster.store import Store, check_cluster_name, open_store
from clusterbook.errors import EXIT_CHANGES, EXIT_DONE, InvalidInput
from clusterbook.schema import load_schema

PROFILE = "default"
# IAM is in no region; one must be named to sign requests.
REGION = "us-east-1"


@command(
    positional=["name"],
    help={
        "name": "name of the cluster",
        "print": "show the policies as JSON; IAM is not asked",
        "yes": "really make, or delete, them",
        "walkthrough": "give the group AWS's five wide policies instead of those made for this cluster",
        "user": "name of the user (default: operator.NAME)",
        "credentials": "file that gets the user's access key",
        "delete": "delete user, group and policies",
        "json": "show the result as JSON",
    },
)
def iam(
    _: Context, name: str, print_: bool = False, yes: bool = False, walkthrough: bool = False, user: str = "",
    credentials: str = "", delete: bool = False, json_: bool = False,
) -> int:  # fmt: skip
    """Make the IAM group, policies, user and access key of a cluster's people.

    The policies allow what the cluster's configuration uses, on resources with the cluster's tag; without a
    configuration everything that one could use. The access key goes into a file that only you can read, and is never
    shown.

    Without --yes it only shows what would be done. Needs credentials that may use IAM.

    Example: invoke iam demo.k8s.local --print
    Example: invoke iam demo.k8s.local --yes
    """
    store = open_store(os.environ)
    uses = _uses(store, check_cluster_name(name))
    documents = operator_policy.documents(uses)
    if print_:
        hosts = {"control_plane": policies.control_plane(name, store.address, _addons(store, name)),
                 "node": policies.node(name, store.address)}  # fmt: skip
        print_json({"operator": documents, **hosts})
        return EXIT_DONE
    people = operators.operators(name, documents, user, walkthrough)
    cloud = Cloud(name, os.environ.get("AWS_DEFAULT_REGION") or os.environ.get("AWS_REGION") or REGION)
    if delete:
        return _delete(cloud, people, yes, json_)
    file = Path(credentials).expanduser() if credentials else _default_file(name)
    return _make(cloud, people, file, yes, json_)


def _addons(store: Store, name: str) -> list[str]:
    """Those that the configuration names; all of them when there is none."""
    known: list[str] = load_schema(spec.SCHEMA)["$defs"]["aws"]["properties"]["addons"]["items"]["enum"]
    try:
        written = store.read(f"{name}/{spec.FILE}")
    except StoreError:
        written = None
    return known if written is None else list(spec.read(store, name).complete["aws"]["addons"])


def _uses(store: Store, name: str) -> Uses:
    """What the configuration uses, and what the cluster still has; all that one can when there is no configuration."""
    try:
        written = store.read(f"{name}/{spec.FILE}")
    except StoreError as error:
        print(f"{error.message}\nThe policies allow all that a cluster can use.", file=sys.stderr)
        written = None
    if written is None:
        return Uses(name, frozenset(BY_KIND) - {SHARED}, store.address, kms=_kms(store))
    found = spec.read(store, name)
    if not found.on_ec2:
        raise InvalidInput(f"the hosts of cluster {name!r} are not made by EC2: its cluster.yaml has no part 'aws'",
                           next_step="Name another cluster.")  # fmt: skip
    resources = wanted(Design(name, found.complete, image=""))
    there = {key.partition("/")[0] for key in keys_of_index(store, name)} & KINDS.keys()
    kinds, vpc = {item.kind for item in resources} | there, found.complete["aws"].get("vpc_id", "")
    return Uses(name, frozenset(kinds | {SHARED} if vpc else kinds), store.address, vpc, _kms(store))


def _kms(store: Store) -> KmsKey | None:
    """The KMS key that encrypts the store's, or would if the store were made now."""
    try:
        found = description(store)
    except StoreError:
        found = {}
    if found:
        return KmsKey(found["key"], found["store"], new=False) if found["kind"] == "kms" else None
    named = os.environ.get(VARIABLES["kms"], "")
    return KmsKey(arn_of(named, os.environ), store.address, new=True) if named else None


def _make(cloud: Cloud, people: Operators, file: Path, yes: bool, as_json: bool) -> int:
    account = operators.account_of(cloud)
    todo = [f"{verb} {what}" for verb, what in operators.missing(cloud, account, people)]
    if _key_in(file) not in operators.keys_of(cloud, people.user):
        todo.append(f"create access key of {people.user} in {file}")
    found: dict[str, Any] = {"group": people.group, "user": people.user, "policies": sorted(people.arns(account)),
                             "credentials": str(file), "changes": todo}  # fmt: skip
    if yes and todo:
        operators.ensure(cloud, account, people)
        _ensure_key(cloud, people.user, file)
    if as_json:
        print_json(found)
    else:
        print("\n".join(f"  {'done: ' if yes else ''}{line}" for line in todo) or "Nothing to do.")
        if yes:
            print(f"To work as {people.user}: export AWS_SHARED_CREDENTIALS_FILE={file}")
        elif todo:
            print(f"Nothing has been done. To do it: {with_yes(f'iam {people.cluster}')}")
    return EXIT_DONE if yes or not todo else EXIT_CHANGES


def _delete(cloud: Cloud, people: Operators, yes: bool, as_json: bool) -> int:
    deleted: list[str] = []
    if yes:
        operators.remove(cloud, people, deleted.append if as_json else lambda what: print(f"  deleted {what}"))
    if as_json:
        print_json({"group": people.group, "user": people.user, "deleted": deleted})
    elif not yes:
        print(f"Would delete user {people.user} with its access keys, group {people.group} and its policies.")
        print(f"Nothing has been done. To do it: {with_yes(f'iam {people.cluster} --delete')}")
    return EXIT_DONE if yes else EXIT_CHANGES


def _default_file(name: str) -> Path:
    return Path(platformdirs.user_config_dir("clusterbook")) / "credentials" / name


def _key_in(file: Path) -> str:
    """The id of the key in a credentials file; '' when it has none."""
    parsed = configparser.ConfigParser(interpolation=None)
    try:
        parsed.read(file)
    except configparser.Error as error:
        raise InvalidInput(f"{file} is not a credentials file of AWS", next_step="Name another file.") from error
    return parsed.get(PROFILE, "aws_access_key_id", fallback="")


def _ensure_key(cloud: Cloud, user: str, file: Path) -> None:
    """A file of its own for the user's key, readable by its owner alone; all that can fail does before AWS makes it."""
    there = _key_in(file)
    if there and there in operators.keys_of(cloud, user):
        return
    if there:
        raise InvalidInput(f"{file} holds an access key that is not one of {user}",
                           next_step="Name another file with --credentials, or remove this one.")  # fmt: skip
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    files.write_atomically(file, b"")
    key, secret = operators.new_key(cloud, user)
    written = configparser.ConfigParser(interpolation=None)
    written[PROFILE] = {"aws_access_key_id": key, "aws_secret_access_key": secret}
    text = io.StringIO()
    written.write(text)
    files.write_atomically(file, text.getvalue().encode())
