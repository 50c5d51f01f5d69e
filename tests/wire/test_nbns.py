"""NetBIOS names, against scapy and any bytes."""

from contextlib import suppress
from ipaddress import IPv4Address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.netbios import (
    NBNS_ADD_ENTRY,
    NBNSHeader,
    NBNSNodeStatusResponse,
    NBNSNodeStatusResponseService,
    NBNSQueryRequest,
    NBNSQueryResponse,
    NBNSRegistrationRequest,
    NBNSWackResponse,
)
from scapy.packet import Packet

from fibrix.errors import MalformedPacketError
from fibrix.wire.nbns import FILE_SERVER, MOST_NAMES, WORKSTATION, Message, Name, Operation
from tests.support.mutated import mutated

ADDRESS = IPv4Address("10.77.0.5")
MINE = Name("BOX", WORKSTATION, False, (ADDRESS,))  # noqa: FBT003

REGISTRATION = NBNSRegistrationRequest(QUESTION_NAME="BOX", SUFFIX=0x4141, NB_ADDRESS=str(ADDRESS))
ANSWER = NBNSQueryResponse(
    RR_NAME="BOX", SUFFIX=0x4341, ADDR_ENTRY=[NBNS_ADD_ENTRY(NB_ADDRESS=str(ADDRESS)), NBNS_ADD_ENTRY()]
)
STATUS = NBNSNodeStatusResponse(
    RR_NAME="*",
    NODE_NAME=[
        NBNSNodeStatusResponseService(NETBIOS_NAME=b"BOX".ljust(15), SUFFIX=0),
        NBNSNodeStatusResponseService(NETBIOS_NAME=b"WORKGROUP".ljust(15), SUFFIX=0, NAME_FLAGS=0x84),
    ],
    RDLENGTH=83,
    MAC_ADDRESS="52:54:00:77:00:01",
    STATISTICS=bytes(46),
)


def sent(body: Packet, operation: int, **fields: Any) -> bytes:
    return bytes(NBNSHeader(OPCODE=operation, **{"QDCOUNT": 0, **fields}) / body)


@pytest.mark.parametrize(
    ("operation", "kind"),
    [
        (5, Operation.REGISTRATION),
        (8, Operation.REFRESH),
        (9, Operation.REFRESH_ALSO),
        (15, Operation.MULTIHOMED_REGISTRATION),
    ],
)
def test_who_registers_a_name_claims_it(operation: int, kind: Operation) -> None:
    read = Message.decode(sent(REGISTRATION, operation, QDCOUNT=1, ARCOUNT=1, NM_FLAGS=0x11))
    assert (read.operation, read.response, read.names, read.claims) == (kind, False, (MINE,), (MINE,))


def test_a_group_is_told_from_a_host() -> None:
    group = NBNSRegistrationRequest(QUESTION_NAME="WORKGROUP", SUFFIX=0x4141, G=1, NB_ADDRESS=str(ADDRESS))
    (name,) = Message.decode(sent(group, 5, QDCOUNT=1, ARCOUNT=1)).claims
    assert (name.name, name.group) == ("WORKGROUP", True)


def test_who_releases_a_name_claims_nothing() -> None:
    read = Message.decode(sent(REGISTRATION, 6, QDCOUNT=1, ARCOUNT=1))
    assert (read.operation, read.names, read.claims) == (Operation.RELEASE, (MINE,), ())


def test_an_answer_claims_the_name_with_all_its_addresses() -> None:
    read = Message.decode(sent(ANSWER, 0, RESPONSE=1, ANCOUNT=1))
    assert read.claims == (Name("BOX", FILE_SERVER, False, (ADDRESS, IPv4Address("127.0.0.1"))),)  # noqa: FBT003
    assert Message.decode(sent(ANSWER, 0, RESPONSE=1, ANCOUNT=1, RCODE=3)).claims == ()


def test_who_asks_for_a_name_or_makes_others_wait_claims_nothing() -> None:
    asked = Message.decode(sent(NBNSQueryRequest(QUESTION_NAME="OTHER"), 0, QDCOUNT=1))
    assert (asked.operation, asked.names, asked.claims) == (Operation.QUERY, (), ())
    wait = Message.decode(sent(NBNSWackResponse(RR_NAME="OTHER"), 7, RESPONSE=1, ANCOUNT=1))
    assert (wait.operation, wait.claims) == (Operation.WAIT, ())


def test_a_servers_answer_to_a_registration_is_no_claim_of_its_own() -> None:
    assert Message.decode(sent(ANSWER, 5, RESPONSE=1, ANCOUNT=1)).claims == ()


def test_a_status_tells_all_names_and_the_mac() -> None:
    read = Message.decode(sent(STATUS, 0, RESPONSE=1, ANCOUNT=1))
    assert read.claims == (Name("BOX", WORKSTATION), Name("WORKGROUP", WORKSTATION, group=True))
    assert read.mac == bytes.fromhex("525400770001")


CODED = bytes(NBNSQueryRequest(QUESTION_NAME="BOX"))[:34]
HEAD = bytes.fromhex("0001 8500 0000 0001 0000 0000")


def record(kind: int, data: bytes) -> bytes:
    return HEAD + CODED + kind.to_bytes(2) + bytes.fromhex("0001 00000000") + len(data).to_bytes(2) + data


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\0" * 11, "no message"),
        (bytes.fromhex("0001 0000 0002 0000 0000 0000"), "2 questions"),
        (bytes.fromhex("0001 0000 0000 0002 0002 0001"), "5 records"),
        (bytes.fromhex("0001 0800 0000 0000 0000 0000"), "operation 1"),
        (HEAD + b"\x04ABCD\0", "is none"),
        (HEAD + b"\x20" + b"Z" * 32 + b"\0", "is none"),
        (HEAD + CODED[:20], "no end"),
        (HEAD + CODED, "ends before"),
        (record(0x20, bytes(6))[:-1], "cut off"),
        (record(0x20, bytes(7)), "7 octets"),
        (record(0x21, b""), "status"),
        (record(0x21, b"\x02" + bytes(24)), "status"),
    ],
)
def test_what_does_not_check_out_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(MalformedPacketError, match=reason):
        Message.decode(data)


def test_names_and_addresses_beyond_a_few_are_left_out() -> None:
    assert len(Message.decode(record(0x21, b"\xff" + bytes(255 * 18 + 46))).names) == MOST_NAMES
    assert len(Message.decode(record(0x20, bytes(600))).names[0].addresses) == MOST_NAMES


GOOD = [sent(REGISTRATION, 5, QDCOUNT=1, ARCOUNT=1), sent(ANSWER, 0, RESPONSE=1, ANCOUNT=1), sent(STATUS, 0, ANCOUNT=1)]


@given(mutated(GOOD) | st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with suppress(MalformedPacketError):
        for name in Message.decode(data).names:
            assert name.name.isprintable()
            assert len(name.name) <= 15
