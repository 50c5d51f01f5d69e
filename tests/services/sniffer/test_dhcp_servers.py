"""DHCP servers whose answers may have come through a router: believed once their address is known to be their MAC's."""

from ipaddress import IPv4Address
from typing import Any

import pytest

from fibrix.types import MacAddress
from fibrix.wire.dhcp4.message import Message, Op
from fibrix.wire.ethernet import IPV4, EthernetFrame, mac_octets
from fibrix.wire.ipv4 import UdpDatagram
from tests.services.sniffer.wire import A, B, Wire, arp

CLIENT, SERVER, RELAY = map(IPv4Address, ("10.0.0.10", "10.0.0.1", "10.0.0.2"))
AFAR = IPv4Address("10.9.0.10")
OFFER, ACK, NAK, ROUTERS, VENDOR = 2, 5, 6, 3, 60


def answers(
    kind: int,
    to: IPv4Address = CLIENT,
    port: int = 68,
    options: dict[int, bytes] | None = None,
    **header: Any,
) -> bytes:
    """From the server to one that has an address."""
    message = Message(
        op=Op.REPLY, xid=1, chaddr=mac_octets(A), options={53: bytes([kind]), **(options or {})}, **header
    )
    packet = UdpDatagram(SERVER, 67, to, port, message.encode()).encode()
    return EthernetFrame(A, MacAddress(B), IPV4, packet).encode()


PROVED = [
    pytest.param(answers(ACK, ciaddr=CLIENT), id="a DHCPINFORM"),
    pytest.param(answers(ACK, ciaddr=CLIENT, yiaddr=CLIENT), id="a renewal"),
    pytest.param(answers(OFFER, RELAY, 67, yiaddr=AFAR, giaddr=RELAY), id="a relay: DHCPOFFER"),
    pytest.param(answers(ACK, RELAY, 67, yiaddr=AFAR, giaddr=RELAY), id="a relay: DHCPACK"),
    pytest.param(answers(NAK, RELAY, 67, giaddr=RELAY), id="a relay: DHCPNAK"),
]


@pytest.mark.parametrize("frame", PROVED)
def test_who_answers_from_an_address_that_is_its_own_is_one(frame: bytes) -> None:
    wire = Wire()
    wire.hears(frame)
    assert wire.told == []
    wire.hears(arp(B, str(SERVER)), 1)
    wire.hears(frame, 2)
    assert wire.said == [f"host.seen {B} eth1 arp Supermicro {SERVER}", f"dhcp.server_seen {B} eth1 {SERVER}"]


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(answers(ACK, RELAY, 67, giaddr=RELAY), id="a relay, without an address for its client"),
        pytest.param(answers(OFFER, AFAR, 68, yiaddr=AFAR, giaddr=SERVER), id="as a relay, to its client"),
        pytest.param(answers(OFFER, SERVER, 67, yiaddr=AFAR, giaddr=SERVER), id="itself"),
        pytest.param(answers(ACK, options={VENDOR: b"PXEClient"}, ciaddr=CLIENT), id="what to boot"),
        pytest.param(answers(ACK), id="nobody"),
    ],
)
def test_who_answers_otherwise_is_none(frame: bytes) -> None:
    wire = Wire()
    wire.hears(arp(B, str(SERVER)))
    wire.hears(frame, 1)
    assert wire.said == [f"host.seen {B} eth1 arp Supermicro {SERVER}"]


def test_what_a_relay_is_told_says_nothing_of_this_link() -> None:
    """Neither the client nor its router is there."""
    wire = Wire()
    wire.hears(arp(B, str(SERVER)))
    wire.hears(arp(A, str(CLIENT)))
    wire.hears(answers(ACK, RELAY, 67, {ROUTERS: CLIENT.packed}, yiaddr=AFAR, giaddr=RELAY), 1)
    wire.waits(5)
    assert [one.address for one in wire.host(A).addresses] == [str(CLIENT)]
    assert wire.host(A).roles == ()
