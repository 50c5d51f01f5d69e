"""The messages of an IPMI 2.0 login: Open Session (§13.17, §13.18) and RAKP 1 to 4 (§13.20 to §13.23)."""

import hmac
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Self

from fibrix.errors import MalformedPacketError, PowerError
from fibrix.wire.ipmi.faults import SessionLostError, StrayPacketError, SuiteRefusedError
from fibrix.wire.ipmi.message import Privilege
from fibrix.wire.ipmi.suites import Suite

PASSWORD_BYTES: Final = 20
"""Longest password of IPMI 2.0 (§22.30)."""

STATUS: Final[Mapping[int, str]] = {
    0x01: "the BMC has no room for another session: others end by themselves after a minute",
    0x02: "the BMC does not know the session",
    0x03: "the BMC does not know the payload type",
    0x04: "the BMC does not do this authentication algorithm",
    0x05: "the BMC does not do this integrity algorithm",
    0x06: "no matching authentication payload",
    0x07: "no matching integrity payload",
    0x08: "the session is not active",
    0x09: "the BMC does not know this role",
    0x0A: "the user's privilege is too low: give it the operator role in the BMC",
    0x0B: "the BMC has no room for another session of this role",
    0x0C: "the BMC finds the user name too long",
    0x0D: "the BMC does not know this user",
    0x0E: "the BMC's GUID is refused",
    0x0F: "the password is wrong",
    0x10: "the BMC does not do this confidentiality algorithm",
    0x11: "the BMC does not do this cipher suite",
    0x12: "the BMC finds a parameter illegal",
}
"""RMCP+ and RAKP status codes (§13.24, table 13-15)."""

_LOST: Final = frozenset({0x02, 0x08})
_SUITE: Final = frozenset({0x04, 0x05, 0x06, 0x07, 0x10, 0x11})
_ROLE: Final = 0x10 | Privilege.OPERATOR
_OPENED: Final = struct.Struct("<2xII")  # privilege, reserved, our session id, the BMC's
_RAKP2: Final = struct.Struct("<2xI16s16s")  # reserved, our session id, the BMC's random number, its GUID
_RAKP4: Final = struct.Struct("<2xI")  # reserved, our session id


def open_session(tag: int, ours: int, suite: Suite) -> bytes:
    """Write Open Session Request: tag, privilege, 2 reserved, our session id, three algorithms of 8 octets each."""
    algorithms = (suite.authentication, suite.integrity, suite.confidentiality)
    proposals = b"".join(bytes((kind, 0, 0, 8, number, 0, 0, 0)) for kind, number in enumerate(algorithms))
    return struct.pack("<BB2xI", tag, Privilege.OPERATOR, ours) + proposals


def opened(body: bytes, ours: int) -> int:
    """Read Open Session Response behind tag and status: the BMC's session id. Raises MalformedPacketError."""
    if len(body) < _OPENED.size:
        raise MalformedPacketError(f"Open Session Response: {len(body)} octets are too few")
    echoed, theirs = _OPENED.unpack_from(body)
    if echoed != ours:
        raise StrayPacketError("Open Session Response: another session's")
    return int(theirs)


def succeeded(name: str, tag: int, payload: bytes) -> bytes:
    """Check tag and status of a login message and give what follows them.

    Raises MalformedPacketError, StrayPacketError; SuiteRefusedError, SessionLostError or PowerError by its status.
    """
    if len(payload) < 2:
        raise MalformedPacketError(f"{name}: {len(payload)} octets are too few")
    if payload[0] != tag:
        raise StrayPacketError(f"{name}: message tag {payload[0]} is not the one awaited")
    status = payload[1]
    if status:
        words = f"{name}: {STATUS.get(status, 'an unknown status')} ({status:02X}h)"
        raise (SuiteRefusedError if status in _SUITE else SessionLostError if status in _LOST else PowerError)(words)
    return payload[2:]


@dataclass(frozen=True, slots=True)
class Exchange:
    """All that both sides know after RAKP 2; every code and key of the login is made of it."""

    suite: Suite
    username: bytes
    password: bytes = field(repr=False)
    ours: int  # session id, SID_M of the specification
    theirs: int  # SID_C
    our_random: bytes  # R_M, 16 octets
    role: int = _ROLE  # bit 4: look the user up by name alone; bits 3 to 0: privilege
    their_random: bytes = b""  # R_C, 16 octets
    guid: bytes = b""  # of the BMC, 16 octets

    def rakp1(self, tag: int) -> bytes:
        """Write RAKP 1: tag, 3 reserved, the BMC's session id, our random number, role, 2 reserved, user name."""
        return struct.pack("<B3xI16sB2x", tag, self.theirs, self.our_random, self.role) + self._user()[1:]

    def rakp2(self, body: bytes) -> Self:
        """Read RAKP 2 and check its code. Raises MalformedPacketError, StrayPacketError, PowerError (password)."""
        if len(body) < _RAKP2.size:
            raise MalformedPacketError(f"RAKP 2: {len(body)} octets are too few")
        ours, random, guid = _RAKP2.unpack_from(body)
        if ours != self.ours:
            raise StrayPacketError("RAKP 2: another session's")
        whole = replace(self, their_random=random, guid=guid)
        both = struct.pack("<II", ours, self.theirs)
        expected = self.suite.mac(self.password, both + self.our_random + random + guid + self._user())
        if not hmac.compare_digest(body[_RAKP2.size :], expected):
            raise PowerError("RAKP 2: the password is wrong")
        return whole

    def rakp3(self, tag: int) -> bytes:
        """Write RAKP 3: tag, status, 2 reserved, the BMC's session id, our key exchange code."""
        code = self.suite.mac(self.password, self.their_random + struct.pack("<I", self.ours) + self._user())
        return struct.pack("<BB2xI", tag, 0, self.theirs) + code

    def rakp4(self, body: bytes) -> bytes:
        """Read RAKP 4 and give the session integrity key (§13.31). Raises as `rakp2`."""
        if len(body) < _RAKP4.size:
            raise MalformedPacketError(f"RAKP 4: {len(body)} octets are too few")
        if _RAKP4.unpack_from(body)[0] != self.ours:
            raise StrayPacketError("RAKP 4: another session's")
        key = self.suite.mac(self.password, self.our_random + self.their_random + self._user())
        code = self.suite.code(key, self.our_random + struct.pack("<I", self.theirs) + self.guid)
        if not hmac.compare_digest(body[_RAKP4.size :], code):
            raise PowerError("RAKP 4: its code does not verify: the BMC has a K_G key set, which Fibrix does not use")
        return key

    def _user(self) -> bytes:
        """Role, length of the user name, user name."""
        return bytes((self.role, len(self.username))) + self.username
