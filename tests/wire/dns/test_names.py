"""Names and records' data: the octets of the RFCs, dnspython as second reader, and any garbage."""

from contextlib import suppress

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fibrix.errors import InvalidError, MalformedPacketError
from fibrix.wire.dns.names import encode_name, is_below, name_text, parent, read_name, skip_name
from fibrix.wire.dns.rdata import SHAPES, decode_rdata, encode_rdata

wires = (
    st.lists(st.binary(min_size=1, max_size=20), max_size=8)
    .map(lambda labels: b"".join(len(label).to_bytes(1) + label for label in labels) + b"\0")
    .map(bytes.lower)
)


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("", b"\0"),
        ("example", b"\x07example\0"),
        ("*.rack.example", b"\x01*\x04rack\x07example\0"),
        ("0/25.2.0.192.in-addr.arpa", b"\x040/25\x012\x010\x03192\x07in-addr\x04arpa\0"),
        ("a\\.b.c", b"\x03a.b\x01c\0"),
        ("a\\\\.c", b"\x02a\\\x01c\0"),
        ("\\000\\255.c", b"\x02\x00\xff\x01c\0"),
    ],
)
def test_names_have_the_octets_of_the_rfc(text: str, octets: bytes) -> None:
    assert encode_name(text) == octets
    assert name_text(octets) == text


def test_a_final_dot_is_taken_and_case_kept() -> None:
    assert encode_name("Web.Example.") == b"\x03Web\x07Example\0"
    assert name_text(b"\x03Web\x07Example\0") == "web.example"


@pytest.mark.parametrize("text", ["a..b", ".a", "a" * 64, ".".join(["a" * 63] * 4), "\u00e4.example", "a\\", "a\\999"])
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(InvalidError):
        encode_name(text)


@given(wires.filter(lambda wire: len(wire) <= 255))
def test_every_name_is_read_back_and_dnspython_agrees(wire: bytes) -> None:
    text = name_text(wire)
    assert encode_name(text) == wire
    assert dns.name.from_text(text + "." if text else ".").to_wire() == wire
    labels = 0
    while text:
        assert is_below(name_text(wire), text)
        text, labels = parent(text), labels + 1
    assert labels == len(dns.name.from_wire(wire, 0)[0].labels) - 1


def test_below_goes_by_labels() -> None:
    assert is_below("a.b", "b")
    assert is_below("b", "b")
    assert is_below("b", "")
    assert not is_below("ab", "b")
    assert not is_below("a\\.b", "b")
    assert not is_below("b", "a.b")


def test_compressed_names_are_followed_and_loops_refused() -> None:
    message = b"\x07example\0\x03www\xc0\x00\x01a\xc0\x09"
    assert read_name(message, 9) == (b"\x03www\x07example\0", 15)
    assert read_name(message, 15) == (b"\x01a\x03www\x07example\0", 19)
    assert skip_name(message, 15) == 19
    for loop in (
        b"\xc0\x00",
        b"\x01a\xc0\x00",
        b"\xc0\x02\xc0\x00",
        b"\x01a\xc0\xff",
        b"\x40",
        b"\x80aa",
        b"",
        b"\x05a",
    ):
        with pytest.raises(MalformedPacketError):
            read_name(loop, 0)


@given(st.binary(max_size=600) | st.lists(st.sampled_from([b"\xc0", b"\0", b"\x01a", b"\x02"])).map(b"".join))
def test_any_bytes_are_a_name_or_refused_and_dnspython_agrees(data: bytes) -> None:
    with suppress(MalformedPacketError):
        name, end = read_name(data, 0)
        theirs, length = dns.name.from_wire(data, 0)
        assert (name, end) == (theirs.to_wire(), length)
        assert len(name) <= 255


VALUES = [
    ("A", "192.0.2.1"),
    ("AAAA", "2001:db8::1"),
    ("NS", "ns1.rack.example"),
    ("CNAME", "web.rack.example"),
    ("PTR", "web.rack.example"),
    ("MX", "10 mail.rack.example"),
    ("MX", "0 ."),
    ("SRV", "0 5 5060 sip.rack.example"),
    ("SRV", "0 0 0 ."),
    ("TXT", '"v=spf1 -all"'),
    ("TXT", '"a \\"quote\\" and \\\\" "\\195\\164\\000"'),
    ("TXT", '""'),
    ("CAA", '0 issue "ca.example; account=1"'),
    ("CAA", '128 iodef ""'),
    ("SOA", "ns1.example hostmaster.example 1 3600 600 604800 60"),
]


@pytest.mark.parametrize(("kind", "value"), VALUES)
def test_values_are_read_back_and_dnspython_reads_the_same(kind: str, value: str) -> None:
    octets = encode_rdata(kind, value)
    assert decode_rdata(kind, octets) == value
    theirs = dns.rdata.from_text(
        dns.rdataclass.IN, dns.rdatatype.from_text(kind), value, dns.name.root, relativize=False
    )
    assert theirs.to_wire() == octets


def test_text_may_be_written_in_other_ways() -> None:
    assert encode_rdata("TXT", "bare words") == b"\x04bare\x05words"
    assert encode_rdata("TXT", '"\u00e4"') == b"\x02\xc3\xa4"
    assert encode_rdata("MX", " 10  Mail.example. ") == b"\0\x0a\x04Mail\x07example\0"


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("A", "192.0.2"),
        ("A", "2001:db8::1"),
        ("AAAA", "192.0.2.1"),
        ("MX", "mail.example"),
        ("MX", "70000 mail.example"),
        ("MX", "-1 mail.example"),
        ("SRV", "0 5 sip.example"),
        ("TXT", ""),
        ("TXT", '"open'),
        ("TXT", '"\\400"'),
        ("TXT", '"' + "x" * 256 + '"'),
        ("CAA", "0 issue"),
        ("CAA", '0 is-sue "x"'),
        ("CNAME", "a..b"),
        ("HINFO", "x y"),
    ],
)
def test_values_that_cannot_be_are_refused_in_words(kind: str, value: str) -> None:
    with pytest.raises(InvalidError, match=kind):
        encode_rdata(kind, value)


@given(st.sampled_from(sorted(SHAPES)), st.binary(max_size=80))
def test_any_data_is_read_or_refused(kind: str, data: bytes) -> None:
    with suppress(MalformedPacketError):
        assert decode_rdata(kind, encode_rdata(kind, decode_rdata(kind, data))) == decode_rdata(kind, data)


@given(st.sampled_from(sorted(SHAPES)), st.text(max_size=40))
def test_any_value_is_taken_or_refused(kind: str, value: str) -> None:
    with suppress(InvalidError):
        octets = encode_rdata(kind, value)
        assert encode_rdata(kind, decode_rdata(kind, octets)).lower() == octets.lower()
