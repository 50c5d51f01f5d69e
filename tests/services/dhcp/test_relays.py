"""Clients behind relays: which subnet they are of, and what goes back to the relay."""

from ipaddress import IPv4Address, IPv4Network

from msgspec.structs import replace
from msgspec.structs import replace as replaced

from fibrix.domain.network import AddressRange
from fibrix.domain.rack import RackSnapshot
from fibrix.services.dhcp.outcome import Verdict
from fibrix.services.dhcp.reply import Way
from fibrix.wire.dhcp4.options import SERVER_IDENTIFIER, MessageType
from tests.services.dhcp.rack import (
    MAC,
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
GATE = ip("10.78.0.254")

FAR = replace(
    RACK,
    name="far",
    relayed=True,
    network=IPv4Network("10.78.0.0/24"),
    ranges=(AddressRange(first=ip("10.78.0.100"), last=ip("10.78.0.103")),),
    routers=(GATE,),
)


def farm() -> Rack:
    return Rack(RackSnapshot(subnets=(RACK, FAR)))


def bind(rack: Rack) -> IPv4Address:
    """Bind a client behind the relay."""
    address = reply(rack.hear(discover(giaddr=GATE), to=SERVER)).yiaddr
    assert kind(rack.hear(request(server=SERVER, requested=address, giaddr=GATE), to=SERVER)) is ACK
    return address


def test_a_relayed_subnet_is_served_through_its_relay_with_the_racks_own_address_as_server() -> None:
    outcome = farm().hear(discover(giaddr=GATE), to=SERVER)
    offer = reply(outcome)
    assert (offer.yiaddr in FAR.network, offer.get(SERVER_IDENTIFIER)) == (True, SERVER)
    assert outcome.reply is not None
    assert (outcome.reply.way, outcome.reply.source, outcome.reply.destination) == (Way.RELAY, SERVER, GATE)


def test_a_client_on_the_racks_own_link_gets_nothing_of_a_relayed_subnet() -> None:
    rack = Rack(RackSnapshot(subnets=(FAR,)))
    assert rack.hear(discover()).verdict is Verdict.IGNORED
    full = Rack(RackSnapshot(subnets=(replace(RACK, ranges=()), FAR)))
    assert full.hear(discover()).verdict is Verdict.EXHAUSTED


def test_a_client_behind_a_relay_renews_past_it_and_rebinds_through_it() -> None:
    rack = farm()
    address = bind(rack)
    renewed = rack.hear(request(ciaddr=address), to=SERVER)
    assert renewed.reply is not None
    assert (kind(renewed), renewed.reply.way, renewed.reply.destination) == (ACK, Way.ROUTED, address)
    rebound = rack.hear(request(ciaddr=address, giaddr=GATE), to=SERVER)
    assert rebound.reply is not None
    assert (kind(rebound), rebound.reply.way, rebound.reply.destination) == (ACK, Way.RELAY, GATE)


def test_a_client_behind_a_relay_releases_past_it() -> None:
    rack = farm()
    address = bind(rack)
    outcome = rack.hear(message(MessageType.RELEASE, server=SERVER, ciaddr=address), to=SERVER)
    assert outcome.verdict is Verdict.RELEASED


def test_a_client_that_was_moved_to_another_relay_is_refused_its_old_address_through_it() -> None:
    rack = farm()
    address = rack.bind()
    refused = rack.hear(request(requested=address, giaddr=GATE), to=SERVER)
    assert (kind(refused), reply(refused).broadcast) == (NAK, True)
    assert refused.reply is not None
    assert (refused.reply.way, refused.reply.destination) == (Way.RELAY, GATE)


def test_link_selection_chooses_the_subnet_and_giaddr_stays_where_the_answer_goes() -> None:
    relay_information = bytes((1, 2)) + b"p7" + bytes((5, 4)) + ip("10.78.0.0").packed  # RFC 3527
    outcome = farm().hear(discover(giaddr=ip("10.77.0.200"), options={82: relay_information}), to=SERVER)
    offer = reply(outcome)
    assert (offer.yiaddr in FAR.network, offer.giaddr) == (True, ip("10.77.0.200"))
    assert offer.options[82] == relay_information
    assert outcome.reply is not None
    assert outcome.reply.destination == ip("10.77.0.200")


def test_link_selection_of_a_client_that_speaks_for_itself_counts_for_nothing() -> None:
    offer = reply(farm().hear(discover(options={82: bytes((5, 4)) + ip("10.78.0.0").packed})))
    assert offer.yiaddr in RACK.network


def test_subnet_selection_chooses_the_subnet_and_comes_back() -> None:
    offer = reply(farm().hear(discover(options={118: ip("10.78.0.0").packed})))
    assert (offer.yiaddr in FAR.network, offer.options[118]) == (True, ip("10.78.0.0").packed)


def test_link_selection_comes_before_subnet_selection() -> None:
    options = {82: bytes((5, 4)) + ip("10.78.0.0").packed, 118: ip("10.77.0.0").packed}
    assert reply(farm().hear(discover(giaddr=GATE, options=options), to=SERVER)).yiaddr in FAR.network


def test_the_relays_option_stays_whole_and_last_even_when_there_is_no_room_for_the_rest() -> None:
    subnet = replace(FAR, domain_name="d" * 200, dns_servers=tuple(ip("9.9.9.9") + n for n in range(60)))
    rack = Rack(RackSnapshot(subnets=(subnet,)))
    information = bytes((1, 200)) + bytes(range(200))
    outcome = rack.hear(discover(giaddr=GATE, options={82: information, 61: b"\1id"}), to=SERVER)
    assert outcome.reply is not None
    payload = outcome.reply.payload
    assert len(payload) <= 548
    assert payload.rstrip(b"\0").endswith(bytes((82, len(information))) + information + b"\xff")
    assert reply(outcome).options[61] == b"\1id"


def test_a_second_client_behind_the_relay_gets_another_address() -> None:
    rack = farm()
    assert bind(rack) != reply(rack.hear(discover(OTHER, giaddr=GATE), to=SERVER)).yiaddr


def test_hops_of_relays_are_no_hindrance() -> None:
    assert kind(farm().hear(replaced(discover(MAC, giaddr=GATE), hops=3), to=SERVER)) is OFFER
