"""Which protocol a frame speaks, and what it says.

A frame that does not check out says nothing. Addresses are believed of ARP and neighbour discovery as those check
themselves, and of a datagram to a group or to all, which no router passes on. A datagram to one host may have come
through a router, whose MAC it has then: it is believed only when its address is known to be its MAC's.
"""

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from fibrix.domain.census.sighting import Means, Sighting
from fibrix.errors import MalformedPacketError
from fibrix.services.sniffer import arp, dhcp
from fibrix.services.sniffer.census import Census
from fibrix.services.sniffer.counts import Count, Limit
from fibrix.services.sniffer.heard import Heard, UnprovedError
from fibrix.types import mac_from_octets
from fibrix.wire.frame import ARP, IPV4, Frame
from fibrix.wire.ipv4 import UdpDatagram

Sightings: TypeAlias = tuple[Sighting, ...]
Speech: TypeAlias = tuple[Means, Callable[[], Sightings]]

_UDP: Final = 17
_PROTOCOL_AT: Final = 9
_GROUP: Final = 1
_HEADER: Final = 20
_WORDS: Final = 0x0F

_PORTS: Final[Mapping[int, tuple[Means, Callable[[Heard], Sightings]]]] = dict.fromkeys(
    dhcp.PORTS, (Means.DHCP, dhcp.sight)
)
_UNLIMITED: Final = frozenset({Means.ARP, Means.DHCP})  # one server's answers to all its clients come from one MAC


class Reader:
    """Reads frames, and counts what became of them."""

    def __init__(self, census: Census) -> None:
        self.counts: Final = {means: Count() for means in Means}
        self.other = 0  # frames of no protocol that is read, or of none at all
        self._census = census
        self._limit = Limit()

    def read(self, data: bytes, vlan: int, at_us: int) -> tuple[Sightings, int]:
        """What a frame says, and the VLAN that it came in. Never raises."""
        try:
            frame = Frame.decode(data)
        except MalformedPacketError:
            self.other += 1
            return (), vlan
        if not vlan and frame.vlans:
            vlan = frame.vlans[0]
        speech = self._speech(frame)
        if speech is None:
            self.other += 1
            return (), vlan
        means, said = speech
        count = self.counts[means]
        if means not in _UNLIMITED and not self._limit.admits(frame.source, means, at_us):
            count.limited += 1
            return (), vlan
        try:
            sightings = said()
        except UnprovedError:
            count.unproved += 1
            return (), vlan
        except MalformedPacketError:
            count.malformed += 1
            return (), vlan
        count.read += 1
        return sightings, vlan

    def _speech(self, frame: Frame) -> Speech | None:
        """The protocol of a frame, and how to read it."""
        payload = frame.payload
        if frame.protocol == ARP:
            return Means.ARP, lambda: (arp.sight(frame.source, payload),)
        if frame.protocol == IPV4 and len(payload) > _HEADER and payload[_PROTOCOL_AT] == _UDP:
            if (port := _port(payload, (payload[0] & _WORDS) * 4)) is None:
                return None
            means, sight = port
            return means, lambda: sight(self._heard(frame, UdpDatagram.decode(payload), means))
        return None

    def _heard(self, frame: Frame, datagram: UdpDatagram, means: Means) -> Heard:
        """Check that a datagram is of the host whose frame it came in."""
        to_one = not frame.destination[0] & _GROUP
        if to_one and means is not Means.DHCP and not self._census.uses(frame.source, datagram.source.packed):
            raise UnprovedError(f"{datagram.source} is not known to be {frame.source.hex(':')}")
        return Heard(
            mac=mac_from_octets(frame.source),
            source=datagram.source,
            source_port=datagram.source_port,
            destination=datagram.destination,
            destination_port=datagram.destination_port,
            payload=datagram.payload,
        )


def _port(payload: bytes, at: int) -> tuple[Means, Callable[[Heard], Sightings]] | None:
    """Who reads what comes from or goes to these ports."""
    to = int.from_bytes(payload[at + 2 : at + 4])
    return _PORTS.get(to) or _PORTS.get(int.from_bytes(payload[at : at + 2]))
