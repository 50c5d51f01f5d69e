"""Datagrams that came in wait here for a decision: those of expected machines first, and never without end."""

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from fibrix.domain.talkers import Talkers
from fibrix.runtime.clock import monotonic_s
from fibrix.services.dhcp.endpoint import Endpoint, Heard
from fibrix.services.dhcp.inbox import Inbox
from fibrix.services.dhcp.query import Arrival
from fibrix.types import MacAddress, mac_from_octets

Job: TypeAlias = tuple[Endpoint, bytes, Arrival]

Expects: TypeAlias = Callable[[MacAddress, int, str], bool]
"""Whether a message is of an expected machine, by its MAC, its `giaddr`, and the interface that it came in on."""

TURN: Final = 64  # datagrams decided about before others get their turn
_TALKATIVE: Final = 200  # messages within a minute or two after which a machine waits with the strangers
_CHADDR: Final = slice(28, 34)
_GIADDR: Final = slice(24, 28)


class Reception:
    """Who waits, and who talks how much."""

    def __init__(self) -> None:
        self.talkers = Talkers()
        self._inbox: Inbox[Job] = Inbox()

    def __len__(self) -> int:
        """How many wait."""
        return len(self._inbox)

    def clear(self) -> None:
        """Forget who waits."""
        self._inbox.clear()

    def take(self, endpoint: Endpoint, heard: Sequence[Heard], expects: Expects) -> int:
        """Let datagrams wait; how many were dropped, these or older ones.

        As many as one turn takes are not looked at when nobody waits: none of them comes late.
        """
        few, now_s, dropped = not self._inbox and len(heard) < TURN, monotonic_s(), 0
        for datagram, arrival in heard:
            mac, relay = mac_from_octets(datagram[_CHADDR]), int.from_bytes(datagram[_GIADDR])
            count = self.talkers.heard(mac, now_s)
            expected = few or (count < _TALKATIVE and expects(mac, relay, arrival.interface))
            dropped += not self._inbox.put((endpoint, datagram, arrival), relay or arrival.interface, expected=expected)
        return dropped

    def turn(self) -> list[Job]:
        """Those whose turn is now."""
        return [self._inbox.take() for _ in range(min(TURN, len(self._inbox)))]
