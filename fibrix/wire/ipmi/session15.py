"""The session packet of IPMI 1.5 (§13.6, table 13-8): it is also what carries commands outside of any session."""

import hashlib
import hmac
import struct
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, Self

from fibrix.errors import MalformedPacketError, PowerError
from fibrix.wire.ipmi import rmcp
from fibrix.wire.ipmi.faults import StrayPacketError
from fibrix.wire.ipmi.message import Privilege
from fibrix.wire.ipmi.session import Counter, Received

PASSWORD_BYTES: Final = 16
"""Longest password of IPMI 1.5 (§22.30)."""

_HEAD: Final = struct.Struct("<BII")  # authentication type, sequence number, session id
_CODE_BYTES: Final = 16
# Packets of these sizes, RMCP header included, get one more octet for the sake of an old network chip (§13.6).
_PADDED_SIZES: Final = frozenset({56, 84, 112, 128, 156})


class AuthType(IntEnum):
    """How packets of a session prove who sent them (§13.6)."""

    NONE = 0
    MD2 = 1
    MD5 = 2
    PASSWORD = 4
    OEM = 5
    RMCP_PLUS = 6  # what follows is an IPMI 2.0 packet


@dataclass(frozen=True, slots=True)
class Packet15:
    """A session packet; id and sequence number are 0 outside of a session."""

    message: bytes
    auth: AuthType = AuthType.NONE
    sequence: int = 0
    session: int = 0
    received_code: bytes = field(default=b"", repr=False)  # of a packet that was read; it may be the password itself

    def encode(self, password: bytes = b"") -> bytes:
        """Write the RMCP header, type, sequence number, session id, code where there is one, length and message."""
        head = _HEAD.pack(self.auth, self.sequence, self.session)
        code = b"" if self.auth is AuthType.NONE else self.code(password)
        datagram = rmcp.wrap(head + code + bytes((len(self.message),)) + self.message)
        return datagram + b"\0" if len(datagram) in _PADDED_SIZES else datagram

    @classmethod
    def decode(cls, datagram: bytes) -> Self:
        """Read a datagram; its code is for `verify` to check. Raises MalformedPacketError, StrayPacketError (2.0)."""
        packet = rmcp.unwrap(datagram)
        if len(packet) <= _HEAD.size:
            raise MalformedPacketError(f"IPMI 1.5 packet: {len(packet)} octets are too few")
        number, sequence, session = _HEAD.unpack_from(packet)
        if number == AuthType.RMCP_PLUS:
            raise StrayPacketError("an IPMI 2.0 packet, where one of 1.5 is awaited")
        if number not in (AuthType.NONE, AuthType.MD5, AuthType.PASSWORD):
            raise MalformedPacketError(f"IPMI 1.5 packet: authentication type {number:02x}h")
        at = _HEAD.size + (_CODE_BYTES if number else 0)
        message = packet[at + 1 : at + 1 + packet[at]] if at < len(packet) else b""
        if not message or len(message) != packet[at]:
            raise MalformedPacketError("IPMI 1.5 packet: it is cut short")
        return cls(message, AuthType(number), sequence, session, packet[_HEAD.size : at])

    def verify(self, password: bytes) -> None:
        """Check the code of a packet that was read. Raises MalformedPacketError."""
        if self.auth is not AuthType.NONE and not hmac.compare_digest(self.received_code, self.code(password)):
            raise MalformedPacketError("IPMI 1.5 packet: its authentication code is wrong")

    def code(self, password: bytes) -> bytes:
        """Compute the authentication code of 16 octets (§22.17.1)."""
        key = password.ljust(PASSWORD_BYTES, b"\0")
        if self.auth is AuthType.PASSWORD:
            return key
        whole = key + struct.pack("<I", self.session) + self.message + struct.pack("<I", self.sequence) + key
        return hashlib.md5(whole, usedforsecurity=False).digest()


def password_octets(password: str) -> bytes:
    """Give a password as IPMI 1.5 takes it. Raises PowerError when it is too long."""
    octets = password.encode()
    if len(octets) > PASSWORD_BYTES:
        raise PowerError(f"the password is longer than the {PASSWORD_BYTES} octets that IPMI 1.5 allows")
    return octets


def unwrap_outside(datagram: bytes) -> bytes:
    """Take the message out of a datagram that belongs to no session. Raises MalformedPacketError, StrayPacketError."""
    packet = Packet15.decode(datagram)
    if packet.session:
        raise StrayPacketError(f"a packet of session {packet.session:08x}h, and there is none")
    return packet.message


class Session15:
    """An active session of IPMI 1.5."""

    def __init__(self, auth: AuthType, identity: int, password: bytes, first: int) -> None:
        self.privilege = Privilege.USER  # where every session starts (§22.18)
        self._auth = auth
        self._identity = identity
        self._password = password
        self._counter = Counter(first)
        self._received = Received()

    @property
    def identity(self) -> int:
        """The session id."""
        return self._identity

    @property
    def how(self) -> str:
        """Say which authentication it has."""
        words = {AuthType.NONE: "without authentication", AuthType.PASSWORD: "password in clear"}
        return f"IPMI 1.5 {words.get(self._auth, self._auth.name)}"

    def wrap(self, message: bytes) -> bytes:
        """Put a message into a datagram under the next sequence number."""
        return Packet15(message, self._auth, self._counter.take(), self._identity).encode(self._password)

    def unwrap(self, datagram: bytes) -> bytes:
        """Take the message out of a datagram. Raises MalformedPacketError, StrayPacketError."""
        packet = Packet15.decode(datagram)
        if packet.session != self._identity:
            raise StrayPacketError(f"a packet of session {packet.session:08x}h")
        packet.verify(self._password)
        if packet.auth is AuthType.NONE and self._auth is not AuthType.NONE:
            raise MalformedPacketError("IPMI 1.5 packet: it is not authenticated, and the session is")
        self._received.check(packet.sequence)
        self._received.add(packet.sequence)
        return packet.message
