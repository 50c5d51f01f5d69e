"""What relays say in option 82 counts: where the client is, and whom it takes for its server."""

from ipaddress import IPv4Address

import msgspec
import pytest
from msgspec.structs import replace

from fibrix.domain.rack import RackSnapshot
from fibrix.errors import MalformedPacketError
from fibrix.services.dhcp.outcome import Verdict
from fibrix.wire.dhcp4.message import Message
from fibrix.wire.dhcp4.options import LEASE_TIME, MESSAGE_TYPE, SERVER_IDENTIFIER, MessageType
from tests.services.dhcp.rack import MAC, RACK, RELAY, REMOTE, SERVER, Rack, discover, ip, message, reply, request

AT_RELAY = b"\x01\4eth1" + b"\x0b\4" + RELAY.packed  # circuit, and: be me towards the client
BEHIND = msgspec.structs.replace(REMOTE, relayed=True)


@pytest.fixture
def rack() -> Rack:
    return Rack(RackSnapshot(subnets=(RACK, BEHIND)))


def through_relay(spoken: Message, agent: bytes = AT_RELAY, giaddr: IPv4Address = RELAY) -> Message:
    return replace(spoken, giaddr=giaddr, options={**spoken.options, 82: agent})


def test_a_client_takes_the_relay_for_its_server_where_the_relay_asks_for_that(rack: Rack) -> None:
    offer = reply(rack.hear(through_relay(discover()), to=SERVER))
    assert (offer.get(SERVER_IDENTIFIER), offer.get(LEASE_TIME)) == (RELAY, 600)
    assert list(offer.options)[-1] == 82
    assert offer.options[82] == AT_RELAY
    ack = reply(rack.hear(through_relay(request(server=RELAY, requested=offer.yiaddr)), to=SERVER))
    assert (ack.get(MESSAGE_TYPE), ack.get(SERVER_IDENTIFIER)) == (MessageType.ACK, RELAY)
    renewed = rack.hear(through_relay(request(ciaddr=offer.yiaddr)), to=SERVER)
    assert reply(renewed).get(SERVER_IDENTIFIER) == RELAY
    released = rack.hear(through_relay(message(MessageType.RELEASE, server=RELAY, ciaddr=offer.yiaddr)), to=SERVER)
    assert released.verdict is Verdict.RELEASED


def test_a_decline_to_the_relay_is_a_decline_to_us(rack: Rack) -> None:
    offer = reply(rack.hear(through_relay(discover()), to=SERVER))
    said = through_relay(message(MessageType.DECLINE, server=RELAY, requested=offer.yiaddr))
    assert rack.hear(said, to=SERVER).verdict is Verdict.DECLINED


def test_a_refusal_comes_from_the_relay_as_well(rack: Rack) -> None:
    refused = reply(rack.hear(through_relay(request(requested=ip("192.0.2.9"))), to=SERVER))
    assert (refused.get(MESSAGE_TYPE), refused.get(SERVER_IDENTIFIER)) == (MessageType.NAK, RELAY)


def test_the_answer_to_ones_own_option_82_names_no_other_server(rack: Rack) -> None:
    """A client on the link that plays the relay without being one changes nothing."""
    offer = reply(rack.hear(discover(options={82: AT_RELAY})))
    assert offer.get(SERVER_IDENTIFIER) == SERVER


def test_a_boot_client_behind_such_a_relay_is_told_the_same(rack: Rack) -> None:
    boots = discover(options={60: b"PXEClient:Arch:00000:UNDI:002001", 93: b"\0\0"})
    offer = reply(rack.hear(through_relay(boots), to=SERVER))
    assert (offer.get(SERVER_IDENTIFIER), offer.file) == (RELAY, b"undionly.kpxe")


def test_the_link_that_the_relay_names_counts_more_than_where_it_is_reached(rack: Rack) -> None:
    agent = b"\x05\4" + ip("10.78.0.0").packed
    offer = reply(rack.hear(through_relay(discover(), agent, ip("192.0.2.77")), to=SERVER))
    assert offer.yiaddr in BEHIND.network
    assert offer.giaddr == ip("192.0.2.77")


@pytest.mark.parametrize("agent", [b"\x01", b"\x01\x09eth1", b"\x05\3\x0a\x4e\0", b"\x0b\0"])
def test_an_option_82_that_cannot_be_read_is_malformed(rack: Rack, agent: bytes) -> None:
    with pytest.raises(MalformedPacketError, match="option 82"):
        rack.hear(through_relay(discover(MAC), agent), to=SERVER)
