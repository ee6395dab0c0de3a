"""What a lab may be called, where it may live and which hosts it may have."""

from __future__ import annotations

import pytest

from clusterbook.errors import InvalidInput
from clusterbook.lab import network
from clusterbook.lab.spec import LabHost, LabSpec, check

HOST = LabHost("cp-1", "10.77.0.11")


def test_the_machine_has_the_first_address_of_the_network() -> None:
    assert LabSpec("lab", (HOST,)).gateway == "10.77.0.1"


def test_a_valid_spec_is_given_back() -> None:
    spec = LabSpec("lab", (HOST, LabHost("w-1", "10.77.0.21", "debian-13")))
    assert check(spec) is spec


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (LabSpec("Lab", (HOST,)), "'Lab' cannot be the name of a lab"),
        (LabSpec("a-name-too-long", (HOST,)), "cannot be the name of a lab"),
        (LabSpec("lab", (HOST,), network="10.77.0.5/24"), "'10.77.0.5/24' is not a network"),
        (LabSpec("lab", (HOST,), network="8.8.8.0/24"), "8.8.8.0/24 cannot be a lab's network"),
        (LabSpec("lab", (LabHost("../x", "10.77.0.11"),)), "'../x' cannot be the name of a host"),
        (LabSpec("lab", (LabHost("a", "10.77.0.11", "debian-9"),)), "the host a asks for the image 'debian-9'"),
        (LabSpec("lab", (LabHost("a", "10.78.0.11"),)), "the address '10.78.0.11' of a is not free in 10.77.0.0/24"),
        (LabSpec("lab", (LabHost("a", "10.77.0.1"),)), "the address '10.77.0.1' of a is not free"),
        (LabSpec("lab", (LabHost("a", "10.77.0.255"),)), "the address '10.77.0.255' of a is not free"),
        (LabSpec("lab", (LabHost("a", "nowhere"),)), "the address 'nowhere' of a is not free"),
        (LabSpec("lab", (HOST, LabHost("w-1", "10.77.0.11"))), "two hosts have the same address 10.77.0.11"),
        (LabSpec("lab", (HOST, LabHost("cp-1", "10.77.0.12"))), "two hosts have the same name cp-1"),
    ],
)  # fmt: skip
def test_what_cannot_be_built_is_refused_with_a_next_step(spec: LabSpec, words: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        check(spec)
    assert words in refused.value.message
    assert refused.value.next_step


def test_a_host_that_is_not_there_is_answered_with_those_that_are() -> None:
    with pytest.raises(InvalidInput) as refused:
        LabSpec("lab", (HOST,)).host("cp-9")
    assert refused.value.message == "the lab lab has no host cp-9"
    assert refused.value.next_step == "Name one of: cp-1."


def test_interface_names_fit_the_kernel_s_fifteen_characters() -> None:
    spec = LabSpec("a-long-name1", (LabHost("a-host-with-quite-a-long-name", "10.77.0.11"),))
    assert len(check(spec).bridge) <= 15
    assert len(network.interface(spec.name, spec.hosts[0].name)) <= 15


def test_every_host_has_a_network_card_of_its_own_that_stays_the_same() -> None:
    cards = [network.hardware_address("lab", name) for name in ("cp-1", "cp-2", "cp-1")]
    assert cards[0] == cards[2] != cards[1]
    assert int(cards[0][:2], 16) & 3 == 2  # locally administered, one host


def test_a_range_that_the_machine_uses_is_found_and_the_lab_s_own_bridge_is_not() -> None:
    routes = """[{"dst": "default", "dev": "eth0"}, {"dst": "10.77.0.0/16", "dev": "wg0"},
                 {"dst": "10.77.0.0/24", "dev": "cb-lab"}, {"dst": "10.78.0.7", "dev": "wg1"}]"""
    assert network.overlapping_routes(LabSpec("lab", (HOST,)), routes) == ["10.77.0.0/16 dev wg0"]
