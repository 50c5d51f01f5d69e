"""Reverse zones: which ones a subnet needs, and where in them an address has its name."""

from ipaddress import IPv4Address, IPv4Network
from typing import Final

from fibrix.domain.zones.names import REVERSE

_OCTET: Final = 8
_CLASS_C: Final = 24  # bits; the longest prefix that ends between two labels below which there is still a label


def address_name(address: IPv4Address) -> str:
    """The name of an address: `5.1.168.192.in-addr.arpa` (RFC 1035 §3.5)."""
    return f"{_reversed(address, 4)}.{REVERSE}"


def reverse_zones(network: IPv4Network) -> tuple[str, ...]:
    """The zones that together have the names of a network's addresses, and of as few others as can be.

    A prefix of 24 bits, 16 or 8 is one zone; one in between is several of the next longer kind. One that is longer than
    24 bits has a zone of its own below that of its 24 bits (RFC 2317): `128-25.2.0.192.in-addr.arpa`.
    """
    bits = network.prefixlen
    if bits > _CLASS_C:
        return (classless_zone(network),)
    whole = max(_OCTET, -(-bits // _OCTET) * _OCTET)
    return tuple(
        f"{_reversed(part.network_address, whole // _OCTET)}.{REVERSE}" for part in network.subnets(new_prefix=whole)
    )


def classless_zone(network: IPv4Network) -> str:
    """The zone of a network of more than 24 bits (RFC 2317 §4), with a hyphen: a slash is no letter of host names."""
    first = int(network.network_address) & 0xFF
    return f"{first}-{network.prefixlen}.{parent_zone(network)}"


def parent_zone(network: IPv4Network) -> str:
    """The zone of the 24 bits that a longer prefix is in."""
    return f"{_reversed(network.network_address, 3)}.{REVERSE}"


def pointer_name(address: IPv4Address, network: IPv4Network) -> str:
    """Where the PTR record of an address in a network is: below the zone of its own that a long prefix has."""
    if network.prefixlen <= _CLASS_C:
        return address_name(address)
    return f"{int(address) & 0xFF}.{classless_zone(network)}"


def _reversed(address: IPv4Address, octets: int) -> str:
    return ".".join(str(octet) for octet in reversed(address.packed[:octets]))
