"""What proxyDHCP says, and to whom; firmware's own messages come from the captures."""

from ipaddress import IPv4Address

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fibrix.domain.network import SubnetMode, UnknownPolicy
from fibrix.domain.rack import RackSnapshot
from fibrix.errors import MalformedPacketError
from fibrix.events.rack import DiscoverSeen
from fibrix.services.dhcp.outcome import Verdict
from fibrix.services.dhcp.proxy import Proposal, acknowledge
from fibrix.services.dhcp.query import Arrival, read
from fibrix.services.dhcp.reply import Way
from fibrix.wire.dhcp4.message import ANY, Message
from fibrix.wire.dhcp4.options import (
    BOOT_FILE_NAME,
    LEASE_TIME,
    MESSAGE_TYPE,
    SERVER_IDENTIFIER,
    SUBNET_MASK,
    VENDOR_CLASS,
    VENDOR_SPECIFIC,
    MessageType,
)
from tests.services.dhcp.rack import EVERYONE, RACK, REMOTE, SERVER, Rack, discover, ip, message, reply, request

PROXIED = msgspec.structs.replace(RACK, mode=SubnetMode.PROXY, ranges=())
BIOS = {60: b"PXEClient:Arch:00000:UNDI:002001", 93: b"\0\0", 97: b"\0" + bytes(range(16))}
UEFI = {60: b"PXEClient:Arch:00007:UNDI:003000", 93: b"\0\7", 97: b"\0" + bytes(range(16))}
UEFI_HTTP = {60: b"HTTPClient:Arch:00016:UNDI:003000", 93: b"\0\x10"}
IPXE = {60: b"PXEClient:Arch:00000:UNDI:002001", 77: b"iPXE", 93: b"\0\0", 175: b"\1\1\1"}
SCRIPT = "http://10.77.0.1:5248/boot/start.ipxe"
CLIENT = ip("10.77.0.150")


@pytest.fixture
def rack() -> Rack:
    return Rack(RackSnapshot(subnets=(PROXIED,)))


@pytest.mark.parametrize(
    ("options", "vendor_class", "file"),
    [
        (BIOS, "PXEClient", "undionly.kpxe"),
        (UEFI, "PXEClient", "ipxe.efi"),
        (IPXE, "PXEClient", SCRIPT),
        (UEFI_HTTP, "HTTPClient", "http://10.77.0.1:5248/boot/files/ipxe.efi"),
    ],
)
def test_a_boot_client_is_offered_its_file_and_no_address(
    rack: Rack, options: dict[int, bytes], vendor_class: str, file: str
) -> None:
    outcome = rack.hear(discover(options=options))
    said = reply(outcome)
    assert outcome.verdict is Verdict.OFFERED
    assert (said.yiaddr, said.siaddr, said.get(SERVER_IDENTIFIER)) == (ANY, SERVER, SERVER)
    assert said.get(MESSAGE_TYPE) is MessageType.OFFER
    assert (said.get(VENDOR_CLASS), said.get(BOOT_FILE_NAME), said.file) == (vendor_class, file, file.encode())
    assert said.get(LEASE_TIME) is None
    assert said.get(SUBNET_MASK) is None
    assert said.options.get(97) == options.get(97)


def test_a_pxe_client_is_told_to_take_the_file_without_a_menu_and_a_http_client_nothing_of_pxe(rack: Rack) -> None:
    assert reply(rack.hear(discover(options=BIOS))).get(VENDOR_SPECIFIC) == b"\x06\x01\x08\xff"
    assert reply(rack.hear(discover(options=UEFI_HTTP))).get(VENDOR_SPECIFIC) is None


def test_the_offer_goes_to_everyone_on_the_link_since_there_is_no_address_to_send_it_to(rack: Rack) -> None:
    sent = rack.hear(discover(options=BIOS)).reply
    assert sent is not None
    assert (sent.way, sent.source, sent.destination, sent.hardware) == (
        Way.FRAME,
        SERVER,
        EVERYONE,
        "ff:ff:ff:ff:ff:ff",
    )


def test_every_discover_is_seen_whoever_answers_it(rack: Rack) -> None:
    assert [type(event) for event in rack.hear(discover(options=BIOS)).events] == [DiscoverSeen]
    assert [type(event) for event in rack.hear(discover()).events] == [DiscoverSeen]


@pytest.mark.parametrize(
    "spoken",
    [
        discover(),
        request(server=ip("10.77.0.9"), requested=CLIENT, options=BIOS),
        request(requested=CLIENT),
        request(ciaddr=CLIENT),
        message(MessageType.RELEASE, server=ip("10.77.0.9"), ciaddr=CLIENT),
        message(MessageType.DECLINE, server=ip("10.77.0.9"), requested=CLIENT),
        message(MessageType.INFORM, ciaddr=CLIENT),
        discover(options={93: b"\0\x0b", 60: b"PXEClient:Arch:00011:UNDI:003000"}),  # no file for it
    ],
)
def test_all_that_is_for_the_other_server_is_left_to_it(rack: Rack, spoken: Message) -> None:
    outcome = rack.hear(spoken)
    assert (outcome.verdict, outcome.reply, outcome.binding) == (Verdict.IGNORED, None, None)
    assert outcome.reason


