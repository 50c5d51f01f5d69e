"""DHCPv4 messages as they may come: what is believed of them."""

from ipaddress import IPv4Address
from typing import Any

import pytest

from fibrix.domain.census.sighting import Means
from fibrix.types import MacAddress
from fibrix.wire.dhcp4.message import Message, Op
from fibrix.wire.ethernet import BROADCAST, IPV4, EthernetFrame, mac_octets
from fibrix.wire.ipv4 import UdpDatagram
from tests.services.sniffer.wire import A, B, Wire, arp

NOWHERE, ALL, CLIENT, SERVER = map(IPv4Address, ("0.0.0.0", "255.255.255.255", "10.0.0.10", "10.0.0.1"))
DISCOVER, OFFER, REQUEST, DECLINE, ACK, NAK, RELEASE, INFORM, LEASE_QUERY = 1, 2, 3, 4, 5, 6, 7, 8, 10


def asks(
    kind: int | None, options: dict[int, bytes] | None = None, *, source: IPv4Address = NOWHERE, **header: Any
) -> bytes:
    return sent(Op.REQUEST, kind, options or {}, A, source, 67, header)


def says(
    kind: int | None, options: dict[int, bytes] | None = None, *, source: IPv4Address = SERVER, **header: Any
) -> bytes:
    return sent(Op.REPLY, kind, options or {}, B, source, 68, header)


def sent(
    op: Op,
    kind: int | None,
    options: dict[int, bytes],
    mac: str,
    source: IPv4Address,
    port: int,
    header: dict[str, Any],
) -> bytes:
    every = options if kind is None else {53: bytes([kind]), **options}
    message = Message(op=op, xid=1, options=every, **{"chaddr": mac_octets(A), **header})
    packet = UdpDatagram(source, 135 - port, ALL, port, message.encode()).encode()
    return EthernetFrame(BROADCAST, MacAddress(mac), IPV4, packet).encode()


def name_of(*options: tuple[int, bytes]) -> str:
    wire = Wire()
    wire.hears(asks(DISCOVER, dict(options)))
    return "".join(one.name for one in wire.host(A).names)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ([(12, b"server-7")], "server-7"),
        ([(12, b"server-7\0")], "server-7"),
        ([(12, b"server-7"), (81, b"\0\0\0server-7.example.com.")], "server-7.example.com"),
        ([(81, b"\4\0\0\x08server-7\7example\3com\0")], "server-7.example.com"),
        ([(81, b"\4\0\0\x08server-7")], "server-7"),  # without its end, as some do
        ([(12, b"server-7"), (81, b"\0\0\0")], "server-7"),
        ([(12, b"bad\x1b[31mname")], "bad\N{REPLACEMENT CHARACTER}[31mname"),
        ([], ""),
    ],
)
def test_a_client_says_what_it_wants_to_be_called(options: list[tuple[int, bytes]], name: str) -> None:
    assert name_of(*options) == name


def test_an_option_that_is_malformed_hurts_nothing_else() -> None:
    wire = Wire()
    wire.hears(asks(DISCOVER, {12: b"server-7", 60: b"PXEClient", 93: b"\0", 97: b"\1short"}))
    client = wire.host(A).client
    assert client is not None
    assert (client.vendor_class, client.architectures, client.uuid) == ("PXEClient", (), "")


@pytest.mark.parametrize("octets", [bytes(16), b"\xff" * 16])
def test_a_uuid_that_says_nothing_is_none(octets: bytes) -> None:
    wire = Wire()
    wire.hears(asks(DISCOVER, {60: b"x", 97: b"\0" + octets}))
    client = wire.host(A).client
    assert client is not None
    assert client.uuid == ""


def test_what_the_firmware_told_stays_when_the_system_asks() -> None:
    wire = Wire()
    wire.hears(asks(DISCOVER, {60: b"PXEClient:Arch:00007:UNDI:003000", 93: b"\0\7", 97: b"\0" + bytes(range(16))}))
    wire.hears(asks(DISCOVER, {60: b"udhcp 1.35.0", 55: bytes((1, 3, 6))}), 20)
    wire.waits(22)
    host = wire.host(A)
    assert host.client is not None
    assert (host.kind, host.client.vendor_class, host.client.architectures) == ("", "udhcp 1.35.0", (7,))
    assert host.client.uuid == "03020100-0504-0706-0809-0a0b0c0d0e0f"


