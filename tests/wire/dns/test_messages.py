"""Queries, answers, what other servers answered: dnspython writes them and reads them, and any garbage."""

from contextlib import suppress

import dns.flags
import dns.message
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fibrix.errors import MalformedPacketError
from fibrix.wire.dns.answer import AnswerWriter, Section
from fibrix.wire.dns.codes import Flag, Rcode, RecordType, opcode_of, type_name
from fibrix.wire.dns.edns import Edns
from fibrix.wire.dns.heard import Heard
from fibrix.wire.dns.names import encode_name
from fibrix.wire.dns.query import bare_answer, decode_query
from fibrix.wire.dns.rdata import encode_rdata


def test_a_query_of_dnspython_is_read() -> None:
    asked = dns.message.make_query("WeB.Example", "AAAA", use_edns=0, payload=4096, want_dnssec=True)
    query = decode_query(asked.to_wire())
    assert (query.id, query.flags & Flag.RD, query.type, query.klass) == (asked.id, Flag.RD, 28, 1)
    assert query.name == b"\x03WeB\x07Example\0"
    assert query.edns == Edns(4096, 0, dnssec=True)
    assert query.limit == 4096
    assert decode_query(dns.message.make_query("a", "A", payload=100, use_edns=0).to_wire()).limit == 512


def test_an_ixfr_query_says_where_it_starts() -> None:
    asked = dns.message.make_query("rack.example", "IXFR")
    asked.authority.append(dns.rrset.from_text("rack.example.", 0, "IN", "SOA", "ns.a. h.a. 77 1 2 3 4"))
    assert decode_query(asked.to_wire()).serial == 77


def _twice_edns() -> bytes:
    wire = bytearray(dns.message.make_query("a", "A", use_edns=0).to_wire())
    wire[11] = 2
    return bytes(wire) + wire[-11:]


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        bytes(11),
        bytes(12),
        bytes(4) + b"\0\x02" + bytes(6) + b"\0\0\1\0\1" * 2,
        bytes(4) + b"\0\x01" + bytes(6) + b"\0\0\1\0",
        bytes(4) + b"\0\x01" + bytes(6) + b"\xc0\x0c\0\1\0\1",
        bytes(4) + b"\0\x01\0\x01" + bytes(4) + b"\0\0\1\0\1",
        dns.message.make_query("a", "A", use_edns=0).to_wire()[:-1],
        _twice_edns(),
    ],
)
def test_what_is_no_query_is_refused(octets: bytes) -> None:
    with pytest.raises(MalformedPacketError):
        decode_query(octets)


@given(st.binary(max_size=200) | st.binary(max_size=80).map(lambda tail: bytes(4) + b"\0\1" + bytes(6) + b"\0" + tail))
def test_any_bytes_are_a_query_or_refused(data: bytes) -> None:
    with suppress(MalformedPacketError):
        assert decode_query(data).question in data


def test_an_answer_is_compressed_and_dnspython_reads_it() -> None:
    question = encode_name("Mail.Rack.Example") + b"\0\x0f\0\1"
    writer = AnswerWriter(question)
    owner, target = encode_name("mail.rack.example"), encode_name("mx.rack.example")
    data = (encode_rdata("MX", "10 mx.rack.example"), encode_rdata("MX", "20 mail.rack.example"))
    assert writer.add(Section.ANSWER, owner, RecordType.MX, 300, data)
    assert writer.add(Section.ADDITIONAL, target, RecordType.A, 60, (encode_rdata("A", "192.0.2.1"),))
    writer.add_raw(Section.ADDITIONAL, Edns(1232).encode())
    octets = writer.done(7, Flag.QR | Flag.AA)
    theirs = dns.message.from_wire(octets)
    assert str(theirs.question[0]) == "Mail.Rack.Example. IN MX"
    assert {str(item).lower() for item in theirs.answer[0]} == {"10 mx.rack.example.", "20 mail.rack.example."}
    assert str(theirs.additional[0]).lower() == "mx.rack.example. 60 in a 192.0.2.1"
    assert len(octets) == 12 + len(question) + (12 + 7) + (12 + 4) + (12 + 4) + 11


def test_a_set_that_does_not_fit_is_left_out_whole() -> None:
    writer = AnswerWriter(encode_name("a") + b"\0\1\0\1", 100)
    owner, addresses = encode_name("b.c"), tuple(bytes([192, 0, 2, n]) for n in range(6))
    assert not writer.add(Section.ANSWER, owner, 1, 1, addresses)
    assert writer.size == 12 + 7
    assert writer.add(Section.ANSWER, encode_name("c"), 1, 1, addresses[:1])
    assert [str(rrset) for rrset in dns.message.from_wire(writer.done(1, 0x8000)).answer] == ["c. 1 IN A 192.0.2.0"]
    writer.truncate()
    short = dns.message.from_wire(writer.done(1, 0x8000))
    assert short.flags & dns.flags.TC
    assert not short.answer


def test_codes_have_names() -> None:
    assert [type_name(code) for code in (1, 257, 6666)] == ["A", "CAA", "TYPE6666"]
    assert opcode_of(0x2800) == 5
    assert bare_answer(b"\x12\x34\x29\x00" + bytes(8), Rcode.NOTIMP) == b"\x12\x34\xa9\x04" + bytes(8)


def heard(*, rcode: int = 0, ttls: tuple[int, ...] = (300, 60), soa: str = "", edns: bool = True) -> Heard:
    answer = dns.message.make_response(dns.message.make_query("WWW.example", "A", use_edns=0 if edns else False))
    answer.set_rcode(rcode)  # type: ignore[arg-type]
    for number, ttl in enumerate(ttls):
        answer.answer.append(dns.rrset.from_text(f"n{number}.example.", ttl, "IN", "A", f"192.0.2.{number}"))
    if soa:
        answer.authority.append(dns.rrset.from_text("example.", 900, "IN", "SOA", soa))
    return Heard.decode(answer.to_wire())


def test_an_answer_heard_is_told_on_with_what_is_left_of_its_ttls() -> None:
    known = heard()
    assert (known.ttl, known.counts, known.name) == (60, (2, 0, 0), b"\x03WWW\x07example\0")
    told = known.told(9, 0x8180, encode_name("wWw.eXample") + b"\0\1\0\1", 50, Edns(1232))
    theirs = dns.message.from_wire(told)
    assert (theirs.id, str(theirs.question[0])) == (9, "wWw.eXample. IN A")
    assert [rrset.ttl for rrset in theirs.answer] == [250, 10]
    assert theirs.edns == 0
    assert len(told) == known.size(Edns())
    bare = dns.message.from_wire(known.told(9, 0x8180, encode_name("www.example") + b"\0\1\0\1", 500, None))
    assert [rrset.ttl for rrset in bare.answer] == [0, 0]
    assert bare.edns == -1


def test_absence_is_kept_as_long_as_the_soa_says() -> None:
    assert heard(rcode=3, ttls=(), soa="a. b. 1 2 3 4 77").ttl == 77
    assert heard(rcode=3, ttls=(), soa="a. b. 1 2 3 4 7777").ttl == 900
    assert heard(rcode=3, ttls=()).ttl == 0
    assert heard(rcode=2, ttls=()).ttl == 0


@given(st.binary(max_size=100).map(lambda tail: b"\0\1\x81\x80\0\1\0\1\0\1\0\1\0\0\1\0\1" + tail) | st.binary())
def test_any_bytes_are_an_answer_or_refused(data: bytes) -> None:
    with suppress(MalformedPacketError):
        known = Heard.decode(data)
        assert len(known.told(1, 0, known.body[:5], 1, None)) <= len(data)