def test_an_unknown_machine_is_left_alone_where_those_are_ignored(rack: Rack) -> None:
    rack.snapshot = RackSnapshot(subnets=(msgspec.structs.replace(PROXIED, unknown=UnknownPolicy.IGNORE),))
    assert rack.hear(discover(options=BIOS)).reply is None


def test_on_an_observed_subnet_nothing_is_ever_answered(rack: Rack) -> None:
    rack.snapshot = RackSnapshot(subnets=(msgspec.structs.replace(RACK, mode=SubnetMode.OBSERVE),))
    for spoken in (discover(), discover(options=BIOS), request(ciaddr=CLIENT), request(requested=CLIENT)):
        assert rack.hear(spoken).reply is None


def test_a_client_behind_a_relay_is_offered_through_it_with_option_82_as_it_came(rack: Rack) -> None:
    rack.snapshot = RackSnapshot(subnets=(msgspec.structs.replace(REMOTE, mode=SubnetMode.PROXY, relayed=True),))
    relay = ip("10.78.0.254")
    outcome = rack.hear(discover(giaddr=relay, options=BIOS | {82: b"\1\4eth1"}), to=SERVER)
    assert outcome.reply is not None
    assert (outcome.reply.way, outcome.reply.destination) == (Way.RELAY, relay)
    said = reply(outcome)
    assert list(said.options)[-1] == 82
    assert (said.options[82], said.broadcast, said.giaddr) == (b"\1\4eth1", True, relay)


def test_a_link_that_the_relay_names_counts_more_than_its_address(rack: Rack) -> None:
    rack.snapshot = RackSnapshot(subnets=(msgspec.structs.replace(REMOTE, mode=SubnetMode.PROXY, relayed=True),))
    named = {82: b"\5\4" + ip("10.78.0.0").packed}
    assert rack.hear(discover(giaddr=ip("192.0.2.7"), options=BIOS | named)).reply is not None
    assert rack.hear(discover(giaddr=ip("192.0.2.7"), options=BIOS)).reply is None


def asked(spoken: Message, source: IPv4Address = CLIENT, rack_: RackSnapshot | None = None) -> Proposal | str:
    """What port 4011 says."""
    query = read(spoken.encode(1472), Arrival("", SERVER))
    return acknowledge(query, source, rack_ or RackSnapshot(subnets=(PROXIED,)), http_port=5248)


def test_a_client_that_asks_on_the_pxe_port_is_told_its_file_where_it_is() -> None:
    proposal = asked(request(ciaddr=CLIENT, options=BIOS))
    assert isinstance(proposal, Proposal)
    assert proposal.reply is not None
    said = Message.decode(proposal.reply.payload)
    assert (proposal.reply.destination, said.ciaddr, said.yiaddr) == (CLIENT, CLIENT, ANY)
    assert said.get(MESSAGE_TYPE) is MessageType.ACK
    assert (said.get(VENDOR_CLASS), said.file, said.siaddr) == ("PXEClient", b"undionly.kpxe", SERVER)


def test_the_boot_item_that_a_client_chose_is_given_back() -> None:
    proposal = asked(request(ciaddr=CLIENT, options=BIOS | {43: b"\0\x47\4\0\0\0\0\xff"}))
    assert isinstance(proposal, Proposal)
    assert proposal.reply is not None
    assert Message.decode(proposal.reply.payload).get(VENDOR_SPECIFIC) == b"\x47\4\0\0\0\0\6\1\x08\xff"


@pytest.mark.parametrize(
    ("spoken", "source"),
    [
        (discover(options=BIOS), CLIENT),
        (request(ciaddr=CLIENT, options=BIOS), ip("10.77.0.151")),  # whom would the answer hit?
        (request(ciaddr=ip("192.0.2.1"), options=BIOS), ip("192.0.2.1")),  # of no subnet of ours
        (request(options=BIOS), ip("0.0.0.0")),
    ],
)
def test_the_pxe_port_answers_nobody_else_and_says_why(spoken: Message, source: IPv4Address) -> None:
    assert isinstance(asked(spoken, source), str)


def test_the_pxe_port_has_nothing_for_clients_that_do_not_boot_or_subnets_that_are_served() -> None:
    plain = asked(request(ciaddr=CLIENT))
    assert isinstance(plain, Proposal)
    assert plain.reply is None
    assert isinstance(asked(request(ciaddr=CLIENT, options=BIOS), CLIENT, RackSnapshot(subnets=(RACK,))), str)


@given(st.binary(max_size=80), st.sampled_from([43, 60, 77, 82, 93, 97, 175]))
def test_any_octets_in_an_option_are_answered_or_refused(octets: bytes, code: int) -> None:
    rack = Rack(RackSnapshot(subnets=(PROXIED,)))
    for spoken in (
        discover(options=BIOS | {code: octets}),
        replace(discover(options=BIOS | {code: octets}), giaddr=ip("10.77.0.254")),
    ):
        try:
            rack.hear(spoken)
            asked(replace(spoken, options={**spoken.options, 53: b"\3"}))
        except MalformedPacketError:
            continue
