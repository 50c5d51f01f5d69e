"""Where a scan goes, as people write it: a subnet's name, a network, a range, an address. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address

from fibrix.domain.network import AddressRange, Subnet

_HOW = "write a subnet's name, 10.1.0.0/24, 10.1.0.5-10.1.0.9, 10.1.0.5 or fe80::1%SUBNET"


@dataclass(frozen=True, slots=True)
class Target:
    """A part of one subnet: IPv4 addresses, or one IPv6 address on its link."""

    subnet: str
    spans: tuple[AddressRange, ...] = ()
    neighbour: IPv6Address | None = None
    whole: bool = False  # all of the subnet


def read_target(words: str, subnets: Sequence[Subnet]) -> Target | str:
    """Read where a scan goes; a str says why not. Names go before anything else."""
    for subnet in subnets:
        if subnet.name == words:
            return Target(words, (_all_of(subnet.network),), whole=True)
    if "%" in words or ":" in words:
        return _neighbour(words, subnets)
    span = _span(words)
    if isinstance(span, str):
        return span
    for subnet in subnets:
        if span.first in subnet.network and span.last in subnet.network:
            return Target(subnet.name, (span,), whole=span == _all_of(subnet.network))
    return f"{words} is not in a configured subnet ({_known(subnets)}): nothing is ever sent elsewhere"


def _neighbour(words: str, subnets: Sequence[Subnet]) -> Target | str:
    """Read an IPv6 address: it is asked for on the link of a subnet, and no router passes that on."""
    text, _, name = words.partition("%")
    try:
        address = IPv6Address(text)
    except AddressValueError:
        return f"{words!r} is no IPv6 address: {_HOW}"
    subnet = next((one for one in subnets if one.name == name), None)
    if subnet is None:
        return f"{words}: say on the link of which subnet, as {text}%SUBNET ({_known(subnets)})"
    if address.is_multicast or address.is_unspecified or address.is_loopback or address.ipv4_mapped is not None:
        return f"{words} is no address of one host on a link"
    if subnet.relayed:
        return f"{words}: subnet {name!r} is behind a relay: its link cannot be reached"
    return Target(name, neighbour=address)


def _span(words: str) -> AddressRange | str:
    try:
        if "/" in words:
            return _all_of(IPv4Network(words, strict=False))
        first, dash, last = words.partition("-")
        span = AddressRange(first=IPv4Address(first.strip()), last=IPv4Address((last if dash else first).strip()))
    except ValueError:
        return f"{words!r} is neither the name of a subnet nor addresses: {_HOW}"
    return span if span.first <= span.last else f"{words}: the range ends before it begins"


def _all_of(network: IPv4Network) -> AddressRange:
    return AddressRange(first=network[0], last=network[-1])


def _known(subnets: Sequence[Subnet]) -> str:
    told = [f"{subnet.name} {subnet.network}" for subnet in subnets]
    return f"there are: {', '.join(told)}" if told else "there are none"
