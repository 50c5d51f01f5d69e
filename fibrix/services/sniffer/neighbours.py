"""What neighbour discovery of IPv6 says of hosts. The codec has discarded what RFC 4861 says to discard."""

from ipaddress import IPv6Address
from typing import Final

from fibrix.domain.census.sighting import Means, Sighting
from fibrix.services.sniffer.heard import UnprovedError
from fibrix.types import mac_from_octets
from fibrix.wire.ipv6 import Ipv6Packet
from fibrix.wire.nd import (
    UNSPECIFIED,
    Message,
    NeighborAdvertisement,
    NeighborSolicitation,
    RouterAdvertisement,
    read,
)

_LOOPBACK: Final = bytes(15) + b"\1"
_NO_HOSTS: Final = frozenset({UNSPECIFIED, _LOOPBACK})


def sight(source: bytes, packet: Ipv6Packet) -> tuple[Sighting, ...]:
    """Read an ICMPv6 packet in a frame from `source`. Raises MalformedPacketError.

    A link-layer address in it has to be the frame's. The address that a packet comes from is its sender's, as it cannot
    have come through a router; one that it advertises is when it overrides others' (an anycast address does not:
    RFC 4861 §7.2.7). A solicitation from nowhere tests an address that is not in use yet (RFC 4862 §5.4); any
    advertisement of it is an answer.
    """
    message = read(packet)
    if message is None:
        return ()
    if message.mac is not None and message.mac != source:
        raise UnprovedError(f"ND: {source.hex(':')} speaks for {message.mac.hex(':')}")
    found = [message.source]
    if isinstance(message, NeighborAdvertisement) and message.override:
        found.append(message.target)
    addresses = tuple(IPv6Address(octets) for octets in dict.fromkeys(found) if octets != UNSPECIFIED)
    if any(one.packed == _LOOPBACK for one in addresses):
        raise UnprovedError("ND: from the loopback address")
    return (
        Sighting(
            mac=mac_from_octets(source),
            means=Means.ND,
            addresses=addresses,
            routes=message.lifetime_s > 0 if isinstance(message, RouterAdvertisement) else None,
            tests=_tested(message),
            answers=IPv6Address(message.target) if isinstance(message, NeighborAdvertisement) else None,
        ),
    )


def _tested(message: Message) -> IPv6Address | None:
    """The address that a host tests before it uses it; None: it tests none."""
    if not isinstance(message, NeighborSolicitation) or message.source != UNSPECIFIED:
        return None
    return None if message.target in _NO_HOSTS else IPv6Address(message.target)
