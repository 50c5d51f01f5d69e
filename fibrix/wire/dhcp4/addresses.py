"""Kinds of option value that hold IPv4 addresses and routes."""

from ipaddress import IPv4Address, IPv4Network
from typing import Final

from fibrix.errors import MalformedPacketError
from fibrix.wire.cursor import Cursor


class Address:
    """One address: 4 octets."""

    def decode(self, data: bytes) -> IPv4Address:
        """Read it."""
        if len(data) != 4:
            raise MalformedPacketError(f"{len(data)} octets are not one IPv4 address")
        return IPv4Address(data)

    def encode(self, value: IPv4Address) -> bytes:
        """Write it."""
        return value.packed


class Addresses:
    """One address or more, the preferred one first: 4 octets each."""

    def decode(self, data: bytes) -> tuple[IPv4Address, ...]:
        """Read them all."""
        if not data or len(data) % 4:
            raise MalformedPacketError(f"{len(data)} octets are not a list of IPv4 addresses")
        return tuple(IPv4Address(data[at : at + 4]) for at in range(0, len(data), 4))

    def encode(self, value: tuple[IPv4Address, ...]) -> bytes:
        """Write them all."""
        return b"".join(address.packed for address in value)


class Routes:
    """Classless routes (RFC 3442).

    Per route: 1 octet of prefix length in bits, ceil(length / 8) octets of destination, 4 octets of router.
    """

    def decode(self, data: bytes) -> tuple[tuple[IPv4Network, IPv4Address], ...]:
        """Read them; bits of a destination beyond its prefix are cleared, as RFC 3442 asks."""
        at, routes = Cursor(data, "list of routes"), []
        while at.left:
            if (bits := at.number(1)) > 32:
                raise MalformedPacketError(f"a prefix of {bits} bits")
            destination = int.from_bytes(at.octets((bits + 7) // 8).ljust(4, b"\0"))
            routes.append((IPv4Network((destination, bits), strict=False), IPv4Address(at.octets(4))))
        return tuple(routes)

    def encode(self, value: tuple[tuple[IPv4Network, IPv4Address], ...]) -> bytes:
        """Write them."""
        return b"".join(_route(network, router) for network, router in value)


def _route(network: IPv4Network, router: IPv4Address) -> bytes:
    destination = network.network_address.packed[: (network.prefixlen + 7) // 8]
    return bytes((network.prefixlen,)) + destination + router.packed


ADDRESS: Final = Address()
ADDRESSES: Final = Addresses()
ROUTES: Final = Routes()
