"""Servers that are not ours: which are told of, and how often."""

from contextlib import suppress
from datetime import timedelta
from ipaddress import IPv4Address

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fibrix.domain.network import SubnetMode
from fibrix.domain.rack import RackSnapshot
from fibrix.errors import MalformedPacketError
from fibrix.services.dhcp.foreign import ForeignServers, Server
from fibrix.types import MacAddress
from fibrix.wire.dhcp4.message import ANY, Message, Op
from fibrix.wire.dhcp4.options import MESSAGE_TYPE, SERVER_IDENTIFIER, MessageType
from fibrix.wire.ethernet import ARP, BROADCAST, IPV4, EthernetFrame
from fibrix.wire.ipv4 import UdpDatagram
from tests.services.dhcp.rack import EVERYONE, NOW, RACK, SERVER, discover, ip

FOREIGN = ip("10.77.0.9")
OURS = MacAddress("02:00:00:00:00:01")
THEIRS = MacAddress("52:54:00:99:00:01")
SECOND = MacAddress("52:54:00:99:00:02")
SERVED = RackSnapshot(subnets=(RACK,))
BESIDE = RackSnapshot(subnets=(msgspec.structs.replace(RACK, mode=SubnetMode.PROXY),))
OBSERVED = RackSnapshot(subnets=(msgspec.structs.replace(RACK, mode=SubnetMode.OBSERVE),))


def frame(
    address: IPv4Address | None = FOREIGN,
    mac: MacAddress = THEIRS,
    kind: MessageType | None = MessageType.OFFER,
    *,
    op: Op = Op.REPLY,
) -> bytes:
    """What a server sends to a client."""
    options = {} if kind is None else {MESSAGE_TYPE.code: MESSAGE_TYPE.encode(kind)}
    if address is not None:
        options[SERVER_IDENTIFIER.code] = address.packed
    message = Message(op=op, xid=7, chaddr=b"\2\0\0\0\0\5", yiaddr=ip("10.77.0.50"), options=options)
    packet = UdpDatagram(address or ip("10.77.0.8"), 67, EVERYONE, 68, message.encode())
    return EthernetFrame(BROADCAST, mac, IPV4, packet.encode()).encode()


class Ear:
    def __init__(self) -> None:
        self.servers = ForeignServers()

    def hear(self, said: bytes, after_s: float = 0, snapshot: RackSnapshot = SERVED) -> Server | None:
        return self.servers.heard(said, "eth1", frozenset({OURS}), snapshot, NOW + timedelta(seconds=after_s))


@pytest.mark.parametrize("kind", [MessageType.OFFER, MessageType.ACK, MessageType.NAK])
def test_another_server_on_a_served_subnet_is_told_of_at_its_first_word(kind: MessageType) -> None:
    server = Ear().hear(frame(kind=kind))
    assert server is not None
    assert (server.address, server.mac, server.interface, server.subnet, server.answer, server.expected) == (
        ip("10.77.0.9"),
        THEIRS,
        "eth1",
        "rack",
        kind.name,
        False,
    )


def test_it_is_told_of_again_once_an_hour_and_no_more() -> None:
    ear = Ear()
    told = [ear.hear(frame(), after_s) is not None for after_s in (0, 1, 1800, 3599, 3600, 3601, 7000, 7200)]
    assert told == [True, False, False, False, True, False, False, True]


def test_a_clock_that_was_set_back_does_not_silence_it() -> None:
    ear = Ear()
    assert ear.hear(frame()) is not None
    assert ear.hear(frame(), after_s=-90_000) is not None


def test_servers_at_one_address_with_another_mac_and_the_other_way_round_are_others() -> None:
    ear = Ear()
    assert ear.hear(frame()) is not None
    assert ear.hear(frame(mac=SECOND)) is not None
    assert ear.hear(frame(ip("10.77.0.10"))) is not None
    assert len(ear.servers.present(NOW)) == 3


@pytest.mark.parametrize(
    "said",
    [
        frame(SERVER),  # our own answer, that a relay carries to its client
        frame(mac=OURS),  # sent by ourselves
        frame(op=Op.REQUEST, kind=MessageType.DISCOVER),  # a relay's, to its server
        frame(kind=MessageType.DISCOVER),
    ],
)
def test_what_is_our_own_or_no_answer_is_not_foreign(said: bytes) -> None:
    ear = Ear()
    assert ear.hear(said) is None
    assert ear.servers.present(NOW) == ()


@pytest.mark.parametrize("snapshot", [BESIDE, OBSERVED])
def test_where_another_server_gives_the_addresses_the_first_is_expected_and_a_second_foreign(
    snapshot: RackSnapshot,
) -> None:
    ear = Ear()
    first = ear.hear(frame(), snapshot=snapshot)
    second = ear.hear(frame(ip("10.77.0.10"), SECOND), 1, snapshot)
    again = ear.hear(frame(), 3600, snapshot)
    assert [one is not None and one.expected for one in (first, second, again)] == [True, False, True]


def test_when_the_subnet_becomes_served_the_expected_one_is_foreign() -> None:
    ear = Ear()
    ear.hear(frame(), snapshot=BESIDE)
    server = ear.hear(frame(), 3600, SERVED)
    assert server is not None
    assert not server.expected


def test_a_server_that_names_no_identifier_goes_by_its_packet() -> None:
    server = Ear().hear(frame(None, kind=None))
    assert server is not None
    assert (server.address, server.answer) == (ip("10.77.0.8"), "BOOTREPLY")


def test_an_interface_without_subnets_concerns_nobody() -> None:
    assert Ear().hear(frame(), snapshot=RackSnapshot()) is None


def test_a_server_that_is_silent_for_an_hour_is_gone() -> None:
    ear = Ear()
    ear.hear(frame())
    assert len(ear.servers.present(NOW + timedelta(minutes=59))) == 1
    assert ear.servers.present(NOW + timedelta(hours=1)) == ()


def test_thousands_of_made_up_servers_take_no_memory_and_leave_room_once_they_are_gone() -> None:
    ear = Ear()
    for number in range(5_000):
        ear.hear(frame(ANY + number + 1, MacAddress(f"52:54:00:00:{number >> 8:02x}:{number & 255:02x}")))
    assert len(ear.servers.present(NOW)) == 64
    assert ear.servers.unlisted == 5_000 - 64
    assert ear.hear(frame(), 3600) is not None


@given(st.binary(max_size=400))
def test_any_octets_are_heard_or_refused(octets: bytes) -> None:
    whole = frame()
    for said in (octets, whole[:14] + octets, whole[:42] + octets, whole[: 42 + 240] + octets, whole[: len(octets)]):
        with suppress(MalformedPacketError):
            Ear().hear(said)


def test_what_is_not_ipv4_is_refused() -> None:
    with pytest.raises(MalformedPacketError):
        Ear().hear(EthernetFrame(BROADCAST, THEIRS, ARP, discover().encode()).encode())
