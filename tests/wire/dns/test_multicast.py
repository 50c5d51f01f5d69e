"""mDNS and LLMNR, against scapy, dnspython and any bytes."""

from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address
from struct import pack

import dns.message
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.dns import DNS, DNSQR, DNSRR, DNSRRHINFO, DNSRRSRV

from fibrix.errors import MalformedPacketError
from fibrix.wire.dns.multicast import HINFO, MOST_RECORDS, MOST_TEXTS, TENTATIVE, Message, Question, Record
from tests.support.mutated import mutated

HOST = ("box", "local")
KIND = ("_http", "_tcp", "local")
INSTANCE = ("My Büro 2.0", *KIND)
WIRE = b"\x0cMy B\xc3\xbcro 2.0\x05_http\x04_tcp\x05local\0"

RESPONSE = bytes(
    DNS(  # type: ignore[no-untyped-call]
        id=0,
        qr=1,
        aa=1,
        qd=[],
        an=[
            DNSRR(rrname="_http._tcp.local", type="PTR", ttl=4500, rdata="box._http._tcp.local"),
            DNSRRSRV(rrname="box._http._tcp.local", cacheflush=1, ttl=120, port=8080, target="box.local"),
            DNSRR(rrname="box._http._tcp.local", type="TXT", cacheflush=1, ttl=4500, rdata=[b"path=/", b"v=1"]),
        ],
        ar=[
            DNSRR(rrname="box.local", type="A", cacheflush=1, ttl=120, rdata="10.77.0.5"),
            DNSRR(rrname="box.local", type="AAAA", cacheflush=1, ttl=120, rdata="fe80::5"),
            DNSRRHINFO(rrname="box.local", cacheflush=1, ttl=120, cpu="X86_64", os="LINUX"),
            DNSRR(rrname="box.local", type="NS", ttl=120, rdata="box.local"),
            DNSRR(rrname="box.local", type="A", rclass=3, ttl=120, rdata="10.77.0.6"),
        ],
    ).compress()
)


def test_all_that_a_host_says_is_read() -> None:
    read = Message.decode(RESPONSE)
    assert (read.response, read.questions, read.authority) == (True, (), ())
    assert read.answers == (
        Record(KIND, 12, 4500, False, target=("box", *KIND)),  # noqa: FBT003
        Record(("box", *KIND), 33, 120, True, target=HOST, port=8080),  # noqa: FBT003
        Record(("box", *KIND), 16, 4500, True, texts=("path=/", "v=1")),  # noqa: FBT003
    )
    assert read.additional == (
        Record(HOST, 1, 120, True, address=IPv4Address("10.77.0.5")),  # noqa: FBT003
        Record(HOST, 28, 120, True, address=IPv6Address("fe80::5")),  # noqa: FBT003
        Record(HOST, HINFO, 120, True, texts=("X86_64", "LINUX")),  # noqa: FBT003
    )


def test_other_readers_see_the_same_names_and_values() -> None:
    other, ours = DNS(RESPONSE), Message.decode(RESPONSE)
    for seen, record in zip(other.an, ours.answers, strict=True):
        assert seen.rrname.decode() == ".".join(record.name) + "."
        assert (seen.type, seen.ttl) == (record.type, record.ttl_s)
    assert other.an[1].target.decode() == ".".join(ours.answers[1].target) + "."
    written = dns.message.make_response(dns.message.make_query("box.local", "A", id=0))
    written.answer.append(dns.rrset.from_text("box.local.", 60, "IN", "A", "10.77.0.5", "10.77.0.6"))
    read = Message.decode(written.to_wire())
    assert read.questions == (Question(HOST, 1),)
    assert sorted(str(record.address) for record in read.answers) == ["10.77.0.5", "10.77.0.6"]


def message(*sections: list[bytes], flags: int = 0x8400) -> bytes:
    counts = [len(section) for section in sections] + [0] * (4 - len(sections))
    return pack("!6H", 0, flags, *counts) + b"".join(octets for section in sections for octets in section)


