"""One command from nothing to a cluster on EC2: what it does in which order, and how it goes on after an error."""

from __future__ import annotations

import json
from typing import Any

import pytest

from clusterbook.cli import booting, cluster, validation
from clusterbook.cluster.health import Finding
from tests.unit.cli.conftest import NAME, Call, Run

ZONES = ("--zones", "us-east-2a", "--access", "203.0.113.0/24")


def test_without_yes_all_of_it_is_only_shown_and_nothing_is_written(run: Run, aws: Any) -> None:
    image = aws("ec2").describe_images()["Images"][0]["ImageId"]
    code, text = run("up", NAME, *ZONES, "--image", image)
    assert code == 2, text
    assert f"Vpc/{NAME}" in text and f"clusterbook up {NAME} {' '.join(ZONES)} --image {image} --yes" in text
    assert aws("s3").list_buckets()["Buckets"] == []
    assert not [vpc for vpc in aws("ec2").describe_vpcs()["Vpcs"] if not vpc["IsDefault"]]


def test_a_cluster_that_is_not_configured_needs_zones(run: Run) -> None:
    code, text = run("up", NAME)
    assert (code != 0 and "--zones" in text) or "bucket" in text.lower()


def test_before_anything_costs_money_it_is_asked_where_binaries_come_from(
    run: Run, monkeypatch: pytest.MonkeyPatch, aws: Any
) -> None:
    monkeypatch.delenv("CLUSTERBOOK_MIRROR", raising=False)
    code, text = run("up", NAME, *ZONES, "--yes")
    assert code == 3 and "nothing says where the hosts get Kubernetes' binaries from" in text
    assert aws("s3").list_buckets()["Buckets"] == []


@pytest.fixture
def order(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was done on hosts, all of it in no time; the cluster is not well in the end."""
    order: list[str] = []

    def said(result: Any, words: str) -> Any:
        order.append(words)
        return result

    monkeypatch.setenv("CLUSTERBOOK_MIRROR", "http://192.0.2.1")
    monkeypatch.setattr(cluster, "site_for", lambda inventory, name, *_: said(None, f"{inventory} {name}"))
    monkeypatch.setattr(booting, "answering", lambda found, wanted, say: said(None, f"{wanted} hosts"))
    monkeypatch.setattr(cluster, "raise_site", lambda *_: said(0, "provision"))
    sick = validation.Validation(NAME, (Finding("node", "w-1", False, "is not ready"),))
    monkeypatch.setattr(validation, "look", lambda *_: said(sick, "validate"))
    return order


def test_resources_hosts_kubernetes_and_validation_come_one_after_the_other(
    run: Run, aws: Any, order: list[str]
) -> None:
    image = aws("ec2").describe_images()["Images"][0]["ImageId"]
    code, text = run("up", NAME, *ZONES, "--image", image, "--yes")
    assert code == 1 and "22 resources done." in text
    assert order == [f"aws {NAME}", "3 hosts", "provision", "validate"]
    order.clear()
    assert "Nothing to do" in run("up", NAME, *ZONES, "--image", image, "--yes")[1] and len(order) == 4


def test_for_programs_each_line_is_a_document_that_says_what_it_is(
    run: Run, call: Call, aws: Any, order: list[str]
) -> None:
    image = aws("ec2").describe_images()["Images"][0]["ImageId"]
    code, output, _ = call("up", NAME, *ZONES, "--image", image, "--yes", "--json")
    kinds = [json.loads(line)["type"] for line in output.splitlines()]
    assert code == 1 and kinds == [*["resource"] * 22, "resources", "validation"]
