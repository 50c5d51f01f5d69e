"""What IPMI 1.5 and 2.0 sessions have in common."""

from collections import deque
from typing import Final, Protocol

from fibrix.wire.ipmi.faults import StrayPacketError
from fibrix.wire.ipmi.message import Privilege

USERNAME_BYTES: Final = 16
"""Longest user name (§22.30)."""

_WRAP: Final = 0xFFFF_FFFF
_REMEMBERED: Final = 32  # received numbers; the specification's windows are 16 and 32 wide (§6.12.12, §6.12.14)


class Session(Protocol):
    """An active session: it wraps requests and unwraps answers, and counts both."""

    privilege: Privilege  # what it has at present

    @property
    def identity(self) -> int:
        """The BMC's session id: what Close Session names."""
        ...

    @property
    def how(self) -> str:
        """Say which protocol and which protection it has, as `IPMI 1.5 MD5`."""
        ...

    def wrap(self, message: bytes) -> bytes:
        """Put a message into a datagram. Each call takes the next session sequence number: retries differ."""
        ...

    def unwrap(self, datagram: bytes) -> bytes:
        """Take the message out of a datagram. Raises MalformedPacketError, StrayPacketError; then nothing changed."""
        ...


class Login(Protocol):
    """A session in the making: `datagram` is to be sent, again and again, until `receive` takes an answer."""

    @property
    def step(self) -> str:
        """The message that awaits its answer, by its name in the specification."""
        ...

    @property
    def silence(self) -> str:
        """What it often means that this step gets no answer; empty where it means nothing special."""
        ...

    @property
    def repeatable(self) -> bool:
        """Whether a BMC that has answered this step answers it again, when its answer was lost."""
        ...

    def datagram(self) -> bytes:
        """The datagram of this step."""
        ...

    def receive(self, datagram: bytes) -> Session | None:
        """Take an answer: None leads to the next step, a session is the end.

        Raises MalformedPacketError, StrayPacketError (nothing changed, go on waiting), PowerError (refused).
        """
        ...


class Counter:
    """Session sequence numbers: 32 bits, never 0 (§6.12.8)."""

    def __init__(self, first: int) -> None:
        self._next = first or 1

    def take(self) -> int:
        """Give the next number to send with."""
        number = self._next
        self._next = 1 if number == _WRAP else number + 1
        return number


class Received:
    """Remembers which numbers came lately, so that a doubled or replayed packet is not taken twice.

    Order is not asked for: some old BMCs write the number with its octets reversed.
    """

    def __init__(self) -> None:
        self._lately: deque[int] = deque(maxlen=_REMEMBERED)

    def check(self, number: int) -> None:
        """Raise StrayPacketError when this number came before. 0 is what BMCs send that do not count."""
        if number and number in self._lately:
            raise StrayPacketError(f"session sequence number {number} came before")

    def add(self, number: int) -> None:
        """Note a number as received."""
        self._lately.append(number)
