"""The people who work with a cluster in IAM: a group with policies, a user in it, and the user's access key."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clusterbook.cloud.aws import Cloud, CloudError
from clusterbook.cloud.kinds.identity import forget, path_of
from clusterbook.errors import InvalidInput

# IAM keeps so many versions of a policy.
MOST_VERSIONS = 5
MOST_KEYS = 2
MOST_LETTERS = 64
# What the walk-through gives its group: far more than one cluster needs.
WALKTHROUGH = (
    "AmazonEC2FullAccess", "AmazonRoute53FullAccess", "AmazonS3FullAccess", "IAMFullAccess", "AmazonVPCFullAccess"
)  # fmt: skip
Say = Callable[[str], None]


@dataclass(frozen=True)
class Account:
    """Whose account it is. partition: aws, aws-cn or aws-us-gov."""

    number: str
    partition: str


@dataclass(frozen=True)
class Operators:
    """A group, its user and its policies as wanted. policies: name -> document; managed: names of AWS's own."""

    cluster: str
    group: str
    user: str
    policies: Mapping[str, Mapping[str, Any]]
    managed: Sequence[str]

    @property
    def path(self) -> str:
        """Below which all of it is."""
        return path_of(self.cluster)

    def arns(self, account: Account) -> dict[str, str]:
        """Name -> ARN of every policy of the group."""
        start = f"arn:{account.partition}:iam"
        own = {name: f"{start}::{account.number}:policy{self.path}{name}" for name in self.policies}
        return {**own, **{name: f"{start}::aws:policy/{name}" for name in self.managed}}


def operators(cluster: str, documents: Mapping[str, Mapping[str, Any]], user: str, walkthrough: bool) -> Operators:
    """Names of group and user are the cluster's; user: '' for the default. InvalidInput for one that IAM refuses."""
    name = user or f"operator.{cluster}"
    if len(name) > MOST_LETTERS:
        raise InvalidInput(f"the user's name {name!r} is longer than IAM's {MOST_LETTERS} letters",
                           next_step="Choose one with --user NAME.")  # fmt: skip
    own = {} if walkthrough else {f"{part}.operators.{cluster}": document for part, document in documents.items()}
    return Operators(cluster, f"operators.{cluster}", name, own, WALKTHROUGH if walkthrough else ())


def account_of(cloud: Cloud) -> Account:
    """The account of the credentials in use."""
    found = cloud.call("sts", "get_caller_identity")
    return Account(str(found["Account"]), str(found["Arn"]).split(":")[1])


def missing(cloud: Cloud, account: Account, wanted: Operators) -> list[tuple[str, str]]:
    """(verb, what) of all that `ensure` would do but the key; asks only."""
    found = []
    if not _exists(cloud, "get_group", GroupName=wanted.group):
        found.append(("create", f"group {wanted.group}"))
    attached = _attached(cloud, wanted.group)
    for name, arn in wanted.arns(account).items():
        if name in wanted.policies:
            current = _document(cloud, arn)
            if current is None:
                found.append(("create", f"policy {name}"))
            elif current != wanted.policies[name]:
                found.append(("change", f"policy {name}"))
        if arn not in attached:
            found.append(("attach", f"policy {name}"))
    found += [("detach", f"policy {arn}") for arn in attached if arn not in wanted.arns(account).values()]
    if not _exists(cloud, "get_user", UserName=wanted.user):
        found.append(("create", f"user {wanted.user}"))
    elif wanted.group not in _groups(cloud, wanted.user):
        found.append(("add", f"user {wanted.user} to the group"))
    return found


def ensure(cloud: Cloud, account: Account, wanted: Operators) -> None:
    """Make what is missing, in an order in which a run that died is simply run again."""
    if not _exists(cloud, "get_group", GroupName=wanted.group):
        cloud.call("iam", "create_group", GroupName=wanted.group, Path=wanted.path)
    arns = wanted.arns(account)
    for name, document in wanted.policies.items():
        _ensure_policy(cloud, name, arns[name], wanted.path, document)
    attached = _attached(cloud, wanted.group)
    for arn in (arn for arn in arns.values() if arn not in attached):
        cloud.call("iam", "attach_group_policy", GroupName=wanted.group, PolicyArn=arn)
    for arn in (arn for arn in attached if arn not in arns.values()):
        forget(cloud, "detach_group_policy", GroupName=wanted.group, PolicyArn=arn)
    if not _exists(cloud, "get_user", UserName=wanted.user):
        cloud.call("iam", "create_user", UserName=wanted.user, Path=wanted.path)
    cloud.call("iam", "add_user_to_group", GroupName=wanted.group, UserName=wanted.user)


