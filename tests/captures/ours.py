"""Frames as `fibrix/wire/` reads them, in plain values that can be compared with another reader's."""

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

import msgspec

from fibrix.wire import cdp, lldp, nd
from fibrix.wire.arp import ArpPacket
from fibrix.wire.dhcp4.message import Message as DhcpMessage
from fibrix.wire.dns.multicast import Message as DnsMessage
from fibrix.wire.dns.multicast import Record
from fibrix.wire.frame import ARP, CDP, IPV4, IPV6, LLDP, Frame
from fibrix.wire.ipv4 import UdpDatagram
from fibrix.wire.ipv6 import ICMPV6, UDP, Ipv6Packet, Udp6Datagram

Fields: TypeAlias = dict[str, Any]

NAMES: Final = frozenset({5353, 5355})
_DHCP: Final = frozenset({67, 68, 4011})
_DISCOVERY: Final = {
    nd.RouterSolicitation: "solicits routers",
    nd.RouterAdvertisement: "advertises router",
    nd.NeighborSolicitation: "solicits",
    nd.NeighborAdvertisement: "advertises",
}


def read(data: bytes) -> Mapping[str, Fields]:
    """The layers of a frame that are read, each with its fields. Raises MalformedPacketError."""
    frame = Frame.decode(data)
    found: dict[str, Fields] = {"frame": _plain(frame, "payload")}
    match frame.protocol:
        case protocol if protocol == ARP:
            packet = ArpPacket.decode(frame.payload)
            addresses = {name: str(getattr(packet, name)) for name in ("sender_mac", "sender", "target_mac", "target")}
            found["arp"] = {"operation": packet.operation.value, **addresses}
        case protocol if protocol == LLDP:
            found["lldp"] = _plain(lldp.Announcement.decode(frame.payload))
        case protocol if protocol == CDP:
            found["cdp"] = _cdp(cdp.Announcement.decode(frame.payload))
        case protocol if protocol == IPV4 and frame.payload[9] == UDP:
            found |= _in_ipv4(UdpDatagram.decode(frame.payload))
        case protocol if protocol == IPV6:
            found |= _in_ipv6(Ipv6Packet.decode(frame.payload))
    return found


def _plain(struct: msgspec.Struct, *without: str) -> Fields:
    return {name: getattr(struct, name) for name in struct.__struct_fields__ if name not in without}


def _cdp(said: cdp.Announcement) -> Fields:
    fields = _plain(said)
    for name in ("addresses", "management"):
        fields[name] = [str(one) for one in fields[name]]
    return fields | {"capabilities": set(said.capabilities)}


def _in_ipv4(datagram: UdpDatagram) -> dict[str, Fields]:
    found = {"ipv4": {"source": datagram.source, "destination": datagram.destination}, "udp": _udp(datagram)}
    ports = {datagram.source_port, datagram.destination_port}
    if ports & _DHCP:
        found["dhcp"] = _dhcp(DhcpMessage.decode(datagram.payload))
    return found | _dns(ports, datagram.payload)


def _in_ipv6(packet: Ipv6Packet) -> dict[str, Fields]:
    found = {"ipv6": _plain(packet, "payload", "protocol")}
    if packet.protocol == UDP:
        datagram = Udp6Datagram.decode(packet)
        found["udp"] = _udp(datagram)
        return found | _dns({datagram.source_port, datagram.destination_port}, datagram.payload)
    if packet.protocol == ICMPV6 and (message := nd.read(packet)) is not None:
        fields = _plain(message)
        if isinstance(message, nd.RouterAdvertisement):
            fields["prefixes"] = [tuple(_plain(prefix).values()) for prefix in message.prefixes]
        found[_DISCOVERY[type(message)]] = fields
    return found


def _udp(datagram: UdpDatagram | Udp6Datagram) -> Fields:
    return {name: getattr(datagram, name) for name in ("source_port", "destination_port", "payload")}


def _dhcp(message: DhcpMessage) -> Fields:
    fields = _plain(message, "sname", "file")
    for name in ("ciaddr", "yiaddr", "siaddr", "giaddr"):
        fields[name] = str(fields[name])
    return fields | {"op": message.op.value, "options": dict(message.options)}


def _dns(ports: set[int], payload: bytes) -> dict[str, Fields]:
    if not ports & NAMES:
        return {}
    message = DnsMessage.decode(payload)
    sections = {name: getattr(message, name) for name in ("answers", "authority", "additional")}
    records = {name: [_record(one) for one in of if one.type != 13] for name, of in sections.items()}
    questions = [(_name(one.name), one.type) for one in message.questions]
    return {"dns": {"response": message.response, "questions": questions, **records}}


def _record(one: Record) -> tuple[object, ...]:
    head = (_name(one.name), one.type, one.ttl_s, one.flush)
    if one.type == 33:
        return (*head, _name(one.target), one.port)
    if one.type == 12:
        return (*head, _name(one.target))
    if one.type == 16:
        return (*head, tuple(text for text in one.texts if text))
    return (*head, str(one.address))


def _name(labels: tuple[str, ...]) -> str:
    return ".".join(labels).lower()
