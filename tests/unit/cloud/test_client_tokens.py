"""Tokens by which AWS knows a request that it had already: the same after a lost answer, another for a replacement."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import botocore.client
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from clusterbook.cloud import apply, plan
from clusterbook.cloud.aws import Cloud
from clusterbook.cloud.design import wanted
from clusterbook.cloud.graph import Outcome
from clusterbook.cloud.kinds.translation import NatGateway
from clusterbook.cloud.layout import Design
from clusterbook.cloud.model import Found, Wanted, client_token
from clusterbook.cloud.state import StateFile
from clusterbook.cluster.store import FileStore

ONE = Wanted("Instance", "a", {"subnet": "subnet-1", "groups": ["sg-1", "sg-2"]})


def raised(cloud: Cloud, design: Design, state: StateFile) -> Outcome:
    return apply.apply(cloud, plan.compare(wanted(design), plan.survey(cloud)), state, {}, lambda *words: None)


def test_a_token_is_of_the_cluster_the_resource_its_fields_and_its_generation() -> None:
    token = client_token("demo", ONE)
    same = replace(ONE, fields={"groups": ["sg-2", "sg-1"], "subnet": "subnet-1"}, tags={"a": "b"})
    assert token == client_token("demo", same)
    others = [client_token("other", ONE), client_token("demo", replace(ONE, name="b")),
              client_token("demo", replace(ONE, fields={"subnet": "subnet-2"})),
              client_token("demo", replace(ONE, generation=1))]  # fmt: skip
    assert len({token, *others}) == 5 and all(len(one) <= 64 for one in others)  # EC2 takes no longer ones


def test_the_index_counts_how_often_a_resource_was_made(tmp_path: Path) -> None:
    state = StateFile(FileStore(tmp_path), "demo")
    for id_ in ("i-1", "i-1", "i-2"):
        state.record(Found("Instance", "a", id_))
    state.forget("Instance/a")
    state.record(Found("Instance", "a", "i-3"))
    assert StateFile(FileStore(tmp_path), "demo").state.made == {"Instance/a": 3}


def test_a_request_without_an_answer_is_made_again_with_its_token_and_a_replacement_with_another(
    cloud: Cloud, design: Design, state: StateFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[str, str]] = []
    real, lost = botocore.client.BaseClient._make_api_call, [True]

    def call(self: Any, operation: str, given: Any) -> Any:
        if operation == "RunInstances":
            tags = {tag["Key"]: tag["Value"] for tag in given["TagSpecifications"][0]["Tags"]}
            sent.append((tags["Name"], given["ClientToken"]))
            if lost[0]:
                raise EndpointConnectionError(endpoint_url="https://ec2")
        return real(self, operation, given)

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", call)
    assert len(raised(cloud, design, state).failed) == 3
    lost[0] = False
    assert raised(cloud, design, state).failed == {}
    assert sorted(sent[:3]) == sorted(sent[3:]) and len(set(sent)) == 3
    name = sent[0][0]
    gone = plan.survey(cloud)[f"Instance/{name}"].id
    cloud.call("ec2", "terminate_instances", InstanceIds=[gone])
    assert raised(cloud, design, state).failed == {}
    assert sent[-1][0] == name and sent[-1] not in sent[:-1]


def test_after_a_gateway_that_failed_another_one_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = Wanted("NatGateway", "a", {"subnet": "subnet-1", "address": "eipalloc-1"})
    made: dict[str, str] = {}

    def call(self: Cloud, service: str, action: str, **given: Any) -> Any:
        """As EC2: a known token makes nothing, and the first gateway has failed."""
        if action == "create_nat_gateway":
            return {"NatGateway": {"NatGatewayId": made.setdefault(given["ClientToken"], f"nat-{len(made)}")}}
        (asked,) = given["NatGatewayIds"]
        return {"NatGateways": [{"NatGatewayId": asked, "State": "failed" if asked == "nat-0" else "pending"}]}

    monkeypatch.setattr(Cloud, "call", call)
    monkeypatch.setattr(Cloud, "wait", lambda *arguments, **named: None)
    assert NatGateway().create(Cloud("demo", "us-east-2"), gateway, {}).id == "nat-1"
    assert next(iter(made)) == client_token("demo", gateway) and len(made) == 2


def test_a_token_whose_instance_is_gone_is_not_used_again(
    cloud: Cloud, design: Design, state: StateFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, tokens = botocore.client.BaseClient._make_api_call, list[str]()

    def call(self: Any, operation: str, given: Any) -> Any:
        if operation == "RunInstances":
            tokens.append(given["ClientToken"])
            if len(tokens) == 1:
                raise ClientError({"Error": {"Code": "IdempotentInstanceTerminated", "Message": "gone"}}, operation)
        return real(self, operation, given)

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", call)
    assert raised(cloud, design, state).failed == {}
    assert len(tokens) == len(set(tokens)) == 4
