"""What clients are told of a subnet and of their reservation, and clients that are no usual ones."""

from ipaddress import IPv4Address, IPv4Network

import pytest
from msgspec.structs import replace
from msgspec.structs import replace as replaced

from fibrix.domain.network import DhcpOption, Reservation, StaticRoute, Subnet
from fibrix.domain.rack import RackSnapshot
from fibrix.services.dhcp.outcome import Verdict
from fibrix.services.dhcp.query import Arrival
from fibrix.services.dhcp.reply import Way
from fibrix.wire.dhcp4.message import Message, Op
from fibrix.wire.dhcp4.options import (
    CLASSLESS_ROUTES,
    DOMAIN_SEARCH,
    NTP_SERVERS,
    MessageType,
)
from fibrix.wire.ethernet import mac_octets
from tests.services.dhcp.rack import (
    EVERYONE,
    MAC,
    NOW,
    OTHER,
    RACK,
    SERVER,
    Rack,
    discover,
    ip,
    kind,
    message,
    reply,
    request,
)

ACK, NAK, OFFER = MessageType.ACK, MessageType.NAK, MessageType.OFFER
INSIDE = StaticRoute(destination=IPv4Network("10.9.0.0/16"), router=ip("10.77.0.253"))
EVERYWHERE = IPv4Network("0.0.0.0/0")


def rack_of(subnet: Subnet) -> Rack:
    return Rack(RackSnapshot(subnets=(subnet,)))


def asks(*codes: int) -> dict[int, bytes]:
    return {55: bytes(codes)}


# Options


def test_classless_routes_come_with_the_way_to_everywhere_and_without_routers() -> None:
    rack = rack_of(replace(RACK, routes=(INSIDE,)))
    both = reply(rack.hear(discover(options=asks(121, 3))))
    assert both.get(CLASSLESS_ROUTES) == (
        (INSIDE.destination, INSIDE.router),
        (EVERYWHERE, RACK.routers[0]),
    )
    assert 3 not in both.options
    assert 3 in reply(rack.hear(discover(options=asks(3)))).options


def test_a_route_to_everywhere_that_is_set_is_the_only_one() -> None:
    own = StaticRoute(destination=EVERYWHERE, router=ip("10.77.0.253"))
    told = reply(rack_of(replace(RACK, routes=(own,))).hear(discover(options=asks(121))))
    assert told.get(CLASSLESS_ROUTES) == ((EVERYWHERE, own.router),)


def test_time_servers_search_list_and_any_other_option_are_told_to_who_asks() -> None:
    subnet = replace(
        RACK,
        ntp_servers=(ip("10.77.0.3"),),
        search_domains=("rack.example", "example"),
        options=(DhcpOption(code=100, value=b"CET-1"), DhcpOption(code=6, value=ip("10.77.0.9").packed)),
    )
    told = reply(rack_of(subnet).hear(discover(options=asks(42, 119, 100, 6))))
    assert told.get(NTP_SERVERS) == (ip("10.77.0.3"),)
    assert told.get(DOMAIN_SEARCH) == ("rack.example", "example")
    assert (told.options[100], told.options[6]) == (b"CET-1", ip("10.77.0.9").packed)
    assert {42, 119, 100}.isdisjoint(reply(rack_of(subnet).hear(discover(options=asks(1)))).options)


def test_no_free_option_stands_in_for_what_makes_a_lease() -> None:
    subnet = replace(RACK, options=(DhcpOption(code=51, value=bytes(4)), DhcpOption(code=54, value=bytes(4))))
    told = reply(rack_of(subnet).hear(discover(options=asks(51, 54))))
    assert (told.options[51], told.options[54]) == ((600).to_bytes(4), SERVER.packed)


def test_a_long_option_is_split_and_joined_again() -> None:
    subnet = replace(RACK, options=(DhcpOption(code=224, value=bytes(range(256)) * 2),))
    told = reply(rack_of(subnet).hear(discover(options=asks(224) | {57: (1500).to_bytes(2)})))
    assert told.options[224] == bytes(range(256)) * 2


def test_what_has_no_room_overflows_into_the_header_and_a_long_question_is_understood() -> None:
    subnet = replace(RACK, options=(DhcpOption(code=224, value=bytes(250)), DhcpOption(code=225, value=bytes(120))))
    outcome = rack_of(subnet).hear(discover(options=asks(224, 225) | {61: b"\0" + b"i" * 300}))
    told = reply(outcome)
    assert outcome.reply is not None
    assert len(outcome.reply.payload) <= 548
    assert 224 in told.options


