"""TFTP messages: the octets of the RFCs, what real clients send, and any garbage."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fibrix.errors import MalformedPacketError
from fibrix.wire.tftp import Ack, Data, Error, Message, OptionAck, Request, data_header, decode, to_netascii

CASES: list[tuple[Message, bytes]] = [
    (Request("a.kpxe"), b"\0\x01a.kpxe\0octet\0"),
    (Request("ä", "netascii", write=True), b"\0\x02\xc3\xa4\0netascii\0"),
    (Request("x", "octet", {"blksize": "1468", "tsize": "0"}), b"\0\x01x\0octet\0blksize\x001468\0tsize\x000\0"),
    (Data(0xFFFF, b"abc"), b"\0\x03\xff\xffabc"),
    (Data(1, b""), b"\0\x03\0\x01"),
    (Ack(7), b"\0\x04\0\x07"),
    (Error(1, "no"), b"\0\x05\0\x01no\0"),
    (OptionAck({"windowsize": "16"}), b"\0\x06windowsize\x0016\0"),
]

strings = st.text("ab0/.- \u00e4\u20ac\U0001d11e", max_size=40)
options = st.dictionaries(strings.filter(bool), strings, max_size=5)
numbers = st.integers(0, 0xFFFF)
messages = st.one_of(
    st.builds(Request, strings.filter(bool), strings, options, st.booleans()),
    st.builds(Data, numbers, st.binary(max_size=600)),
    st.builds(Ack, numbers),
    st.builds(Error, numbers, st.text("no space")),
    st.builds(OptionAck, options.filter(bool)),
)


@pytest.mark.parametrize(("message", "octets"), CASES, ids=str)
def test_messages_have_the_octets_of_the_rfcs(message: Message, octets: bytes) -> None:
    assert message.encode() == octets
    assert decode(octets) == message


@given(messages)
def test_what_is_encoded_is_read_back(message: Message) -> None:
    assert decode(message.encode()) == message


@given(st.binary(max_size=64) | st.builds(bytes.__add__, numbers.map(lambda n: (n % 8).to_bytes(2)), st.binary()))
def test_any_bytes_decode_or_are_refused(data: bytes) -> None:
    with suppress(MalformedPacketError):
        assert isinstance(decode(data), Message)


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"\0\x01",
        b"\0\x01name only\0",
        b"\0\x01name\0octet",
        b"\0\x01\0octet\0",
        b"\0\x01name\0octet\0blksize\0",
        b"\0\x01name\0octet\0\x001\0",
        b"\0\x01\xff\xfe\0octet\0",
        b"\0\x07\0\0",
        b"\0\x04\0",
    ],
    ids=repr,
)
def test_damaged_messages_are_refused(octets: bytes) -> None:
    with pytest.raises(MalformedPacketError):
        decode(octets)


def test_names_and_modes_are_read_in_any_case_and_the_first_of_an_option_counts() -> None:
    octets = b"\0\x01F\0OcTeT\0BlkSize\x00512\0blksize\x001024\0"
    assert decode(octets) == Request("F", "octet", {"blksize": "512"})


def test_zero_octets_after_a_request_are_padding() -> None:
    assert decode(b"\0\x01f\0octet\0\0\0\0\0") == Request("f")


def test_an_error_text_that_is_no_ascii_is_still_an_error() -> None:
    assert decode(b"\0\x05\0\x08gone \xe4") == Error(8, "gone ?")


def test_block_numbers_roll_over_to_zero() -> None:
    assert [data_header(number)[2:] for number in (65535, 65536, 65537)] == [b"\xff\xff", b"\0\0", b"\0\x01"]


def test_netascii_ends_lines_with_both_and_guards_a_lone_return() -> None:
    assert to_netascii(b"a\nb\r\n\r") == b"a\r\nb\r\0\r\n\r\0"
