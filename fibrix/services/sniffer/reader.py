"""Which protocol a frame speaks, and what it says.

A frame that does not check out says nothing. Addresses are believed of ARP and neighbour discovery as those check
themselves, and of a datagram to a group or to all, which no router passes on. A datagram to one host may have come
through a router, whose MAC it has then: it is believed only when its address is known to be its MAC's.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, TypeAlias

from fibrix.domain.census.sighting import Means, Sighting
from fibrix.errors import MalformedPacketError
from fibrix.services.sniffer import arp, cables, dhcp, names, neighbours, offers
from fibrix.services.sniffer.census import Census
from fibrix.services.sniffer.counts import Count, Limit
from fibrix.services.sniffer.heard import Heard, UnprovedError, is_host
from fibrix.types import mac_from_octets
from fibrix.wire import nbns, slp, ssdp, wsd
from fibrix.wire.dns.multicast import LLMNR_PORT, MDNS_PORT
from fibrix.wire.frame import ARP, CDP, IPV4, IPV6, LLDP, Frame
from fibrix.wire.ipv4 import UdpDatagram
from fibrix.wire.ipv6 import ICMPV6, UDP, Ipv6Packet, Udp6Datagram

Sightings: TypeAlias = tuple[Sighting, ...]
Speech: TypeAlias = tuple[Means, Callable[[], Sightings]]
ByPort: TypeAlias = tuple[Means, Callable[[Heard], Sightings]]

_PROTOCOL_AT: Final = 9
_GROUP: Final = 1
_HEADER: Final = 20
_WORDS: Final = 0x0F

_PORTS: Final[Mapping[int, ByPort]] = {
    MDNS_PORT: (Means.MDNS, names.sight_mdns),
    LLMNR_PORT: (Means.LLMNR, names.sight_llmnr),
    nbns.PORT: (Means.NBNS, names.sight_nbns),
    ssdp.PORT: (Means.SSDP, offers.sight_ssdp),
    wsd.PORT: (Means.WSD, offers.sight_wsd),
    slp.PORT: (Means.SLP, offers.sight_slp),
    offers.RMCP_PORT: (Means.RMCP, offers.sight_rmcp),
}
_PORTS4: Final[Mapping[int, ByPort]] = {**dict.fromkeys(dhcp.PORTS, (Means.DHCP, dhcp.sight)), **_PORTS}
_UNLIMITED: Final = frozenset({Means.ARP, Means.DHCP, Means.ND})  # a server answers, a router resolves for all others


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
            speech = self._speech(frame)
        except MalformedPacketError:
            self.other += 1
            return (), vlan
        if speech is None:
            self.other += 1
            return (), vlan
        means, say = speech
        if not vlan and frame.vlans:
            vlan = frame.vlans[0]
        count = self.counts[means]
        if means not in _UNLIMITED and not self._limit.admits(frame.source, means, at_us):
            count.limited += 1
            return (), vlan
        try:
            sightings = say()
        except UnprovedError:
            count.unproved += 1
            return (), vlan
        except MalformedPacketError:
            count.malformed += 1
            return (), vlan
        count.read += 1
        return sightings, vlan

    def _speech(self, frame: Frame) -> Speech | None:
        """The protocol of a frame, and how to read it; None: none that is read. Raises MalformedPacketError."""
        if frame.protocol == ARP:
            return Means.ARP, lambda: (arp.sight(frame.source, frame.payload),)
        if frame.protocol == IPV4:
            return self._in_ipv4(frame)
        if frame.protocol == IPV6:
            return self._in_ipv6(frame, Ipv6Packet.decode(frame.payload))
        if frame.protocol == LLDP:
            return Means.LLDP, partial(cables.sight_lldp, frame)
        return (Means.CDP, partial(cables.sight_cdp, frame)) if frame.protocol == CDP else None

    def _in_ipv4(self, frame: Frame) -> Speech | None:
        payload = frame.payload
        if len(payload) <= _HEADER or payload[_PROTOCOL_AT] != UDP:
            return None
        by_port = _by_port(_PORTS4, payload, (payload[0] & _WORDS) * 4)
        if by_port is None:
            return None
        means, sight = by_port
        return means, lambda: sight(self._heard(frame, UdpDatagram.decode(payload), means))

    def _in_ipv6(self, frame: Frame, packet: Ipv6Packet) -> Speech | None:
        if packet.protocol == ICMPV6:
            return Means.ND, partial(neighbours.sight, frame.source, packet)
        by_port = _by_port(_PORTS, packet.payload, 0) if packet.protocol == UDP else None
        if by_port is None:
            return None
        means, sight = by_port
        return means, lambda: sight(self._heard(frame, Udp6Datagram.decode(packet), means))

    def _heard(self, frame: Frame, datagram: UdpDatagram | Udp6Datagram, means: Means) -> Heard:
        """Check that a datagram is of the host whose frame it came in."""
        source, name = datagram.source, ""
        proved = self._census.uses(frame.source, source.packed)
        if means is not Means.DHCP:
            if not is_host(source):
                raise UnprovedError(f"{source} is no host's address")
            if not frame.destination[0] & _GROUP and not proved:
                raise UnprovedError(f"{source} is not known to be {frame.source.hex(':')}")
            name = self._census.name(frame.source, means)
        return Heard(
            mac=mac_from_octets(frame.source),
            source=source,
            source_port=datagram.source_port,
            destination=datagram.destination,
            destination_port=datagram.destination_port,
            payload=datagram.payload,
            proved=proved,
            name=name,
        )


def _by_port(table: Mapping[int, ByPort], payload: bytes, at: int) -> ByPort | None:
    """Who reads what goes to or comes from these ports."""
    return table.get(int.from_bytes(payload[at + 2 : at + 4])) or table.get(int.from_bytes(payload[at : at + 2]))