def keys_of(cloud: Cloud, user: str) -> list[str]:
    """Ids of the user's access keys; none when there is no such user."""
    try:
        return [str(key["AccessKeyId"]) for key in cloud.pages("iam", "list_access_keys", "AccessKeyMetadata",
                                                               UserName=user)]  # fmt: skip
    except CloudError as error:
        if error.code == "NoSuchEntity":
            return []
        raise


def new_key(cloud: Cloud, user: str) -> tuple[str, str]:
    """Id and secret of a new access key. AWS shows the secret this once."""
    there = keys_of(cloud, user)
    if len(there) >= MOST_KEYS:
        raise InvalidInput(f"the user {user} has {len(there)} access keys already, as many as IAM allows: "
                           f"{', '.join(there)}", next_step="Delete one that is not in use, or name its file with "
                           "--credentials.")  # fmt: skip
    key = cloud.call("iam", "create_access_key", UserName=user)["AccessKey"]
    return str(key["AccessKeyId"]), str(key["SecretAccessKey"])


def remove(cloud: Cloud, wanted: Operators, say: Say) -> None:
    """Delete the user with its keys, the group and the policies below the cluster's path."""
    for key in keys_of(cloud, wanted.user):
        forget(cloud, "delete_access_key", UserName=wanted.user, AccessKeyId=key)
        say(f"access key {key}")
    forget(cloud, "remove_user_from_group", GroupName=wanted.group, UserName=wanted.user)
    forget(cloud, "delete_user", UserName=wanted.user)
    say(f"user {wanted.user}")
    for arn in _attached(cloud, wanted.group):
        forget(cloud, "detach_group_policy", GroupName=wanted.group, PolicyArn=arn)
    forget(cloud, "delete_group", GroupName=wanted.group)
    say(f"group {wanted.group}")
    own = list(cloud.pages("iam", "list_policies", "Policies", Scope="Local", PathPrefix=wanted.path))
    for policy in own:
        for version in _versions(cloud, policy["Arn"])[1:]:
            forget(cloud, "delete_policy_version", PolicyArn=policy["Arn"], VersionId=version)
        forget(cloud, "delete_policy", PolicyArn=policy["Arn"])
        say(f"policy {policy['PolicyName']}")


def _ensure_policy(cloud: Cloud, name: str, arn: str, path: str, document: Mapping[str, Any]) -> None:
    current = _document(cloud, arn)
    text = json.dumps(document, separators=(",", ":"))
    if current is None:
        cloud.call("iam", "create_policy", PolicyName=name, Path=path, PolicyDocument=text)
    elif current != document:
        versions = _versions(cloud, arn)
        if len(versions) >= MOST_VERSIONS:
            forget(cloud, "delete_policy_version", PolicyArn=arn, VersionId=versions[-1])
        cloud.call("iam", "create_policy_version", PolicyArn=arn, PolicyDocument=text, SetAsDefault=True)


def _document(cloud: Cloud, arn: str) -> Any:
    try:
        version = cloud.call("iam", "get_policy", PolicyArn=arn)["Policy"]["DefaultVersionId"]
    except CloudError as error:
        if error.code == "NoSuchEntity":
            return None
        raise
    return cloud.call("iam", "get_policy_version", PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]


def _versions(cloud: Cloud, arn: str) -> list[str]:
    """Ids of the versions: the one in force first, the oldest last."""
    found = list(cloud.pages("iam", "list_policy_versions", "Versions", PolicyArn=arn))
    found.sort(key=lambda one: (one["IsDefaultVersion"], int(one["VersionId"].removeprefix("v"))), reverse=True)
    return [str(one["VersionId"]) for one in found]


def _attached(cloud: Cloud, group: str) -> list[str]:
    try:
        pages = cloud.pages("iam", "list_attached_group_policies", "AttachedPolicies", GroupName=group)
        return [str(one["PolicyArn"]) for one in pages]
    except CloudError as error:
        if error.code == "NoSuchEntity":
            return []
        raise


def _groups(cloud: Cloud, user: str) -> list[str]:
    return [str(one["GroupName"]) for one in cloud.pages("iam", "list_groups_for_user", "Groups", UserName=user)]


def _exists(cloud: Cloud, action: str, **arguments: str) -> bool:
    try:
        cloud.call("iam", action, **arguments)
    except CloudError as error:
        if error.code == "NoSuchEntity":
            return False
        raise
    return True
