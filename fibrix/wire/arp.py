"""ARP for IPv4 over Ethernet (RFC 826)."""

from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address
from typing import Final, Self

from fibrix.errors import MalformedPacketError
from fibrix.types import MacAddress, mac_from_octets
from fibrix.wire.cursor import Cursor
from fibrix.wire.ethernet import mac_octets

_ETHERNET_IPV4: Final = bytes.fromhex("0001 0800 06 04")  # hardware and protocol type, their address lengths


class ArpOperation(Enum):
    """What an ARP packet says."""

    REQUEST = 1
    REPLY = 2


@dataclass(frozen=True, slots=True)
class ArpPacket:
    """28 octets: types and lengths (6), operation (2), then MAC (6) and address (4) of the sender and of the target."""

    operation: ArpOperation
    sender_mac: MacAddress
    sender: IPv4Address
    target_mac: MacAddress
    target: IPv4Address

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read the payload of an Ethernet frame; padding behind it is ignored. Raises MalformedPacketError."""
        at = Cursor(data, "ARP packet")
        if (kind := at.octets(6)) != _ETHERNET_IPV4:
            raise MalformedPacketError(f"ARP packet is not IPv4 over Ethernet: {kind.hex()}")
        return cls(
            _operation(at.number(2)),
            mac_from_octets(at.octets(6)),
            IPv4Address(at.octets(4)),
            mac_from_octets(at.octets(6)),
            IPv4Address(at.octets(4)),
        )

    def encode(self) -> bytes:
        """Write the payload of an Ethernet frame."""
        sender = mac_octets(self.sender_mac) + self.sender.packed
        return (
            _ETHERNET_IPV4
            + self.operation.value.to_bytes(2)
            + sender
            + mac_octets(self.target_mac)
            + self.target.packed
        )


def _operation(number: int) -> ArpOperation:
    try:
        return ArpOperation(number)
    except ValueError:
        raise MalformedPacketError(f"ARP operation {number} is neither request nor reply") from None
