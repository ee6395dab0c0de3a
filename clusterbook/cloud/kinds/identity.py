"""Roles and instance profiles of IAM, below a path of the cluster's own."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from clusterbook.cloud.aws import Cloud, CloudError, tag_list
from clusterbook.cloud.model import Found, Wanted

POLICY = "clusterbook"
ABSENT = ("NoSuchEntity",)


def path_of(cluster: str) -> str:
    """The path that holds every role and profile of a cluster; policies can name it."""
    return f"/clusterbook/{cluster}/"


class Role:
    """fields: trust and policy, both policy documents. Its id is its name; attribute: arn."""

    NAME = "Role"
    FIXED = frozenset({"trust"})

    def listing(self, cloud: Cloud) -> list[Found]:
        """See Kind."""
        found = []
        for item in cloud.pages("iam", "list_roles", "Roles", PathPrefix=path_of(cloud.cluster)):
            fields = {"trust": item["AssumeRolePolicyDocument"], "policy": _policy(cloud, item["RoleName"])}
            found.append(Found(self.NAME, item["RoleName"], item["RoleName"], fields, {"arn": item["Arn"]}))
        return found

    def create(self, cloud: Cloud, wanted: Wanted, tags: Mapping[str, str]) -> Found:
        """See Kind."""
        answer = cloud.call(
            "iam", "create_role", RoleName=wanted.name, Path=path_of(cloud.cluster), Tags=tag_list(tags),
            AssumeRolePolicyDocument=json.dumps(wanted.fields["trust"]),
        )  # fmt: skip
        found = Found(self.NAME, wanted.name, wanted.name, wanted.fields, {"arn": answer["Role"]["Arn"]})
        return self.update(cloud, wanted, found, ("policy",))

    def update(self, cloud: Cloud, wanted: Wanted, found: Found, changed: Sequence[str]) -> Found:
        """See Kind."""
        document = json.dumps(wanted.fields["policy"])
        cloud.settle("iam", "put_role_policy", RoleName=found.id, PolicyName=POLICY, PolicyDocument=document)
        return Found(self.NAME, found.name, found.id, wanted.fields, found.attributes)

    def delete(self, cloud: Cloud, found: Found) -> None:
        """See Kind."""
        forget(cloud, "delete_role_policy", RoleName=found.id, PolicyName=POLICY)
        forget(cloud, "delete_role", RoleName=found.id)


class InstanceProfile:
    """fields: role. Its id is its name."""

    NAME = "InstanceProfile"
    FIXED = frozenset[str]()

    def listing(self, cloud: Cloud) -> list[Found]:
        """See Kind."""
        pages = cloud.pages("iam", "list_instance_profiles", "InstanceProfiles", PathPrefix=path_of(cloud.cluster))
        return [
            Found(self.NAME, item["InstanceProfileName"], item["InstanceProfileName"],
                  {"role": item["Roles"][0]["RoleName"] if item["Roles"] else ""}, {"arn": item["Arn"]})
            for item in pages
        ]  # fmt: skip

    def create(self, cloud: Cloud, wanted: Wanted, tags: Mapping[str, str]) -> Found:
        """See Kind."""
        answer = cloud.call(
            "iam", "create_instance_profile", InstanceProfileName=wanted.name, Path=path_of(cloud.cluster),
            Tags=tag_list(tags),
        )  # fmt: skip
        arn = answer["InstanceProfile"]["Arn"]
        found = Found(self.NAME, wanted.name, wanted.name, {"role": ""}, {"arn": arn})
        return self.update(cloud, wanted, found, ("role",))

    def update(self, cloud: Cloud, wanted: Wanted, found: Found, changed: Sequence[str]) -> Found:
        """See Kind."""
        if found.fields["role"]:
            forget(cloud, "remove_role_from_instance_profile", InstanceProfileName=found.id,
                   RoleName=found.fields["role"])  # fmt: skip
        cloud.settle(
            "iam", "add_role_to_instance_profile", InstanceProfileName=found.id, RoleName=wanted.fields["role"]
        )
        return Found(self.NAME, found.name, found.id, wanted.fields, found.attributes)

    def delete(self, cloud: Cloud, found: Found) -> None:
        """See Kind."""
        if found.fields.get("role"):
            forget(cloud, "remove_role_from_instance_profile", InstanceProfileName=found.id,
                   RoleName=found.fields["role"])  # fmt: skip
        forget(cloud, "delete_instance_profile", InstanceProfileName=found.id)


def forget(cloud: Cloud, action: str, **arguments: str) -> None:
    """A deletion of IAM; that it is gone already is no error."""
    try:
        cloud.call("iam", action, **arguments)
    except CloudError as error:
        if error.code not in ABSENT:
            raise


def _policy(cloud: Cloud, role: str) -> Any:
    try:
        return cloud.call("iam", "get_role_policy", RoleName=role, PolicyName=POLICY)["PolicyDocument"]
    except CloudError as error:
        if error.code in ABSENT:
            return None
        raise
