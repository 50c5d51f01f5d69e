"""CDP, by which Cisco's devices, and others, say what they are to the one at the other end of the cable.

In SNAP: 1 octet of version (1 or 2), 1 of time to live in s, 2 of checksum, then TLVs: 2 octets of type, 2 of length
with these four, the value. There is no standard; this is what devices send.
"""

from ipaddress import IPv4Address, IPv6Address
from struct import Struct
from typing import Final, TypeAlias

import msgspec

from fibrix.errors import MalformedPacketError
from fibrix.wire.ipv4 import checksum
from fibrix.wire.text import text

MOST_ADDRESSES: Final = 8
"""How many addresses of each kind are kept."""

_HEADER: Final = 4
_DEVICE: Final = 0x01
_ADDRESSES: Final = 0x02
_PORT: Final = 0x03
_CAPABILITIES: Final = 0x04
_VERSION: Final = 0x05
_PLATFORM: Final = 0x06
_NATIVE_VLAN: Final = 0x0A
_MANAGEMENT: Final = 0x16

_read_tlv: Final = Struct("!HH").unpack_from
_IPV4: Final = (b"\xcc", 4)  # NLPID, and the octets of an address
_IPV6: Final = (bytes.fromhex("aaaa030000 0086dd"), 16)  # SNAP

_BITS: Final = (
    "router", "bridge", "source route bridge", "switch", "station", "igmp", "repeater", "telephone",
    "remotely managed", "cvta", "mac relay",
)  # fmt: skip

Address: TypeAlias = IPv4Address | IPv6Address


class Announcement(msgspec.Struct, frozen=True, kw_only=True):
    """One message. Texts are printable and short."""

    ttl_s: int  # 0: it takes back what it said
    device: str = ""  # its id: mostly its name
    port: str = ""
    platform: str = ""
    version: str = ""  # of its software
    capabilities: tuple[str, ...] = ()
    addresses: tuple[Address, ...] = ()  # of the port
    management: tuple[Address, ...] = ()
    vlan: int = 0  # of untagged frames on the port; 0: not told

    @classmethod
    def decode(cls, data: bytes) -> "Announcement":
        """Read what is behind the SNAP header. Raises MalformedPacketError, also when the checksum is wrong."""
        if len(data) < _HEADER or data[0] not in (1, 2):
            raise MalformedPacketError("CDP: too short, or a version that is not known")
        if not _sums_up(data):
            raise MalformedPacketError("CDP: the checksum is wrong")
        said = _tlvs(data)
        vlan, bits = said.get(_NATIVE_VLAN, b""), int.from_bytes(said.get(_CAPABILITIES, b"")[:4])
        return cls(
            ttl_s=data[1],
            device=text(said.get(_DEVICE, b"")),
            port=text(said.get(_PORT, b"")),
            platform=text(said.get(_PLATFORM, b"")),
            version=text(said.get(_VERSION, b"")),
            capabilities=tuple(word for bit, word in enumerate(_BITS) if bits >> bit & 1),
            addresses=_addresses(said.get(_ADDRESSES, bytes(4))),
            management=_addresses(said.get(_MANAGEMENT, bytes(4))),
            vlan=int.from_bytes(vlan) & 0xFFF if len(vlan) == 2 else 0,
        )


def _sums_up(data: bytes) -> bool:
    """Whether the checksum is right: RFC 1071's, or as Cisco takes an odd octet, for a signed low one."""
    if checksum(data) == 0:
        return True
    last = data[-1] if data[-1] < 0x80 else 0xFEFF + data[-1]
    return len(data) % 2 == 1 and checksum(data[:-1] + last.to_bytes(2)) == 0


def _tlvs(data: bytes) -> dict[int, bytes]:
    """The first value of each type."""
    said: dict[int, bytes] = {}
    at = _HEADER
    while at < len(data):
        kind, size = _read_tlv(data, at) if at + 4 <= len(data) else (0, 0)
        if size < 4 or at + size > len(data):
            raise MalformedPacketError(f"CDP: the TLV at octet {at} has no length or is cut off")
        said.setdefault(kind, data[at + 4 : at + size])
        at += size
    return said


def _addresses(value: bytes) -> tuple[Address, ...]:
    """4 octets of count; each: kind of protocol, length, protocol, 2 octets of length, address."""
    count, at = int.from_bytes(value[:4]), 4
    found: list[Address] = []
    for _ in range(min(count, MOST_ADDRESSES)):
        protocol_end = at + 2 + (value[at + 1] if at + 1 < len(value) else 0)
        end = protocol_end + 2 + int.from_bytes(value[protocol_end : protocol_end + 2])
        if end > len(value) or protocol_end == at + 2:
            raise MalformedPacketError("CDP: an address that does not fit")
        kind, octets = (value[at + 2 : protocol_end], end - protocol_end - 2), value[protocol_end + 2 : end]
        if kind == _IPV4:
            found.append(IPv4Address(octets))
        elif kind == _IPV6:
            found.append(IPv6Address(octets))
        at = end
    return tuple(dict.fromkeys(found))