@pytest.mark.parametrize(
    ("frame", "addresses"),
    [
        (asks(REQUEST, source=CLIENT, ciaddr=CLIENT), [str(CLIENT)]),  # renews
        (asks(INFORM, source=CLIENT, ciaddr=CLIENT), [str(CLIENT)]),
        (asks(REQUEST, {50: CLIENT.packed}), []),  # asks for it: the answer says whether it gets it
        (asks(None), []),  # BOOTP
    ],
    ids=["renewal", "INFORM", "selecting", "BOOTP"],
)
def test_a_client_has_the_address_that_it_speaks_from(frame: bytes, addresses: list[str]) -> None:
    wire = Wire()
    wire.hears(frame)
    assert [one.address for one in wire.host(A).addresses] == addresses


def test_a_client_that_says_it_is_another_than_it_speaks_from_is_not_believed() -> None:
    wire = Wire()
    wire.hears(asks(REQUEST, source=CLIENT, ciaddr=IPv4Address("10.0.0.99")))
    assert wire.told == []
    assert wire.engine.counts[Means.DHCP].unproved == 1


@pytest.mark.parametrize(
    ("kind", "options", "header"),
    [(RELEASE, {}, {"ciaddr": CLIENT}), (DECLINE, {50: CLIENT.packed}, {})],
    ids=["RELEASE", "DECLINE"],
)
def test_an_address_is_given_up(kind: int, options: dict[int, bytes], header: dict[str, Any]) -> None:
    wire = Wire()
    wire.hears(arp(A, str(CLIENT)))
    wire.hears(asks(kind, options, **header), 5)
    wire.waits(8)
    assert wire.host(A).addresses == ()


@pytest.mark.parametrize(
    "frame",
    [
        says(OFFER, yiaddr=CLIENT),
        says(ACK, yiaddr=CLIENT),
        says(NAK),
        says(None, yiaddr=CLIENT),
    ],
    ids=["OFFER", "ACK", "NAK", "BOOTREPLY"],
)
def test_who_gives_addresses_is_a_dhcp_server(frame: bytes) -> None:
    wire = Wire()
    wire.hears(frame)
    assert wire.host(B).roles == ("dhcp server",)


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(says(OFFER, {60: b"PXEClient"}), id="only says what to boot"),
        pytest.param(says(ACK, ciaddr=CLIENT, yiaddr=CLIENT), id="may have come through a router"),
        pytest.param(says(OFFER, yiaddr=CLIENT, giaddr=SERVER), id="to a relay"),
        pytest.param(says(LEASE_QUERY), id="of another kind"),
        pytest.param(says(OFFER, yiaddr=CLIENT, source=NOWHERE), id="from nowhere"),
        pytest.param(asks(DISCOVER, giaddr=SERVER), id="from a relay"),
        pytest.param(asks(LEASE_QUERY), id="no client's"),
        pytest.param(asks(DISCOVER, chaddr=bytes(6)), id="of nobody"),
        pytest.param(asks(DISCOVER, chaddr=b"\1" * 6), id="of a group"),
        pytest.param(asks(DISCOVER, htype=6), id="not of Ethernet"),
    ],
)
def test_what_proves_nothing_tells_nothing(frame: bytes) -> None:
    wire = Wire()
    wire.hears(frame)
    assert wire.told == []


def test_an_answer_makes_no_host_of_a_client_that_did_not_speak() -> None:
    wire = Wire()
    wire.hears(says(ACK, yiaddr=CLIENT))
    assert [event.subject for event in wire.events] == [f"discoveries/{B}"] * 2


def test_the_routers_that_a_server_names_are_gateways_once_they_are_heard() -> None:
    wire = Wire()
    wire.hears(says(OFFER, {3: IPv4Address("10.0.0.254").packed}, yiaddr=CLIENT))
    wire.hears(arp("00:25:90:00:00:fe", "10.0.0.254"), 5)
    assert wire.said[2:] == [
        "host.seen 00:25:90:00:00:fe eth1 arp Supermicro 10.0.0.254",
        "gateway.seen 00:25:90:00:00:fe eth1 10.0.0.254",
    ]


def test_a_gateway_is_told_by_the_address_by_which_it_was_named() -> None:
    wire = Wire()
    wire.hears(arp("00:25:90:00:00:fe", "10.0.0.254"))
    wire.hears(arp("00:25:90:00:00:fe", "10.0.0.253"), 1)
    wire.hears(says(OFFER, {3: IPv4Address("10.0.0.254").packed}, yiaddr=CLIENT), 5)
    assert "gateway.seen 00:25:90:00:00:fe eth1 10.0.0.254" in wire.said