def test_a_reservations_options_come_instead_of_the_subnets() -> None:
    own = Reservation(mac=MAC, address=ip("10.77.0.50"), options=(DhcpOption(code=100, value=b"own"),))
    rack = rack_of(replace(RACK, reservations=(own,), options=(DhcpOption(code=100, value=b"all"),)))
    assert reply(rack.hear(discover(options=asks(100)))).options[100] == b"own"
    assert reply(rack.hear(discover(OTHER, options=asks(100)))).options[100] == b"all"
    assert reply(rack.hear(discover())).options[100] == b"own"


def test_two_questions_get_two_answers_and_the_same_one_twice_the_same() -> None:
    rack = Rack()
    first = reply(rack.hear(discover(options=asks(3, 6)))).options
    assert list(reply(rack.hear(discover(options=asks(6, 3)))).options) != list(first)
    assert reply(rack.hear(discover(options=asks(3, 6)))).options == first


# Reservations by client identifier


def test_a_reservation_goes_by_client_identifier_whatever_the_mac() -> None:
    own = Reservation(client_id="00736572766572", address=ip("10.77.0.50"), hostname="server")
    rack = rack_of(replace(RACK, reservations=(own,)))
    for mac in (MAC, OTHER):
        offer = reply(rack.hear(discover(mac, options={61: b"\0server"} | asks(12))))
        assert (offer.yiaddr, offer.options[12], offer.options[61]) == (ip("10.77.0.50"), b"server", b"\0server")
    assert reply(rack.hear(discover(OTHER, requested=ip("10.77.0.50")))).yiaddr != ip("10.77.0.50")


# Authoritative or not


@pytest.mark.parametrize(
    ("spoken", "to"),
    [
        (request(requested=ip("192.168.5.5")), EVERYONE),
        (request(ciaddr=ip("192.168.5.5")), EVERYONE),
        (request(requested=ip("10.77.0.9")), EVERYONE),  # in no range
        (request(ciaddr=ip("10.77.0.9")), SERVER),
    ],
)
def test_who_is_unknown_is_refused_what_it_cannot_have_only_where_there_is_no_other_server(
    spoken: Message, to: IPv4Address
) -> None:
    assert kind(Rack().hear(spoken, to=to)) is NAK
    quiet = rack_of(replace(RACK, authoritative=False)).hear(spoken, to=to)
    assert (quiet.verdict, quiet.reply) == (Verdict.IGNORED, None)


def test_a_client_of_ours_is_refused_in_any_case() -> None:
    rack = rack_of(replace(RACK, authoritative=False))
    address = rack.bind()
    for spoken in (request(requested=address + 1), request(requested=ip("192.168.5.5"))):
        assert kind(rack.hear(spoken)) is NAK


# BOOTP


def bootp() -> Message:
    return Message(op=Op.REQUEST, xid=7, chaddr=mac_octets(MAC))


def test_a_bootp_client_gets_its_reservation_for_ever_in_a_vendor_area_of_64_octets() -> None:
    own = Reservation(mac=MAC, address=ip("10.77.0.50"), hostname="old-printer")
    rack = rack_of(replace(RACK, reservations=(own,), dns_servers=tuple(ip("9.9.9.9") + n for n in range(20))))
    for datagram in (bootp().encode(), bootp().encode()[:236] + bytes(64)):  # with the cookie and without
        outcome = rack.engine.receive(datagram, Arrival("eth1", EVERYONE), rack.snapshot, NOW)
        told = reply(outcome)
        assert outcome.reply is not None
        assert (len(outcome.reply.payload), told.yiaddr, outcome.binding) == (300, ip("10.77.0.50"), None)
        assert {53, 54, 51, 58, 59}.isdisjoint(told.options)
        assert {1, 3} <= told.options.keys()
        assert (outcome.reply.way, outcome.reply.hardware) == (Way.FRAME, MAC)


def test_a_bootp_client_without_a_reservation_gets_nothing() -> None:
    outcome = Rack().hear(bootp())
    assert (outcome.verdict, outcome.reply, outcome.reason) == (
        Verdict.IGNORED,
        None,
        "a BOOTP client without a reservation",
    )


# Not for this server


@pytest.mark.parametrize("type_", [MessageType.LEASE_QUERY, MessageType.FORCE_RENEW, MessageType.LEASE_ACTIVE])
def test_what_is_not_served_is_told_in_words_and_not_answered(type_: MessageType) -> None:
    query = replaced(message(type_), chaddr=b"", giaddr=ip("10.77.0.254"))
    outcome = Rack().hear(query, to=SERVER)
    assert (outcome.verdict, outcome.reply) == (Verdict.IGNORED, None)
    assert "not" in outcome.reason


def test_the_reason_of_a_lease_query_says_where_to_ask() -> None:
    outcome = Rack().hear(message(MessageType.LEASE_QUERY))
    assert outcome.reason == "lease queries are not answered here: the API tells who has which address"
