"""Commands of the App network function: who are you, and the ones that make and end sessions (§20, §22)."""

import struct
from dataclasses import dataclass
from typing import Final, Self

from fibrix.errors import MalformedPacketError
from fibrix.wire.ipmi.message import Command, NetFn, Privilege, Request
from fibrix.wire.ipmi.session15 import AuthType

THIS_CHANNEL: Final = 0x0E  # "the channel that this comes by" (§6.3)

GET_DEVICE_ID: Final = Command(NetFn.APP, 0x01, "Get Device ID")
GET_AUTH_CAPABILITIES: Final = Command(NetFn.APP, 0x38, "Get Channel Authentication Capabilities")
SET_PRIVILEGE: Final = Command(
    NetFn.APP,
    0x3B,
    "Set Session Privilege Level",
    {
        0x80: "the user may not have this privilege: give it the operator role in the BMC",
        0x81: "the privilege is above the limit of the user or the channel: raise it to operator in the BMC",
        0x82: "user level authentication cannot be disabled",
    },
)
CLOSE_SESSION: Final = Command(NetFn.APP, 0x3C, "Close Session", {0x87: "the BMC does not know the session"})


@dataclass(frozen=True, slots=True)
class AuthCapabilities:
    """How one may log in (§22.13)."""

    types: frozenset[AuthType]
    v20: bool  # IPMI 2.0 (RMCP+) sessions can be made

    @staticmethod
    def request(*, ask_v20: bool) -> Request:
        """Ask. Without `ask_v20` the question is the one of IPMI 1.5: some old BMCs refuse the other."""
        channel = THIS_CHANNEL | (0x80 if ask_v20 else 0)
        return Request(GET_AUTH_CAPABILITIES, bytes((channel, Privilege.OPERATOR)))

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read channel, types (bit 7: IPMI 2.0 data follows), status and capabilities; OEM data follows, unused.

        Raises MalformedPacketError.
        """
        if len(data) < 4:
            raise MalformedPacketError(f"{GET_AUTH_CAPABILITIES.name}: {len(data)} octets are too few")
        types = frozenset(kind for kind in AuthType if kind is not AuthType.RMCP_PLUS and data[1] >> kind & 1)
        return cls(types, v20=bool(data[1] & 0x80 and data[3] & 0x02))


@dataclass(frozen=True, slots=True)
class DeviceId:
    """What a BMC says of itself (§20.1)."""

    device: int
    firmware: str  # major.minor
    ipmi_version: str
    manufacturer: int  # IANA enterprise number
    product: int

    @staticmethod
    def request() -> Request:
        """Ask."""
        return Request(GET_DEVICE_ID)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read 11 octets or more; numbers are little endian, version digits BCD. Raises MalformedPacketError."""
        if len(data) < 11:
            raise MalformedPacketError(f"{GET_DEVICE_ID.name}: {len(data)} octets are too few")
        return cls(
            device=data[0],
            firmware=f"{data[2] & 0x7F}.{data[3]:02x}",
            ipmi_version=f"{data[4] & 0x0F}.{data[4] >> 4}",  # the low digit is the major one
            manufacturer=int.from_bytes(data[6:9], "little") & 0x0F_FFFF,
            product=int.from_bytes(data[9:11], "little"),
        )


def set_privilege(level: Privilege) -> Request:
    """Raise the session to a privilege (§22.18)."""
    return Request(SET_PRIVILEGE, bytes((level,)))


def close_session(identity: int) -> Request:
    """End a session (§22.19)."""
    return Request(CLOSE_SESSION, struct.pack("<I", identity))
