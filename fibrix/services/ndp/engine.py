"""Whether a router solicitation is answered: pure.

iPXE configures IPv4 and IPv6 side by side and goes on when both are done. Without an IPv6 router it solicits one again
and again, and gives up after 13 s: at every step of every boot. An advertisement that offers nothing ends that at once:
no lifetime, hence no default router, and no prefix, hence no address (RFC 4861 §4.2, §6.3.4).

It is told to machines that boot from the network just now and to nobody else, and not where a router speaks for itself.
"""

from enum import Enum
from typing import Final

from fibrix.errors import MalformedPacketError
from fibrix.types import MacAddress
from fibrix.wire.icmp6 import ADVERTISEMENT, HOP_LIMIT, RouterAdvertisement, RouterSolicitation

BOOTING_S: Final = 60.0
"""So long after its DHCPDISCOVER a machine is taken for one that boots from the network."""
ROUTER_S: Final = 1800.0
"""So long after it advertised a router is taken to be there: the longest that one may pause (RFC 4861 §6.2.1)."""
_MOST: Final = 4096  # machines that are remembered; the oldest are forgotten first


class Verdict(Enum):
    """What became of a message."""

    ANSWERED = "answered"
    ROUTER = "router"  # one that speaks for itself, heard
    LEFT_TO_ROUTER = "left_to_router"
    NOT_BOOTING = "not_booting"


ANSWER: Final = RouterAdvertisement(lifetime_s=0).encode()


class Engine:
    """Decides for one interface. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._booting: dict[MacAddress, float] = {}  # when it was heard last, in that order
        self._router_until = 0.0

    def boots(self, mac: MacAddress, now: float) -> None:
        """Note that a machine asks for a network boot."""
        self._booting.pop(mac, None)
        self._booting[mac] = now
        if len(self._booting) > _MOST:
            del self._booting[next(iter(self._booting))]

    def receive(self, message: bytes, hop_limit: int, now: float) -> Verdict:
        """Decide about an ICMPv6 message: a solicitation or an advertisement. Raises MalformedPacketError."""
        if hop_limit != HOP_LIMIT:
            raise MalformedPacketError(f"hop limit {hop_limit}: it is not from this link")
        if message[:1] == bytes([ADVERTISEMENT]):
            RouterAdvertisement.decode(message)
            self._router_until = now + ROUTER_S
            return Verdict.ROUTER
        mac = RouterSolicitation.decode(message).mac
        if mac is None or now - self._booting.get(mac, -BOOTING_S) >= BOOTING_S:
            return Verdict.NOT_BOOTING
        return Verdict.LEFT_TO_ROUTER if now < self._router_until else Verdict.ANSWERED