def record(kind: int, data: bytes, name: bytes = b"\x03box\x05local\0", klass: int = 0x8001) -> bytes:
    return name + pack("!HHIH", kind, klass, 120, len(data)) + data


def test_a_name_keeps_its_case_its_dots_and_its_letters() -> None:
    read = Message.decode(message([], [record(16, b"\0", WIRE)]))
    assert read.answers[0].name == INSTANCE
    assert read.answers[0].texts == ()


def test_a_query_tells_what_is_claimed_and_what_is_known_of_others_apart() -> None:
    claim = DNSRR(rrname="box.local", type="A", rdata="10.77.0.5")
    known = DNSRR(rrname="_http._tcp.local", type="PTR", rdata="x._http._tcp.local")
    read = Message.decode(bytes(DNS(id=0, qd=[DNSQR(qname="box.local", qtype=255)], an=[known], ns=[claim])))
    assert not read.response
    assert read.questions == (Question(HOST, 255),)
    assert (read.answers[0].target[0], read.authority[0].address) == ("x", IPv4Address("10.77.0.5"))


def test_a_tentative_answer_of_llmnr_says_so() -> None:
    answer = [record(1, bytes((10, 77, 0, 5)), b"\x03box\0", 1)]
    question = [b"\x03box\0\0\x01\0\x01"]
    assert Message.decode(message(question, answer, flags=0x8100)).flags & TENTATIVE
    assert not Message.decode(message(question, answer, flags=0x8000)).flags & TENTATIVE


def test_long_messages_are_read_as_far_as_there_are_bounds() -> None:
    read = Message.decode(message([], [record(1, bytes(4), b"\0")] * 500))
    assert len(read.answers) == MOST_RECORDS
    assert len(Message.decode(message([], [record(16, b"\x01x" * 500)])).answers[0].texts) == MOST_TEXTS


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\0" * 11, "11 octets"),
        (bytes(9001), "9001 octets"),
        (message(flags=0x8800), "flags"),
        (message(flags=0x8403), "flags"),
        (message([b"\x03box\0\0\x01"]), "question"),
        (message([], [b"\x03box\0\0\x01"]), "ends before"),
        (message([], [record(1, bytes(4))[:-1]]), "cut off"),
        (message([], [record(1, bytes(16))]), "16 octets"),
        (message([], [record(28, bytes(4))]), "4 octets"),
        (message([], [record(12, b"\x01x\0\0")]), "does not fit"),
        (message([], [record(12, b"\x01x")]), "no end"),
        (message([], [record(33, bytes(6))]), "SRV"),
        (message([], [record(16, b"\x05x")]), "string"),
        (message([], [record(12, b"\xc0\xff")]), "points forward"),
        (message([], [b"\xc0\x0c" + bytes(10)]), "points forward"),
    ],
)
def test_what_does_not_check_out_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(MalformedPacketError, match=reason):
        Message.decode(data)


def test_pointers_without_end_are_refused() -> None:
    chain = b"\x01x\0" + b"".join((0xC000 | at).to_bytes(2) for at in (23, *range(26, 2000, 2)))
    data = message([], [record(10, chain, b"\0"), record(1, bytes(4), b"\xc7\xd0")])
    with pytest.raises(MalformedPacketError, match="points forward"):
        Message.decode(data)


def test_names_that_grow_by_pointers_are_bounded() -> None:
    long = record(10, b"\x01x" * 126 + b"\0", b"\0")
    with pytest.raises(MalformedPacketError, match="labels"):
        Message.decode(message([], [long] + [record(12, b"\xc0\x17", b"\xc0\x17")] * 100))


@given(
    mutated([RESPONSE])
    | st.binary(max_size=300)
    | st.lists(st.builds(record, st.sampled_from([1, 12, 13, 16, 28, 33]), st.binary(max_size=20)), max_size=5).map(
        lambda records: message([], records)
    )
)
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with suppress(MalformedPacketError):
        read = Message.decode(data)
        for one in (*read.answers, *read.authority, *read.additional):
            assert all(word.isprintable() and len(word) <= 255 for word in (*one.name, *one.target, *one.texts))
