"""A host's gate lets in by ssh whom its groups admit, and the lab itself; it is set anew when either has changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from clusterbook.lab import network
from clusterbook.lab.ec2 import gates
from clusterbook.lab.ec2.lifecycle import spec_of
from clusterbook.lab.spec import LabHost

SPEC = spec_of().with_hosts(LabHost("i-0a", "10.20.32.10"), LabHost("i-0b", "10.20.0.4"))


def test_the_lab_has_an_address_of_its_own_that_no_host_gets() -> None:
    assert (SPEC.gateway, SPEC.hand) == ("10.20.0.1", "10.20.0.2")


def test_a_gate_names_who_comes_in_and_drops_the_rest() -> None:
    text = gates.ruleset(("10.20.0.4/32",), SPEC.hand)
    assert text.splitlines()[:2] == ["table ip clusterbook_gate {}", "delete table ip clusterbook_gate"]
    assert text.splitlines()[5:9] == [
        'iifname "lo" accept', "ip saddr 10.20.0.2 tcp dport 22 accept", "ip saddr 10.20.0.4/32 tcp dport 22 accept",
        "tcp dport 22 drop",
    ]  # fmt: skip
    assert gates.ruleset(None, SPEC.hand).splitlines() == text.splitlines()[:2]


def test_gates_are_set_once_and_anew_for_other_groups_or_another_boot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []
    monkeypatch.setattr(network, "NAMESPACES", tmp_path)
    monkeypatch.setattr(gates, "run", lambda argv, stdin: told.append((argv[3], stdin.count("22 accept"))))
    kept, place = gates.Gates(), tmp_path / "ec2-i-0a"
    place.touch()
    kept.keep(SPEC, {"i-0a": None})
    assert told == []
    for _ in range(2):
        kept.keep(SPEC, {"i-0a": ("10.20.0.4/32",), "i-0b": ()})  # the second one has no network yet
    kept.keep(SPEC, {"i-0a": ("10.20.0.4/32", "10.20.0.5/32")})
    place.rename(tmp_path / "before")
    place.touch()
    kept.keep(SPEC, {"i-0a": ("10.20.0.4/32", "10.20.0.5/32")})
    kept.keep(SPEC, {"i-0a": None})
    assert told == [("ec2-i-0a", count) for count in (2, 3, 3, 0)]
