"""Rules of the packet filter: the words for iptables, and a filter that remembers them."""

from __future__ import annotations

from typing import Any

import pytest

from clusterbook.modules import iptables, registry
from clusterbook.modules.parameters import coerce
from clusterbook.modules.system import System
from clusterbook.modules.system.commands import Completed
from tests.unit.modules.conftest import Do


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"protocol": "tcp", "destination_port": "22", "jump": "ACCEPT"}, "-p tcp -j ACCEPT --destination-port 22"),
        ({"source": "!10.0.0.0/8", "jump": "DROP"}, "! -s 10.0.0.0/8 -j DROP"),
        ({"ctstate": ["NEW", "ESTABLISHED"]}, "-m conntrack --ctstate NEW,ESTABLISHED"),
        ({"protocol": "tcp", "destination_ports": ["80", "8000:8100"]}, "-p tcp -m multiport --dports 80,8000:8100"),
        ({"log_prefix": "x ", "log_level": "info"}, "-j LOG --log-prefix x  --log-level info"),
        ({"reject_with": "tcp-reset", "protocol": "tcp"}, "-p tcp -j REJECT --reject-with tcp-reset"),
        ({"limit": "1/s", "limit_burst": "5", "match": ["limit"]}, "-m limit --limit 1/s --limit-burst 5"),
        ({"tcp_flags": {"flags": ["SYN", "ACK"], "flags_set": ["SYN"]}}, "--tcp-flags SYN,ACK SYN"),
        ({"protocol": "tcp", "syn": "negate"}, "-p tcp ! --syn"),
        ({"match_set": "s", "match_set_flags": "src"}, "-m set --match-set s src"),
        ({"src_range": "10.0.0.1-10.0.0.9", "comment": "c"},
         "-m comment --comment c -m iprange --src-range 10.0.0.1-10.0.0.9"),
    ],
)
def test_parameters_are_words_of_iptables(given: dict[str, Any], words: str) -> None:
    ready = coerce(registry.specification("ansible.builtin.iptables"), {"chain": "INPUT", **given})
    assert " ".join(iptables.rule(ready)) == words


class Filter:
    """One table of iptables, as far as the module uses it."""

    def __init__(self) -> None:
        self.policy = "ACCEPT"
        self.chains: dict[str, list[str]] = {"INPUT": []}

    def __call__(self, argv: list[str], **options: Any) -> Completed:
        verb, *rest = argv[4:]
        chain, rule = (rest or [""])[0], " ".join(rest[1:])
        code, said = 0, ""
        if verb == "-S" and chain in self.chains:
            said = f"-P {chain} {self.policy}\n" + "".join(f"-A {chain} {line}\n" for line in self.chains[chain])
        elif verb == "-C":
            code = rule not in self.chains[chain]
        elif verb == "-A":
            self.chains[chain].append(rule)
        elif verb == "-I":
            self.chains[chain].insert(0, rule)
        elif verb == "-D":
            self.chains[chain].remove(rule)
        elif verb == "-F":
            self.chains[chain].clear()
        elif verb == "-P":
            self.policy = rule
        elif verb == "-N":
            self.chains[chain] = []
        elif verb == "-X":
            del self.chains[chain]
        else:
            code = 1
        return Completed(tuple(argv), code, said, "", 0.0, 0.0)


@pytest.fixture
def table(host: System) -> Filter:
    """A filter in the place of the kernel's."""
    made = Filter()
    host.query = host.execute = made  # type: ignore[method-assign, assignment]
    return made


RULE = {"chain": "INPUT", "protocol": "tcp", "jump": "ACCEPT"}


def test_a_rule_is_appended_inserted_and_removed_once(do: Do, table: Filter) -> None:
    assert do("iptables", **RULE).changed and not do("iptables", **RULE).changed
    assert do("iptables", **{**RULE, "jump": "DROP"}, action="insert").changed
    assert table.chains["INPUT"] == ["-p tcp -j DROP", "-p tcp -j ACCEPT"]
    assert do("iptables", **RULE, state="absent").changed and not do("iptables", **RULE, state="absent").changed


def test_policy_flush_and_chain(do: Do, table: Filter) -> None:
    assert do("iptables", chain="INPUT", policy="DROP").changed and table.policy == "DROP"
    assert not do("iptables", chain="INPUT", policy="DROP").changed
    do("iptables", **RULE)
    assert do("iptables", chain="INPUT", flush=True).changed and not do("iptables", chain="INPUT", flush=True).changed
    assert do("iptables", chain="mine", chain_management=True).changed and "mine" in table.chains
    assert not do("iptables", chain="mine", chain_management=True).changed
    assert do("iptables", chain="mine", chain_management=True, state="absent").changed and "mine" not in table.chains


def test_a_plan_says_so_when_an_earlier_rule_leaves_the_next_one_open(plan: Do, predicted: System) -> None:
    predicted.query = Filter()  # type: ignore[method-assign, assignment]
    assert plan("iptables", **RULE).changed
    assert plan("iptables", chain="INPUT", protocol="udp", jump="DROP", state="absent").unknown
