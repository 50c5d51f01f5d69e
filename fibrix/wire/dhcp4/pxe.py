"""Kinds of option value that network boot clients send (RFC 4578, RFC 3004)."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from fibrix.errors import MalformedPacketError
from fibrix.wire.cursor import Cursor


class Architectures:
    """Client system architectures, 2 octets each, the preferred one first (RFC 4578 §2.1, the list is IANA's)."""

    def decode(self, data: bytes) -> tuple[int, ...]:
        """Read them all."""
        if not data or len(data) % 2:
            raise MalformedPacketError(f"{len(data)} octets are not a list of architectures")
        return tuple(int.from_bytes(data[at : at + 2]) for at in range(0, len(data), 2))

    def encode(self, value: tuple[int, ...]) -> bytes:
        """Write them all."""
        return b"".join(number.to_bytes(2) for number in value)


@dataclass(frozen=True, slots=True)
class NetworkInterface:
    """The API of a client's boot ROM: type 1 is UNDI, with a version."""

    type: int
    major: int
    minor: int


class NetworkInterfaces:
    """Client network interface identifier: 3 octets of type, major and minor version (RFC 4578 §2.2)."""

    def decode(self, data: bytes) -> NetworkInterface:
        """Read it."""
        if len(data) != 3:
            raise MalformedPacketError(f"{len(data)} octets instead of 3")
        return NetworkInterface(*data)

    def encode(self, value: NetworkInterface) -> bytes:
        """Write it."""
        return bytes((value.type, value.major, value.minor))


class MachineUuid:
    """Client machine identifier: 1 octet of type, always 0, and 16 of UUID as SMBIOS stores it (RFC 4578 §2.3).

    SMBIOS 2.6 §7.2.1 has the first three fields of the UUID in little-endian order.
    """

    def decode(self, data: bytes) -> UUID:
        """Read it."""
        if len(data) != 17 or data[0] != 0:
            raise MalformedPacketError(f"no machine identifier of type 0: {data[:17].hex()}")
        return UUID(bytes_le=data[1:])

    def encode(self, value: UUID) -> bytes:
        """Write it."""
        return b"\0" + value.bytes_le


class UserClasses:
    """User classes: 1 octet of length, then the class, again and again (RFC 3004 §4).

    iPXE and Windows send one class without its length octet: what does not fit the form is taken as one class.
    """

    def decode(self, data: bytes) -> tuple[bytes, ...]:
        """Read them all; never refuses."""
        at, classes = Cursor(data, "list of user classes"), []
        while at.left:
            if not 0 < (length := at.number(1)) <= at.left:
                return (data,)
            classes.append(at.octets(length))
        return tuple(classes)

    def encode(self, value: tuple[bytes, ...]) -> bytes:
        """Write them in the RFC's form."""
        return b"".join(bytes((len(one),)) + one for one in value)


ARCHITECTURES: Final = Architectures()
NETWORK_INTERFACE: Final = NetworkInterfaces()
MACHINE_UUID: Final = MachineUuid()
USER_CLASSES: Final = UserClasses()
