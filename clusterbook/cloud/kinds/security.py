"""Security groups, and their rules as a resource of their own: groups may name each other in a circle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from clusterbook.cloud.aws import Cloud, CloudError
from clusterbook.cloud.kinds.contract import ec2_listing, specification
from clusterbook.cloud.kinds.network import remove
from clusterbook.cloud.model import Found, Wanted

# Rules without this description are others' (the cloud controller opens node ports): left alone until the group goes.
OURS = "clusterbook"
Rule = tuple[str, int, int, str]
THERE = "InvalidPermission.Duplicate"
GONE = ("InvalidGroup.NotFound", "InvalidGroupId.Malformed", "InvalidPermission.NotFound")


class SecurityGroup:
    """fields: vpc, description."""

    NAME = "SecurityGroup"
    FIXED = frozenset({"vpc", "description"})

    def listing(self, cloud: Cloud) -> list[Found]:
        """See Kind."""
        return [
            Found(self.NAME, name, item["GroupId"], {"vpc": item["VpcId"], "description": item["Description"]})
            for name, item in ec2_listing(cloud, self.NAME, "describe_security_groups", "SecurityGroups")
        ]

    def create(self, cloud: Cloud, wanted: Wanted, tags: Mapping[str, str]) -> Found:
        """See Kind."""
        answer = cloud.settle(
            "ec2", "create_security_group", GroupName=wanted.name, VpcId=wanted.fields["vpc"],
            Description=wanted.fields["description"], TagSpecifications=specification("security-group", tags),
        )  # fmt: skip
        return Found(self.NAME, wanted.name, answer["GroupId"], wanted.fields)

    def update(self, cloud: Cloud, wanted: Wanted, found: Found, changed: Sequence[str]) -> Found:
        """See Kind. Nothing of a group can change."""
        return found

    def delete(self, cloud: Cloud, found: Found) -> None:
        """See Kind."""
        remove(cloud, "delete_security_group", *GONE, GroupId=found.id)


class SecurityGroupRules:
    """fields: group, rules: what may come in, each (protocol, first port, last port, a range or a group's id)."""

    NAME = "SecurityGroupRules"
    FIXED = frozenset({"group"})

    def listing(self, cloud: Cloud) -> list[Found]:
        """See Kind."""
        found = []
        for name, item in ec2_listing(cloud, "SecurityGroup", "describe_security_groups", "SecurityGroups"):
            rules = list(_rules(item["IpPermissions"]))
            if rules:
                found.append(Found(self.NAME, name, item["GroupId"], {"group": item["GroupId"], "rules": rules}))
        return found

    def create(self, cloud: Cloud, wanted: Wanted, tags: Mapping[str, str]) -> Found:
        """See Kind."""
        group = str(wanted.fields["group"])
        return self.update(cloud, wanted, Found(self.NAME, wanted.name, group, {"rules": []}), ("rules",))

    def update(self, cloud: Cloud, wanted: Wanted, found: Found, changed: Sequence[str]) -> Found:
        """See Kind. New rules come before old ones go, so that traffic which stays allowed is not cut."""
        there, wished = set(found.fields["rules"]), set(wanted.fields["rules"])
        if wished - there:
            _authorize(cloud, found.id, sorted(wished - there))
        if there - wished:
            cloud.settle("ec2", "revoke_security_group_ingress", GroupId=found.id,
                         IpPermissions=[_permission(rule) for rule in sorted(there - wished)])  # fmt: skip
        return Found(self.NAME, found.name, found.id, wanted.fields)

    def delete(self, cloud: Cloud, found: Found) -> None:
        """See Kind. All rules go, others' too: groups that name each other could not be deleted."""
        try:
            groups = cloud.call("ec2", "describe_security_groups", GroupIds=[found.id])["SecurityGroups"]
            for group in groups:
                if group["IpPermissions"]:
                    cloud.call("ec2", "revoke_security_group_ingress", GroupId=found.id,
                               IpPermissions=group["IpPermissions"])  # fmt: skip
        except CloudError as error:
            if error.code not in GONE:
                raise


def _authorize(cloud: Cloud, group: str, rules: Sequence[Rule]) -> None:
    """One request for all; when somebody has made one of the rules before EC2 takes none, and that one becomes ours."""
    permissions = [_permission(rule) for rule in rules]
    try:
        cloud.settle("ec2", "authorize_security_group_ingress", GroupId=group, IpPermissions=permissions)
    except CloudError as error:
        if error.code != THERE:
            raise
        if len(rules) > 1:
            for rule in rules:
                _authorize(cloud, group, [rule])
        else:
            cloud.call("ec2", "update_security_group_rule_descriptions_ingress", GroupId=group,
                       IpPermissions=permissions)  # fmt: skip


def _rules(permissions: Sequence[Mapping[str, Any]]) -> Iterator[Rule]:
    for permission in permissions:
        start = (str(permission["IpProtocol"]), int(permission.get("FromPort", -1)), int(permission.get("ToPort", -1)))
        for source in permission.get("IpRanges", ()):
            if source.get("Description") == OURS:
                yield (*start, str(source["CidrIp"]))
        for pair in permission.get("UserIdGroupPairs", ()):
            if pair.get("Description") == OURS:
                yield (*start, str(pair["GroupId"]))


def _permission(rule: Rule) -> dict[str, Any]:
    protocol, first, last, source = rule
    permission: dict[str, Any] = {"IpProtocol": protocol}
    if protocol != "-1":
        permission |= {"FromPort": first, "ToPort": last}
    if source.startswith("sg-"):
        return {**permission, "UserIdGroupPairs": [{"GroupId": source, "Description": OURS}]}
    return {**permission, "IpRanges": [{"CidrIp": source, "Description": OURS}]}
