"""The server's side of RFC 2131 §4.3, state for state."""

from ipaddress import IPv4Address

import msgspec
import pytest

from fibrix.domain.binding import BindingState
from fibrix.domain.network import Reservation, SubnetMode
from fibrix.domain.rack import RackSnapshot
from fibrix.events.rack import DiscoverSeen, LeaseGranted
from fibrix.services.dhcp.outcome import Verdict
from fibrix.services.dhcp.reply import Way
from fibrix.wire.dhcp4.message import Op
from fibrix.wire.dhcp4.options import LEASE_TIME, MESSAGE, MESSAGE_TYPE, SERVER_IDENTIFIER, MessageType
from fibrix.wire.ethernet import BROADCAST
from tests.services.dhcp.rack import (
    EVERYONE,
    MAC,
    NOW,
    OTHER,
    RACK,
    RELAY,
    REMOTE,
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


def test_a_discover_is_answered_with_an_offer_that_binds_nothing() -> None:
    outcome = Rack().hear(discover())
    offer = reply(outcome)
    assert (kind(outcome), offer.op, offer.xid, offer.chaddr) == (
        OFFER,
        Op.REPLY,
        0x1234,
        bytes.fromhex("525400770001"),
    )
    assert offer.yiaddr in RACK.network
    assert (offer.get(SERVER_IDENTIFIER), offer.get(LEASE_TIME)) == (SERVER, 600)
    assert outcome.binding is None


def test_a_discover_is_told_to_the_bus_even_when_it_is_not_answered() -> None:
    rack = Rack(RackSnapshot(subnets=(msgspec.structs.replace(RACK, mode=SubnetMode.OBSERVE),)))
    outcome = rack.hear(discover(options={60: b"PXEClient:Arch:00007:UNDI:003000\x07"}))
    assert outcome.reply is None
    assert outcome.events == (
        DiscoverSeen(
            at=NOW, mac=MAC, interface="eth1", network_boot=True, vendor_class="PXEClient:Arch:00007:UNDI:003000"
        ),
    )


def test_an_acknowledgement_comes_with_its_binding_and_its_event() -> None:
    rack = Rack()
    address = reply(rack.hear(discover())).yiaddr
    outcome = rack.hear(request(server=SERVER, requested=address, options={12: b"box.example"}))
    assert (kind(outcome), reply(outcome).yiaddr, reply(outcome).get(LEASE_TIME)) == (ACK, address, 600)
    assert outcome.binding is not None
    assert (outcome.binding.mac, outcome.binding.address, outcome.binding.hostname) == (MAC, address, "box")
    assert outcome.events == (
        LeaseGranted(at=NOW, mac=MAC, address=address, subnet="rack", lease_s=600, hostname="box"),
    )


def test_nobody_answers_where_nothing_is_served() -> None:
    for interface, subnets in [("eth9", (RACK,)), ("eth1", (msgspec.structs.replace(RACK, mode=SubnetMode.OBSERVE),))]:
        rack = Rack(RackSnapshot(subnets=subnets))
        for spoken in (
            discover(),
            request(server=SERVER, requested=ip("10.77.0.100")),
            request(requested=ip("9.9.9.9")),
        ):
            outcome = rack.hear(spoken, interface=interface)
            assert (outcome.verdict, outcome.reply) == (Verdict.IGNORED, None)


def test_on_a_shared_wire_a_machine_gets_an_address_of_the_subnet_that_it_knows_or_that_has_one() -> None:
    empty = msgspec.structs.replace(REMOTE, interface="eth1", ranges=())
    rack = Rack(RackSnapshot(subnets=(empty, RACK)))
    assert rack.bind() in RACK.network
    roomy = msgspec.structs.replace(REMOTE, interface="eth1")
    rack.snapshot = RackSnapshot(subnets=(roomy, RACK))
    assert reply(rack.hear(discover())).yiaddr in RACK.network
    assert reply(rack.hear(discover(OTHER))).yiaddr in REMOTE.network


def test_a_full_pool_offers_nothing_and_says_why() -> None:
    rack = Rack()
    for number in range(4):
        rack.bind(type(MAC)(f"52:54:00:77:01:0{number}"))
    outcome = rack.hear(discover())
    assert (outcome.verdict, outcome.reply) == (Verdict.EXHAUSTED, None)
    assert outcome.reason == "all 4 addresses of the ranges of rack are in use"


# SELECTING


def test_a_client_that_chose_another_server_is_left_alone_and_its_offer_freed() -> None:
    rack = Rack()
    address = reply(rack.hear(discover())).yiaddr
    outcome = rack.hear(request(server=ip("10.77.0.9"), requested=address))
    assert (outcome.verdict, outcome.reply) == (Verdict.IGNORED, None)
    assert reply(rack.hear(discover(OTHER, requested=address))).yiaddr == address


def test_another_address_than_the_offered_one_is_refused() -> None:
    rack = Rack()
    offered = reply(rack.hear(discover(requested=ip("10.77.0.100")))).yiaddr
    outcome = rack.hear(request(server=SERVER, requested=ip("10.77.0.101")))
    assert (offered, kind(outcome)) == (ip("10.77.0.100"), NAK)
    assert reply(outcome).get(MESSAGE) == "10.77.0.100 was offered, not 10.77.0.101"


def test_an_offer_from_before_a_restart_is_honoured_while_the_address_is_free() -> None:
    assert kind(Rack().hear(request(server=SERVER, requested=ip("10.77.0.102")))) is ACK


def test_an_address_that_someone_else_got_meanwhile_is_refused() -> None:
    rack = Rack()
    taken = rack.bind(OTHER)
    outcome = rack.hear(request(server=SERVER, requested=taken))
    assert (kind(outcome), outcome.binding, outcome.events) == (NAK, None, ())
    assert outcome.reason == f"{taken} is bound to {OTHER}"


def test_a_request_without_an_address_is_refused() -> None:
    assert kind(Rack().hear(request(server=SERVER))) is NAK


# INIT-REBOOT


def test_a_rebooted_client_gets_its_address_confirmed() -> None:
    rack = Rack()
    address = rack.bind()
    rack.wait(5_000)  # long expired, but still its own
    assert kind(rack.hear(request(requested=address))) is ACK


def test_a_rebooted_client_of_another_network_is_refused() -> None:
    outcome = Rack().hear(request(requested=ip("192.168.5.5")))
    assert (kind(outcome), outcome.reason) == (NAK, "192.168.5.5 is not on this network")


def test_a_rebooted_client_with_another_address_than_ours_is_refused() -> None:
    rack = Rack()
    address = rack.bind()
    assert kind(rack.hear(request(requested=address + 1))) is NAK


def test_a_rebooted_client_that_we_know_nothing_of_hears_nothing() -> None:
    outcome = Rack().hear(request(requested=ip("10.77.0.100")))
    assert (outcome.verdict, outcome.reply, outcome.reason) == (Verdict.IGNORED, None, "no record of this client")


def test_a_rebooted_client_is_sent_to_its_new_reservation() -> None:
    rack = Rack()
    address = rack.bind()
    reserved = msgspec.structs.replace(RACK, reservations=(Reservation(mac=MAC, address=ip("10.77.0.9")),))
    rack.snapshot = RackSnapshot(subnets=(reserved,))
    assert kind(rack.hear(request(requested=address))) is NAK
    assert reply(rack.hear(discover())).yiaddr == ip("10.77.0.9")
    assert kind(rack.hear(request(requested=ip("10.77.0.9")))) is ACK


# RENEWING and REBINDING


@pytest.mark.parametrize("to", [SERVER, EVERYONE])
def test_a_lease_is_extended_from_now_and_answered_directly(to: IPv4Address) -> None:
    rack = Rack()
    address = rack.bind()
    rack.wait(300)
    outcome = rack.hear(request(ciaddr=address), to=to)
    assert kind(outcome) is ACK
    assert outcome.reply is not None
    assert (outcome.reply.way, outcome.reply.destination) == (Way.ROUTED, address)
    assert outcome.binding is not None
    assert (outcome.binding.expires_at - rack.now).total_seconds() == 600
    assert outcome.binding.since == NOW


def test_a_renewal_that_we_have_no_record_of_is_trusted_if_the_address_is_free() -> None:
    assert kind(Rack().hear(request(ciaddr=ip("10.77.0.101")), to=SERVER)) is ACK


def test_a_rebinding_that_we_have_no_record_of_is_another_servers() -> None:
    outcome = Rack().hear(request(ciaddr=ip("10.77.0.101")))
    assert (outcome.verdict, outcome.reply) == (Verdict.IGNORED, None)


def test_extending_someone_elses_address_is_refused() -> None:
    rack = Rack()
    taken = rack.bind(OTHER)
    assert kind(rack.hear(request(ciaddr=taken), to=SERVER)) is NAK


def test_extending_an_address_that_was_taken_out_of_the_ranges_is_refused() -> None:
    rack = Rack()
    address = rack.bind()
    rack.snapshot = RackSnapshot(subnets=(msgspec.structs.replace(RACK, ranges=()),))
    assert kind(rack.hear(request(ciaddr=address), to=SERVER)) is NAK


def test_a_client_that_moved_here_with_an_address_from_elsewhere_is_refused() -> None:
    outcome = Rack().hear(request(ciaddr=ip("192.168.5.5")))
    assert (kind(outcome), outcome.reason) == (NAK, "192.168.5.5 is not on this network")


def test_a_renewal_from_a_network_that_is_served_nowhere_is_left_alone() -> None:
    outcome = Rack().hear(request(ciaddr=ip("192.168.5.5")), to=SERVER, interface="eth9")
    assert (outcome.verdict, outcome.reply) == (Verdict.IGNORED, None)


def test_a_request_that_fits_no_state_is_left_alone() -> None:
    outcome = Rack().hear(request())
    assert (outcome.verdict, outcome.reason) == (Verdict.IGNORED, "a request for no address")


# DECLINE, RELEASE, INFORM


def test_a_declined_address_rests_and_the_client_gets_another() -> None:
    rack = Rack()
    address = rack.bind()
    outcome = rack.hear(message(MessageType.DECLINE, server=SERVER, requested=address))
    assert (outcome.verdict, outcome.reply) == (Verdict.DECLINED, None)
    assert outcome.binding is not None
    assert outcome.binding.state is BindingState.DECLINED
    assert reply(rack.hear(discover(requested=address))).yiaddr != address


def test_an_address_is_released_only_by_who_has_it_and_to_who_gave_it() -> None:
    rack = Rack()
    address = rack.bind()
    for spoken in (
        message(MessageType.RELEASE, OTHER, server=SERVER, ciaddr=address),
        message(MessageType.RELEASE, server=ip("10.77.0.9"), ciaddr=address),
        message(MessageType.DECLINE, OTHER, server=SERVER, requested=address),
    ):
        assert rack.hear(spoken, to=SERVER).verdict is Verdict.IGNORED
    outcome = rack.hear(message(MessageType.RELEASE, server=SERVER, ciaddr=address), to=SERVER)
    assert (outcome.verdict, outcome.reply) == (Verdict.RELEASED, None)
    assert outcome.binding is not None
    assert outcome.binding.expires_at == rack.now


def test_a_release_to_our_own_address_that_names_no_server_counts_as_systemd_networkd_sends_it() -> None:
    rack = Rack()
    address = rack.bind()
    spoken = message(MessageType.RELEASE, ciaddr=address)
    assert rack.hear(spoken).verdict is Verdict.IGNORED  # to everyone: whose lease is meant?
    assert rack.hear(spoken, to=SERVER).verdict is Verdict.RELEASED


def test_a_client_that_informs_gets_parameters_but_no_lease() -> None:
    outcome = Rack().hear(message(MessageType.INFORM, ciaddr=ip("10.77.0.50"), options={55: bytes((1, 3, 6, 51))}))
    ack = reply(outcome)
    assert (kind(outcome), ack.yiaddr, outcome.binding) == (ACK, ip("0.0.0.0"), None)
    assert (LEASE_TIME.code in ack.options, 3 in ack.options, 6 in ack.options) == (False, True, True)
    assert outcome.reply is not None
    assert (outcome.reply.way, outcome.reply.destination) == (Way.ROUTED, ip("10.77.0.50"))


def test_a_client_that_informs_without_an_address_of_ours_hears_nothing() -> None:
    for ciaddr in (ip("0.0.0.0"), ip("192.168.5.5")):
        assert Rack().hear(message(MessageType.INFORM, ciaddr=ciaddr)).reply is None


# Ways of a reply, RFC 2131 §4.1


def test_a_client_without_an_address_gets_a_frame_to_its_mac() -> None:
    outcome = Rack().hear(discover())
    assert outcome.reply is not None
    assert (outcome.reply.way, outcome.reply.hardware, outcome.reply.source) == (Way.FRAME, MAC, SERVER)
    assert outcome.reply.destination == reply(outcome).yiaddr


def test_a_client_that_asks_for_broadcast_gets_it() -> None:
    outcome = Rack().hear(discover(flags=0x8000))
    assert outcome.reply is not None
    assert (outcome.reply.hardware, outcome.reply.destination) == (BROADCAST, EVERYONE)
    assert reply(outcome).flags == 0x8000


def test_a_refusal_is_broadcast_and_carries_no_addresses() -> None:
    outcome = Rack().hear(request(ciaddr=ip("192.168.5.5")))
    assert outcome.reply is not None
    assert (outcome.reply.hardware, outcome.reply.destination) == (BROADCAST, EVERYONE)
    nak = reply(outcome)
    assert {nak.ciaddr, nak.yiaddr, nak.siaddr} == {ip("0.0.0.0")}
    assert LEASE_TIME.code not in nak.options


def test_a_relayed_client_is_answered_through_its_relay_with_the_relays_option_last() -> None:
    rack = Rack(RackSnapshot(subnets=(RACK, REMOTE)))
    circuit = bytes.fromhex("0104aabbccdd")
    outcome = rack.hear(discover(giaddr=RELAY, options={82: circuit, 61: b"\1id"}), to=SERVER)
    offer = reply(outcome)
    assert offer.yiaddr in REMOTE.network
    assert offer.giaddr == RELAY
    assert list(offer.options.items())[-1] == (82, circuit)
    assert outcome.reply is not None
    assert (outcome.reply.way, outcome.reply.destination) == (Way.RELAY, RELAY)
    refusal = rack.hear(request(server=SERVER, requested=ip("1.2.3.4"), giaddr=RELAY), to=SERVER)
    assert (kind(refusal), reply(refusal).broadcast) == (NAK, True)


def test_a_client_behind_a_relay_renews_past_it() -> None:
    rack = Rack(RackSnapshot(subnets=(RACK, REMOTE)))
    address = reply(rack.hear(discover(giaddr=RELAY), to=SERVER)).yiaddr
    rack.hear(request(server=SERVER, requested=address, giaddr=RELAY), to=SERVER)
    outcome = rack.hear(request(ciaddr=address), to=SERVER)
    assert (kind(outcome), outcome.reply.destination if outcome.reply else None) == (ACK, address)


def test_a_relay_that_no_subnet_belongs_to_gets_nothing() -> None:
    outcome = Rack().hear(discover(giaddr=RELAY))
    assert (outcome.verdict, outcome.reason) == (Verdict.IGNORED, f"no subnet of relay {RELAY} is served")


# One machine, many clients


def test_a_machine_keeps_its_address_through_all_its_client_identifiers() -> None:
    rack = Rack()
    address = rack.bind()
    for identifier in (b"\0rom", b"\1" + bytes.fromhex("525400770001"), b"\xff\0\1\2\3installed system"):
        offer = reply(rack.hear(discover(options={61: identifier})))
        assert offer.yiaddr == address
        assert offer.options[61] == identifier  # RFC 6842


def test_the_message_type_of_every_answer_is_first() -> None:
    assert next(iter(reply(Rack().hear(discover())).options)) == MESSAGE_TYPE.code
