"""Filters of IP addresses: the common queries of `ansible.utils`, with the standard library."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Union

from clusterbook.language.filters.errors import FilterError

if TYPE_CHECKING:
    Interface = Union[ipaddress.IPv4Interface, ipaddress.IPv6Interface]


def ipaddr(value: Any, query: Any = "", version: Any = False, alias: str = "ipaddr") -> Any:
    """The address, or what the query asks of it; false when the value is no address or the query does not hold."""
    if isinstance(value, (list, tuple)):
        return [found for found in (ipaddr(item, query, version) for item in value) if found not in (False, None, "")]
    parsed = _parsed(value)
    if parsed is None or (version and parsed.version != int(version)):
        return False
    return _asked(str(value).strip(), parsed, query)


def ipv4(value: Any, query: Any = "") -> Any:
    """As ipaddr, for IPv4 alone."""
    return ipaddr(value, query, 4)


def ipv6(value: Any, query: Any = "") -> Any:
    """As ipaddr, for IPv6 alone."""
    return ipaddr(value, query, 6)


def ipwrap(value: Any, query: Any = "") -> Any:
    """IPv6 addresses in brackets, as URLs want them; anything else as it is."""
    if isinstance(value, (list, tuple)):
        return [ipwrap(item, query) for item in value]
    parsed = _parsed(value)
    if parsed is None:
        return value
    found = ipaddr(value, query)
    return _wrapped(found) if found else value


def _wrapped(text: Any) -> str:
    address, slash, prefix = str(text).partition("/")
    return f"[{address}]{slash}{prefix}" if ":" in address else str(text)


def _parsed(value: Any) -> "Interface | None":
    if isinstance(value, bool) or value in (None, ""):
        return None
    try:
        if isinstance(value, int) or str(value).isdigit():
            return ipaddress.ip_interface(int(value))
        return ipaddress.ip_interface(str(value).strip())
    except ValueError:
        return None


def _asked(text: str, parsed: Interface, query: Any) -> Any:
    if query in ("", None):
        return text if not text.isdigit() else str(parsed.ip)
    if isinstance(query, int) or re.fullmatch(r"-?\d+", str(query)):
        return _numbered(parsed, int(query))
    found = _QUERIES.get(str(query))
    if found is not None:
        return found(parsed, "/" in text)
    try:
        outer = ipaddress.ip_network(str(query), strict=False)
    except ValueError:
        raise FilterError(f"ipaddr knows no query {query!r}; queries are {', '.join(sorted(_QUERIES))}") from None
    same = outer.version == parsed.version
    return text if same and parsed.ip in outer and parsed.network.prefixlen >= outer.prefixlen else None


def _numbered(parsed: Interface, number: int) -> Any:
    try:
        return f"{parsed.network[number]}/{parsed.network.prefixlen}"
    except IndexError:
        return False


def _bounds(parsed: Interface) -> "tuple[int, int]":
    """The first and the last address that hosts may have."""
    network = parsed.network
    first, last = int(network.network_address), int(network.broadcast_address)
    if network.num_addresses <= 2:
        return first, last
    return first + 1, last - 1 if parsed.version == 4 else last


def _at(parsed: Interface, number: int) -> str:
    kind = ipaddress.IPv4Address if parsed.version == 4 else ipaddress.IPv6Address
    return str(kind(number))


def _single(parsed: Interface) -> bool:
    return parsed.network.num_addresses == 1


def _is_network(parsed: Interface) -> bool:
    return not _single(parsed) and parsed.ip == parsed.network.network_address


def _is_host(parsed: Interface) -> bool:
    return _single(parsed) or not _is_network(parsed)


def _usable(parsed: Interface) -> bool:
    """A host with a network around it."""
    return _is_host(parsed) and not _single(parsed)


def _near(parsed: Interface, step: int) -> Any:
    """The address before or after, when hosts may have it."""
    first, last = _bounds(parsed)
    number = int(parsed.ip) + step
    return _at(parsed, number) if _usable(parsed) and first <= number <= last else None


def _peer(parsed: Interface) -> Any:
    if parsed.network.num_addresses not in (2, 4) or parsed.version != 4:
        raise FilterError("only addresses of a /30 or /31 have a peer")
    first, last = _bounds(parsed)
    return _at(parsed, last if int(parsed.ip) == first else first)


def _if(condition: Callable[[Interface], bool], value: Callable[[Interface], Any]) -> Callable[[Interface, bool], Any]:
    """The value where the condition holds, else nothing."""
    return lambda found, prefixed: value(found) if condition(found) else None


def _kept(condition: Callable[[Any], bool]) -> Callable[[Interface, bool], Any]:
    """The address as it is where the condition holds for it, else nothing."""
    return lambda found, prefixed: str(found if prefixed else found.ip) if condition(found.ip) else None


def _with_prefix(parsed: Interface) -> str:
    return f"{parsed.ip}/{parsed.network.prefixlen}"


def _joined(parsed: Interface, mask: Any) -> str:
    return f"{parsed.network.network_address} {mask}"


def _whole(parsed: Interface) -> bool:
    return not _single(parsed)


_QUERIES: Dict[str, Callable[[Interface, bool], Any]] = {
    **dict.fromkeys(("address", "ip"), _if(_is_host, lambda found: str(found.ip))),
    **dict.fromkeys(("address/prefix", "ip/prefix", "host/prefix", "gateway", "gw"), _if(_usable, _with_prefix)),
    **dict.fromkeys(("hostmask", "wildcard"), lambda found, prefixed: str(found.network.hostmask)),
    **dict.fromkeys(("network", "network_id"), lambda found, prefixed: str(found.network.network_address)),
    **dict.fromkeys(("subnet", "network/prefix"), lambda found, prefixed: str(found.network)),
    "host": _if(_is_host, _with_prefix),
    "net": _if(lambda found: found.ip == found.network.network_address, lambda found: str(found.network)),
    "netmask": lambda found, prefixed: str(found.network.netmask),
    "network_netmask": lambda found, prefixed: _joined(found, found.network.netmask),
    "network_wildcard": lambda found, prefixed: _joined(found, found.network.hostmask),
    "prefix": lambda found, prefixed: found.network.prefixlen,
    "broadcast": _if(lambda found: found.network.num_addresses > 2, lambda found: str(found.network.broadcast_address)),
    "size": lambda found, prefixed: found.network.num_addresses,
    "size_usable": lambda found, prefixed: _bounds(found)[1] - _bounds(found)[0] + 1,
    "cidr": lambda found, prefixed: _with_prefix(found),
    "first_usable": _if(_whole, lambda found: _at(found, _bounds(found)[0])),
    "last_usable": _if(_whole, lambda found: _at(found, _bounds(found)[1])),
    "range_usable": _if(_whole, lambda found: "-".join(_at(found, number) for number in _bounds(found))),
    "next_usable": lambda found, prefixed: _near(found, 1),
    "previous_usable": lambda found, prefixed: _near(found, -1),
    "peer": lambda found, prefixed: _peer(found),
    "int": lambda found, prefixed: f"{int(found.ip)}/{found.network.prefixlen}" if prefixed else int(found.ip),
    "version": lambda found, prefixed: found.version,
    "type": lambda found, prefixed: "address" if _is_host(found) else "network",
    "bool": lambda found, prefixed: True,
    "revdns": lambda found, prefixed: found.ip.reverse_pointer + ".",
    "wrap": lambda found, prefixed: _wrapped(found if prefixed else found.ip),
    "public": _kept(lambda address: bool(address.is_global)),
    "private": _kept(lambda address: bool(address.is_private)),
    "loopback": _kept(lambda address: bool(address.is_loopback)),
    "multicast": _kept(lambda address: bool(address.is_multicast)),
    "link-local": _kept(lambda address: bool(address.is_link_local)),
    "unicast": _kept(lambda address: not address.is_multicast),
}


def ipsubnet(value: Any, query: Any = "", index: Any = None) -> Any:
    """The subnets of a network: how many of a prefix length there are, or the one with a number."""
    parsed = _parsed(value)
    if parsed is None:
        return False
    if query in ("", None):
        return str(parsed.network)
    length = int(query)
    if length < parsed.network.prefixlen:
        return str(parsed.network.supernet(new_prefix=length))
    if index is None:
        return str(2 ** (length - parsed.network.prefixlen))
    number, count = int(index), 2 ** (length - parsed.network.prefixlen)
    if not -count <= number < count:
        return False
    size = 2 ** (parsed.network.max_prefixlen - length)
    base = int(parsed.network.network_address) + (number % count) * size
    return f"{_at(parsed, base)}/{length}"


def nthhost(value: Any, query: Any = "") -> Any:
    """The address with a number in a network."""
    parsed = _parsed(value)
    if parsed is None:
        return False
    try:
        return str(parsed.network[int(query)])
    except (IndexError, ValueError):
        return False


def ipmath(value: Any, amount: int) -> str:
    """The address that lies `amount` further."""
    parsed = _parsed(value)
    if parsed is None:
        raise FilterError(f"{value!r} is no address")
    return str(parsed.ip + int(amount))


def network_in_network(value: Any, test: Any) -> bool:
    """Whether the second network lies in the first."""
    outer, inner = _parsed(value), _parsed(test)
    if outer is None or inner is None or outer.version != inner.version:
        return False
    return inner.ip in outer.network and inner.network.prefixlen >= outer.network.prefixlen


def network_in_usable(value: Any, test: Any) -> bool:
    """Whether an address is one that hosts of the network may have."""
    outer, inner = _parsed(value), _parsed(test)
    if outer is None or inner is None or outer.version != inner.version:
        return False
    first, last = _bounds(outer)
    return first <= int(inner.ip) and int(inner.network.broadcast_address) <= last


def reduce_on_network(value: List[Any], network: Any) -> List[Any]:
    """Those of a list that lie in a network."""
    return [item for item in value if network_in_network(network, item)]


def usable_range(value: Any) -> Dict[str, Any]:
    """How many addresses hosts may have in a network, and which."""
    parsed = _parsed(value)
    if parsed is None:
        raise FilterError(f"{value!r} is no network")
    addresses = [str(item) for item in parsed.network]
    return {"number_of_ips": len(addresses), "usable_ips": addresses}


def cidr_merge(value: List[Any], action: str = "merge") -> Any:
    """The fewest networks that hold the given ones; action span: the one network that holds them all."""
    networks = [ipaddress.ip_network(str(item), strict=False) for item in value]
    if action == "merge":
        return [str(item) for item in ipaddress.collapse_addresses(networks)]  # type: ignore[type-var]
    if action != "span":
        raise FilterError(f"cidr_merge knows merge and span, not {action!r}")
    whole: Any = networks[0]
    while not all(item.subnet_of(whole) for item in networks):
        whole = whole.supernet()
    return str(whole)
