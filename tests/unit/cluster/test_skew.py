"""What may become what, by the versions that run."""

from __future__ import annotations

from dataclasses import replace

import pytest

from clusterbook.cluster import skew
from clusterbook.cluster.skew import Live

EVEN = Live(
    api_servers={"cp-1": "1.36.3", "cp-2": "1.36.3"},
    kubelets={"cp-1": "1.36.3", "cp-2": "1.36.3", "w-1": "1.36.3"},
    etcd={"cp-1": "3.7.3"},
    own={"cp-1": "cp-1", "cp-2": "cp-2"},
)


def told(live: Live, target: str = "1.37.2", etcd: str = "3.7.3") -> list[str]:
    found = skew.problems(live, target, etcd)
    assert all(problem.next_step for problem in found)
    return [problem.message for problem in found]


@pytest.mark.parametrize("target", ["1.36.3", "1.36.9", "1.37.0", "1.37.2"])
def test_a_newer_patch_and_the_next_minor_version_are_allowed(target: str) -> None:
    assert told(EVEN, target) == []


@pytest.mark.parametrize("live", [
    replace(EVEN, api_servers={"cp-1": "1.37.2", "cp-2": "1.36.3"}),
    replace(EVEN, api_servers={"cp-1": "1.37.2", "cp-2": "1.36.3"}, kubelets={**EVEN.kubelets, "cp-1": "1.37.2"}),
    replace(EVEN, api_servers={"cp-1": "1.37.2", "cp-2": "1.37.2"}, kubelets={**EVEN.kubelets, "w-1": "1.37.2"}),
    replace(EVEN, kubelets={**EVEN.kubelets, "w-1": "1.34.1"}),
])  # fmt: skip
def test_every_state_that_an_upgrade_passes_through_can_be_taken_up_again(live: Live) -> None:
    assert told(live) == []


def test_skipping_a_minor_version_is_refused() -> None:
    assert told(EVEN, "1.38.0") == [
        "1.38.0 would skip a minor version: kube-apiserver of cp-1 is 1.36.3, and objects are carried from one minor "
        "version to the next"
    ]
    assert "Upgrade to 1.37 first" in skew.problems(EVEN, "1.38.0", "3.7.3")[0].next_step


@pytest.mark.parametrize("target", ["1.36.1", "1.35.9"])
def test_a_downgrade_is_refused(target: str) -> None:
    assert [message.partition(":")[0] for message in told(EVEN, target)] == [f"{target} would be a downgrade"]


def test_a_control_plane_s_kubelet_that_is_newer_than_its_own_api_server_is_refused() -> None:
    live = replace(EVEN, api_servers={"cp-1": "1.37.2", "cp-2": "1.36.3"}, kubelets={**EVEN.kubelets, "cp-2": "1.37.2"})
    assert told(live) == ["the kubelet of cp-2 is 1.37.2, newer than its API server (cp-2: 1.36.3)"]


def test_a_worker_s_kubelet_that_is_newer_than_any_api_server_is_refused() -> None:
    live = replace(EVEN, api_servers={"cp-1": "1.37.2", "cp-2": "1.36.3"}, kubelets={**EVEN.kubelets, "w-1": "1.37.2"})
    assert told(live) == ["the kubelet of w-1 is 1.37.2, newer than its API server (cp-2: 1.36.3)"]


def test_a_kubelet_that_the_new_api_server_would_no_longer_know_is_refused() -> None:
    live = replace(EVEN, kubelets={**EVEN.kubelets, "w-1": "1.33.4"})
    assert ["the kubelet of w-1 is 1.33.4" in message for message in told(live)] == [True]
    assert told(live, "1.36.9") == []


def test_api_servers_that_are_far_apart_are_refused() -> None:
    found = told(replace(EVEN, api_servers={"cp-1": "1.37.2", "cp-2": "1.35.1"}))
    assert any("more than one minor version apart: cp-2 has 1.35.1, cp-1 has 1.37.2" in message for message in found)


@pytest.mark.parametrize(("now", "wanted", "reason"), [
    ("3.5.25", "3.6.16", "members that left before would come back"),
    ("3.5.26", "3.6.16", ""),
    ("3.5.26", "3.7.3", "members may be one minor version apart at most"),
    ("3.6.16", "3.7.3", ""),
    ("3.7.3", "3.7.3", ""),
    ("3.7.4", "3.7.3", ""),
    ("3.7.3", "3.6.16", "cannot read its data"),
])  # fmt: skip
def test_ways_of_etcd_that_lose_members_or_data_are_refused(now: str, wanted: str, reason: str) -> None:
    found = told(replace(EVEN, etcd={"cp-1": now}), etcd=wanted)
    assert len(found) == bool(reason)
    assert all(reason in message and message.startswith(f"etcd of cp-1 is {now}") for message in found)


def test_it_is_seen_when_everything_has_the_version_already() -> None:
    assert skew.at(EVEN, "1.36.3")
    assert not skew.at(replace(EVEN, kubelets={**EVEN.kubelets, "w-1": "1.35.1"}), "1.36.3")


def test_what_a_vendor_puts_behind_a_version_does_not_count() -> None:
    assert skew.parsed("v1.36.3-eks-1") == skew.parsed("v1.36.3+k0s") == (1, 36, 3)
