"""A rack with one served subnet, and clients that speak to its engine."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv4Network

import msgspec

from fibrix.domain.lease import Leases
from fibrix.domain.network import AddressRange, Subnet, SubnetMode
from fibrix.domain.rack import RackSnapshot
from fibrix.services.dhcp.engine import Engine
from fibrix.services.dhcp.outcome import Outcome
from fibrix.services.dhcp.query import Arrival
from fibrix.types import MacAddress
from fibrix.wire.dhcp4.message import ANY, Message, Op
from fibrix.wire.dhcp4.options import (
    MESSAGE_TYPE,
    REQUESTED_ADDRESS,
    SERVER_IDENTIFIER,
    MessageType,
)
from fibrix.wire.ethernet import mac_octets

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SERVER = IPv4Address("10.77.0.1")
EVERYONE = IPv4Address("255.255.255.255")
MAC = MacAddress("52:54:00:77:00:01")
OTHER = MacAddress("52:54:00:77:00:02")
RELAY = IPv4Address("10.78.0.254")

RACK = Subnet(
    name="rack",
    interface="eth1",
    network=IPv4Network("10.77.0.0/24"),
    address=SERVER,
    mode=SubnetMode.SERVE,
    ranges=(AddressRange(first=IPv4Address("10.77.0.100"), last=IPv4Address("10.77.0.103")),),
    routers=(IPv4Address("10.77.0.254"),),
    dns_servers=(IPv4Address("9.9.9.9"), IPv4Address("149.112.112.112")),
    domain_name="rack.example",
    lease_s=600,
)
REMOTE = msgspec.structs.replace(
    RACK,
    name="remote",
    network=IPv4Network("10.78.0.0/24"),
    address=IPv4Address("10.77.0.1"),
    interface="eth2",
    ranges=(AddressRange(first=IPv4Address("10.78.0.100"), last=IPv4Address("10.78.0.103")),),
    routers=(RELAY,),
)


def ip(text: str) -> IPv4Address:
    return IPv4Address(text)


@dataclass
class Rack:
    """The engine with its snapshot and a clock that the test moves."""

    snapshot: RackSnapshot = field(default_factory=lambda: RackSnapshot(subnets=(RACK,)))
    leases: Leases = field(default_factory=lambda: Leases((), offer_s=30, decline_s=600))
    now: datetime = NOW

    def __post_init__(self) -> None:
        self.engine = Engine(self.leases, http_port=5248)

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def hear(self, message: Message, *, to: IPv4Address = EVERYONE, interface: str = "eth1") -> Outcome:
        return self.engine.receive(message.encode(1472), Arrival(interface, to), self.snapshot, self.now)

    def bind(self, mac: MacAddress = MAC) -> IPv4Address:
        """Go through DISCOVER, OFFER, REQUEST and ACK."""
        offer = reply(self.hear(discover(mac)))
        outcome = self.hear(request(mac, server=SERVER, requested=offer.yiaddr))
        assert outcome.binding is not None
        return outcome.binding.address


def reply(outcome: Outcome) -> Message:
    """The answer that there must be."""
    assert outcome.reply is not None, outcome.reason
    return Message.decode(outcome.reply.payload)


def kind(outcome: Outcome) -> MessageType | None:
    """What was answered, if anything."""
    return None if outcome.reply is None else reply(outcome).get(MESSAGE_TYPE)


def message(
    type_: MessageType,
    mac: MacAddress = MAC,
    *,
    server: IPv4Address | None = None,
    requested: IPv4Address | None = None,
    ciaddr: IPv4Address = ANY,
    options: dict[int, bytes] | None = None,
) -> Message:
    """A client's message."""
    fields = {MESSAGE_TYPE.code: MESSAGE_TYPE.encode(type_)} | (options or {})
    if server is not None:
        fields[SERVER_IDENTIFIER.code] = server.packed
    if requested is not None:
        fields[REQUESTED_ADDRESS.code] = requested.packed
    return Message(op=Op.REQUEST, xid=0x1234, chaddr=mac_octets(mac), ciaddr=ciaddr, options=fields)


def discover(
    mac: MacAddress = MAC,
    *,
    requested: IPv4Address | None = None,
    giaddr: IPv4Address = ANY,
    flags: int = 0,
    options: dict[int, bytes] | None = None,
) -> Message:
    spoken = message(MessageType.DISCOVER, mac, requested=requested, options=options)
    return msgspec.structs.replace(spoken, giaddr=giaddr, flags=flags)


def request(
    mac: MacAddress = MAC,
    *,
    server: IPv4Address | None = None,
    requested: IPv4Address | None = None,
    ciaddr: IPv4Address = ANY,
    giaddr: IPv4Address = ANY,
    options: dict[int, bytes] | None = None,
) -> Message:
    spoken = message(MessageType.REQUEST, mac, server=server, requested=requested, ciaddr=ciaddr, options=options)
    return msgspec.structs.replace(spoken, giaddr=giaddr)
