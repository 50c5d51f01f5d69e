"""The session packet of IPMI 2.0, called RMCP+ (§13.6, table 13-8), and its protection."""

import hmac
import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Self

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES128
from cryptography.hazmat.primitives.ciphers.modes import CBC

from fibrix.errors import MalformedPacketError
from fibrix.wire.ipmi import rmcp
from fibrix.wire.ipmi.faults import StrayPacketError
from fibrix.wire.ipmi.message import Privilege
from fibrix.wire.ipmi.session import Counter, Received
from fibrix.wire.ipmi.session15 import AuthType
from fibrix.wire.ipmi.suites import Suite

_HEAD: Final = struct.Struct("<BBIIH")  # authentication type, payload type, session id, sequence number, length
_ENCRYPTED: Final = 0x80
_AUTHENTICATED: Final = 0x40
_NEXT_HEADER: Final = 0x07  # always (table 13-8)
_BLOCK: Final = 16  # octets of an AES block, and of its initialization vector


class Payload(IntEnum):
    """Payload types (§13.27.3)."""

    IPMI = 0x00
    OPEN_REQUEST = 0x10
    OPEN_RESPONSE = 0x11
    RAKP1 = 0x12
    RAKP2 = 0x13
    RAKP3 = 0x14
    RAKP4 = 0x15


@dataclass(frozen=True, slots=True)
class Packet20:
    """A packet as it is before protection, or when it is not protected: what a login consists of."""

    kind: int
    payload: bytes
    session: int = 0
    sequence: int = 0
    flags: int = 0  # encrypted, authenticated
    end: int = 0  # where the payload ended in the packet that was read

    def encode(self) -> bytes:
        """Write type, payload type and flags, session id, sequence number, length (2 octets) and payload."""
        lead = (AuthType.RMCP_PLUS, self.kind | self.flags, self.session, self.sequence, len(self.payload))
        return _HEAD.pack(*lead) + self.payload

    @classmethod
    def decode(cls, packet: bytes) -> Self:
        """Read a packet (1 octet at least) without its trailer. Raises MalformedPacketError, StrayPacketError (1.5)."""
        if packet[0] != AuthType.RMCP_PLUS:
            raise StrayPacketError("an IPMI 1.5 packet, where one of 2.0 is awaited")
        if len(packet) < _HEAD.size:
            raise MalformedPacketError(f"IPMI 2.0 packet: {len(packet)} octets are too few")
        _auth, kind, session, sequence, length = _HEAD.unpack_from(packet)
        end = _HEAD.size + length
        if end > len(packet):
            raise MalformedPacketError("IPMI 2.0 packet: it is cut short")
        flags = kind & (_ENCRYPTED | _AUTHENTICATED)
        return cls(kind ^ flags, packet[_HEAD.size : end], session, sequence, flags, end)


class Session20:
    """An active session of IPMI 2.0. `chance` gives that many random octets: initialization vectors."""

    def __init__(self, suite: Suite, ours: int, theirs: int, key: bytes, chance: Callable[[int], bytes]) -> None:
        self.privilege = Privilege.USER
        self._suite = suite
        self._ours = ours  # the session id that the BMC writes
        self._theirs = theirs  # the session id that we write
        self._k1 = suite.session_key(key, 1)
        self._aes = AES128(suite.session_key(key, 2)[:_BLOCK])
        self._chance = chance
        self._counter = Counter(1)
        self._received = Received()

    @property
    def identity(self) -> int:
        """The BMC's session id."""
        return self._theirs

    @property
    def how(self) -> str:
        """Say which cipher suite it has."""
        return f"IPMI 2.0 suite {self._suite.number}"

    def wrap(self, message: bytes) -> bytes:
        """Put a message into a datagram, encrypted and authenticated, under the next sequence number."""
        packet = Packet20(
            Payload.IPMI, self._encrypt(message), self._theirs, self._counter.take(), _ENCRYPTED | _AUTHENTICATED
        ).encode()
        pad = -(len(packet) + 2) % 4  # the code covers whole words (§13.28.4)
        packet += b"\xff" * pad + bytes((pad, _NEXT_HEADER))
        return rmcp.wrap(packet + self._suite.code(self._k1, packet))

    def unwrap(self, datagram: bytes) -> bytes:
        """Take the message out of a datagram. Raises MalformedPacketError, StrayPacketError."""
        packet = rmcp.unwrap(datagram)
        outer = Packet20.decode(packet)
        if outer.session != self._ours or outer.kind != Payload.IPMI:
            raise StrayPacketError(f"a packet of session {outer.session:08x}h, payload {outer.kind:02x}h")
        if outer.flags != _ENCRYPTED | _AUTHENTICATED:
            raise MalformedPacketError("IPMI 2.0 packet: it is not protected, and the session is")
        self._verify(packet, outer.end)
        self._received.check(outer.sequence)
        message = self._decrypt(outer.payload)
        self._received.add(outer.sequence)
        return message

    def _verify(self, packet: bytes, end: int) -> None:
        covered = len(packet) - self._suite.code_bytes
        if covered < end + 2 or packet[covered - 1] != _NEXT_HEADER or covered - 2 - packet[covered - 2] != end:
            raise MalformedPacketError("IPMI 2.0 packet: its trailer is wrong")
        if not hmac.compare_digest(packet[covered:], self._suite.code(self._k1, packet[:covered])):
            raise MalformedPacketError("IPMI 2.0 packet: its integrity code is wrong")

    def _encrypt(self, message: bytes) -> bytes:
        """Encrypt: initialization vector, then message, pad 01h 02h …, pad length (§13.29)."""
        vector = self._chance(_BLOCK)
        pad = -(len(message) + 1) % _BLOCK
        plain = message + bytes(range(1, pad + 1)) + bytes((pad,))
        encryptor = Cipher(self._aes, CBC(vector)).encryptor()
        return vector + encryptor.update(plain) + encryptor.finalize()

    def _decrypt(self, payload: bytes) -> bytes:
        if len(payload) < 2 * _BLOCK or len(payload) % _BLOCK:
            raise MalformedPacketError(f"IPMI 2.0 packet: {len(payload)} octets are no whole AES blocks")
        decryptor = Cipher(self._aes, CBC(payload[:_BLOCK])).decryptor()
        plain = decryptor.update(payload[_BLOCK:]) + decryptor.finalize()
        pad = plain[-1]
        if pad >= len(plain) or plain[-1 - pad : -1] != bytes(range(1, pad + 1)):
            raise MalformedPacketError("IPMI 2.0 packet: its padding is wrong")
        return plain[: -1 - pad]
