"""The login of IPMI 2.0: Open Session, RAKP 1 and 2, RAKP 3 and 4 (§13.15, figure 13-7)."""

from collections.abc import Callable
from typing import Final

from fibrix.errors import PowerError
from fibrix.wire.ipmi import rakp, rmcp
from fibrix.wire.ipmi.faults import StrayPacketError
from fibrix.wire.ipmi.rakp import Exchange
from fibrix.wire.ipmi.session import USERNAME_BYTES
from fibrix.wire.ipmi.session20 import Packet20, Payload, Session20
from fibrix.wire.ipmi.suites import Suite

_NAMES: Final = {Payload.OPEN_REQUEST: "Open Session", Payload.RAKP1: "RAKP 1", Payload.RAKP3: "RAKP 3"}


class Login20:
    """Makes one session. `chance` gives that many random octets."""

    def __init__(self, suite: Suite, username: str, password: str, chance: Callable[[int], bytes]) -> None:
        self._name, self._password = _credentials(username, password)
        self._suite = suite
        self._chance = chance
        self._ours = int.from_bytes(chance(4), "little") or 1
        self._tag = chance(1)[0]
        self._exchange: Exchange | None = None
        self._kind = Payload.OPEN_REQUEST
        self._payload = rakp.open_session(self._tag, self._ours, suite)

    @property
    def step(self) -> str:
        """The message that awaits its answer."""
        return _NAMES[self._kind]

    @property
    def silence(self) -> str:
        """What no answer means: some BMCs say nothing to a user that they do not know."""
        return "the user name is probably wrong" if self._kind is Payload.RAKP1 else ""

    @property
    def repeatable(self) -> bool:
        """RAKP 3 is answered once: then the session is active, and the BMC speaks of it no more."""
        return self._kind is not Payload.RAKP3

    def datagram(self) -> bytes:
        """The datagram of this step; all of a login goes without protection and outside of any session."""
        return rmcp.wrap(Packet20(self._kind, self._payload).encode())

    def receive(self, datagram: bytes) -> Session20 | None:
        """Take an answer; a session is the end. Raises MalformedPacketError, StrayPacketError, PowerError."""
        packet = Packet20.decode(rmcp.unwrap(datagram))
        if packet.kind != self._kind + 1 or packet.session:
            raise StrayPacketError(f"{self.step}: payload {packet.kind:02x}h is not its answer")
        body = rakp.succeeded(self.step, self._tag, packet.payload)
        if self._exchange is None:
            self._opened(body)
        elif self._kind is Payload.RAKP1:
            self._greeted(self._exchange, body)
        else:
            return self._done(self._exchange, body)
        return None

    def _opened(self, body: bytes) -> None:
        theirs = rakp.opened(body, self._ours)
        self._exchange = Exchange(self._suite, self._name, self._password, self._ours, theirs, self._chance(16))
        self._next(Payload.RAKP1, self._exchange.rakp1)

    def _greeted(self, exchange: Exchange, body: bytes) -> None:
        self._exchange = exchange.rakp2(body)
        self._next(Payload.RAKP3, self._exchange.rakp3)

    def _done(self, exchange: Exchange, body: bytes) -> Session20:
        key = exchange.rakp4(body)
        return Session20(self._suite, exchange.ours, exchange.theirs, key, self._chance)

    def _next(self, kind: Payload, write: Callable[[int], bytes]) -> None:
        self._tag = (self._tag + 1) % 256
        self._kind = kind
        self._payload = write(self._tag)


def _credentials(username: str, password: str) -> tuple[bytes, bytes]:
    name, secret = username.encode(), password.encode()
    if len(name) > USERNAME_BYTES:
        raise PowerError(f"the user name is longer than the {USERNAME_BYTES} octets that IPMI allows")
    if len(secret) > rakp.PASSWORD_BYTES:
        raise PowerError(f"the password is longer than the {rakp.PASSWORD_BYTES} octets that IPMI 2.0 allows")
    return name, secret.ljust(rakp.PASSWORD_BYTES, b"\0")
