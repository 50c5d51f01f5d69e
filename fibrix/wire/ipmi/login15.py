"""The login of IPMI 1.5: Get Session Challenge, then Activate Session (§22.16, §22.17; figure 13-8)."""

import struct
from collections.abc import Callable
from typing import Final

from fibrix.errors import MalformedPacketError, PowerError
from fibrix.wire.ipmi.faults import RefusedError, SessionLostError
from fibrix.wire.ipmi.message import Command, NetFn, Privilege, Request, answer
from fibrix.wire.ipmi.session import USERNAME_BYTES
from fibrix.wire.ipmi.session15 import AuthType, Packet15, Session15, password_octets, unwrap_outside

GET_CHALLENGE: Final = Command(
    NetFn.APP,
    0x39,
    "Get Session Challenge",
    {0x81: "the BMC does not know this user", 0x82: "the BMC's nameless user is not enabled: set a user name"},
)
ACTIVATE_SESSION: Final = Command(
    NetFn.APP,
    0x3A,
    "Activate Session",
    {
        0x81: "all sessions of the BMC are in use: others end by themselves after a minute",
        0x82: "all sessions of this user are in use: others end by themselves after a minute",
        0x83: "all sessions of this user at this privilege are in use",
        0x84: "the session sequence number is out of range",
        0x85: "the BMC does not know the session",
        0x86: "the user's privilege is too low: give it the operator role in the BMC",
    },
)
STRONGEST_FIRST: Final = (AuthType.MD5, AuthType.PASSWORD, AuthType.NONE)
"""Authentication types that Fibrix speaks. MD2 is older than MD5 and no better; Python has it no more."""

_LOST: Final = 0x85
_CHALLENGE: Final = struct.Struct("<I16s")  # temporary session id, challenge
_ACTIVATED: Final = struct.Struct("<BIIB")  # authentication type, session id, first number to send, privilege


class Login15:
    """Makes one session. `chance` gives that many random octets."""

    def __init__(self, auth: AuthType, username: str, password: str, chance: Callable[[int], bytes]) -> None:
        name = username.encode()
        if len(name) > USERNAME_BYTES:
            raise PowerError(f"the user name is longer than the {USERNAME_BYTES} octets that IPMI allows")
        self._auth = auth
        self._password = password_octets(password)
        self._sequence = chance(1)[0]
        self._first = chance(4)  # of what the BMC will send
        self._temporary = 0  # session id; 0: no challenge yet
        self._request = Request(GET_CHALLENGE, bytes((auth,)) + name.ljust(USERNAME_BYTES, b"\0"))

    @property
    def step(self) -> str:
        """The command that awaits its answer."""
        return self._request.command.name

    @property
    def silence(self) -> str:
        """What no answer means: many BMCs say nothing at all to a wrong authentication code."""
        return "the password is probably wrong" if self._temporary else ""

    @property
    def repeatable(self) -> bool:
        """BMCs answer both steps as often as they are asked; one that does not says that it lost the session."""
        return True

    def datagram(self) -> bytes:
        """The datagram of this step; Activate Session is authenticated, with sequence number 0."""
        message = self._request.encode(self._sequence)
        if not self._temporary:
            return Packet15(message).encode()
        return Packet15(message, self._auth, session=self._temporary).encode(self._password)

    def receive(self, datagram: bytes) -> Session15 | None:
        """Take an answer; a session is the end. Raises MalformedPacketError, StrayPacketError, PowerError."""
        if self._temporary:
            return self._activated(datagram)
        self._challenged(datagram)
        return None

    def _challenged(self, datagram: bytes) -> None:
        data = answer(self._request, self._sequence, unwrap_outside(datagram))
        if len(data) < _CHALLENGE.size:
            raise MalformedPacketError(f"{self.step}: {len(data)} octets are too few")
        temporary, challenge = _CHALLENGE.unpack_from(data)
        if not temporary:
            raise MalformedPacketError(f"{self.step}: session id 0")
        self._temporary = temporary
        self._sequence += 1
        self._request = Request(ACTIVATE_SESSION, bytes((self._auth, Privilege.OPERATOR)) + challenge + self._first)

    def _activated(self, datagram: bytes) -> Session15:
        # Which session id this answer carries differs between BMCs: its code and sequence number say whose it is.
        packet = Packet15.decode(datagram)
        packet.verify(self._password)
        try:
            data = answer(self._request, self._sequence, packet.message)
        except RefusedError as refusal:
            if refusal.completion == _LOST:
                raise SessionLostError(str(refusal)) from refusal
            raise
        if len(data) < _ACTIVATED.size:
            raise MalformedPacketError(f"{self.step}: {len(data)} octets are too few")
        auth, identity, first, _privilege = _ACTIVATED.unpack_from(data)
        if auth not in (self._auth, AuthType.NONE):
            raise MalformedPacketError(f"{self.step}: authentication type {auth:02x}h was not asked for")
        return Session15(AuthType(auth), identity, self._password, first)
