"""DHCP servers that are not ours, as they are heard on the wire. Pure: frames and the time come in."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Address
from typing import Final

from fibrix.domain.network import Subnet, SubnetMode
from fibrix.domain.rack import RackSnapshot
from fibrix.errors import MalformedPacketError
from fibrix.types import MacAddress
from fibrix.wire.dhcp4.message import Message, Op
from fibrix.wire.dhcp4.options import MESSAGE_TYPE, SERVER_IDENTIFIER, MessageType
from fibrix.wire.ethernet import IPV4, EthernetFrame
from fibrix.wire.ipv4 import UdpDatagram

TELL_AGAIN: Final = timedelta(hours=1)
"""A server that goes on is told of once in so long; one that is silent for so long is gone."""

_MOST: Final = 64  # servers that are remembered; one who makes up more than that is noticed anyway
_ANSWERS: Final = frozenset({MessageType.OFFER, MessageType.ACK, MessageType.NAK})


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server that is not ours: who it says it is, and whose frame said so."""

    address: IPv4Address  # its server identifier; the packet's source where it names none
    mac: MacAddress  # of the frame: a relay's where the server is behind one
    interface: str
    subnet: str
    expected: bool  # it is the one that gives addresses where we only say what to boot
    answer: str  # what it was heard to say, as `OFFER`; `REQUEST`: a client named it, who alone heard it
    last: datetime


@dataclass(slots=True)
class _Known:
    server: Server
    told: datetime


class ForeignServers:
    """The table of them. Every step takes the same time; what it holds is bounded."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, IPv4Address, MacAddress], _Known] = {}  # the one heard last is the last
        self.unlisted = 0  # sightings that found the table full of others

    def present(self, now: datetime) -> tuple[Server, ...]:
        """Those heard lately, in the order of their names."""
        servers = [one.server for one in self._known.values() if now - one.server.last < TELL_AGAIN]
        return tuple(sorted(servers, key=lambda one: (one.subnet, one.address, one.mac)))

    def heard(
        self, frame: bytes, interface: str, own: frozenset[MacAddress], snapshot: RackSnapshot, now: datetime
    ) -> Server | None:
        """Take a frame; give the server when it is to be told of. `own`: MACs that we send from.

        Raises MalformedPacketError.
        """
        ethernet = EthernetFrame.decode(frame)
        if ethernet.ethertype != IPV4:
            raise MalformedPacketError(f"no IPv4 in a frame of type {ethernet.ethertype:#06x}")
        packet = UdpDatagram.decode(ethernet.payload)
        message = Message.decode(packet.payload)
        kind = message.get(MESSAGE_TYPE)
        if message.op is not Op.REPLY or (kind is not None and kind not in _ANSWERS):
            return None
        address = message.get(SERVER_IDENTIFIER) or packet.source
        here = _subnets(interface, snapshot)
        if not here or ethernet.source in own or _is_ours(address, snapshot):
            return None
        subnet = next((one for one in here if address in one.network or message.yiaddr in one.network), here[0])
        return self._note(subnet, address, ethernet.source, kind.name if kind else "BOOTREPLY", interface, now)

    def chosen(
        self, address: IPv4Address, mac: MacAddress, interface: str, snapshot: RackSnapshot, now: datetime
    ) -> Server | None:
        """Take it that a client named this server, and that `mac` has its address; give it when it is to be told of."""
        here = (one for one in _subnets(interface, snapshot) if address in one.network)
        subnet = next(here, None)
        if subnet is None or _is_ours(address, snapshot):
            return None
        return self._note(subnet, address, mac, "REQUEST", interface, now)

    def _note(
        self, subnet: Subnet, address: IPv4Address, mac: MacAddress, answer: str, interface: str, now: datetime
    ) -> Server | None:
        key = (subnet.name, address, mac)
        known = self._known.pop(key, None)
        if known is None and not self._has_room(now):
            self.unlisted += 1
            return None
        expected = known.server.expected if known else self._is_first(subnet, now)
        server = Server(
            address=address,
            mac=mac,
            interface=interface,
            subnet=subnet.name,
            expected=expected and subnet.mode is not SubnetMode.SERVE,
            answer=answer,
            last=now,
        )
        fresh = known is not None and timedelta(0) <= now - known.told < TELL_AGAIN
        self._known[key] = _Known(server, known.told if known is not None and fresh else now)
        return None if fresh else server

    def _is_first(self, subnet: Subnet, now: datetime) -> bool:
        """Whether nobody else gives addresses in a subnet where another server has to."""
        return not any(one.server.subnet == subnet.name and one.server.expected for one in self._recent(now).values())

    def _recent(self, now: datetime) -> Mapping[tuple[str, IPv4Address, MacAddress], _Known]:
        return {key: one for key, one in self._known.items() if now - one.server.last < TELL_AGAIN}

    def _has_room(self, now: datetime) -> bool:
        if len(self._known) < _MOST:
            return True
        for key in self._known.keys() - self._recent(now).keys():
            del self._known[key]
        return len(self._known) < _MOST


def _is_ours(address: IPv4Address, snapshot: RackSnapshot) -> bool:
    return any(address == one.address for one in snapshot.subnets)


def _subnets(interface: str, snapshot: RackSnapshot) -> tuple[Subnet, ...]:
    """Those whose clients are on this interface."""
    return tuple(one for one in snapshot.subnets if one.interface == interface and not one.relayed)
