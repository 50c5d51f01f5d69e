"""Ethernet II frames (IEEE 802.3 §3.2.6 with the length field as a type)."""

from dataclasses import dataclass
from typing import Final, Self

from fibrix.types import MacAddress, mac_from_octets
from fibrix.wire.cursor import Cursor

BROADCAST: Final = MacAddress("ff:ff:ff:ff:ff:ff")
IPV4: Final = 0x0800
ARP: Final = 0x0806


@dataclass(frozen=True, slots=True)
class EthernetFrame:
    """6 octets of destination, 6 of source, 2 of type, then the payload. No frame check sequence: the NIC's work."""

    destination: MacAddress
    source: MacAddress
    ethertype: int
    payload: bytes

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read a frame as a packet socket gives it. Raises MalformedPacketError."""
        at = Cursor(data, "Ethernet frame")
        destination, source = mac_from_octets(at.octets(6)), mac_from_octets(at.octets(6))
        return cls(destination, source, at.number(2), at.rest())

    def encode(self) -> bytes:
        """Write it without padding: the kernel pads to the 60 octets of the least frame."""
        return mac_octets(self.destination) + mac_octets(self.source) + self.ethertype.to_bytes(2) + self.payload


def mac_octets(mac: MacAddress) -> bytes:
    """The 6 octets of a MAC."""
    return bytes.fromhex(mac.replace(":", ""))
