"""What the readers of protocols are given."""

from ipaddress import IPv4Address, IPv6Address

import msgspec

from fibrix.errors import MalformedPacketError
from fibrix.types import MacAddress


class UnprovedError(MalformedPacketError):
    """A frame that reads well and does not check out: what it says is not believed."""


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """A UDP datagram and who sent it."""

    mac: MacAddress  # of the frame
    source: IPv4Address | IPv6Address
    source_port: int
    destination: IPv4Address | IPv6Address
    destination_port: int
    payload: bytes
    proved: bool = False  # the source is known to be the MAC's, by more than this datagram
    name: str = ""  # by which the sender is known to mDNS; empty: by none


def is_host(address: IPv4Address | IPv6Address) -> bool:
    """Whether it can be one host's: no group, not nowhere, not loopback, not of those kept back for the future."""
    return not (address.is_multicast or address.is_unspecified or address.is_loopback or address.is_reserved)
