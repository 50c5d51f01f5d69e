from contextlib import suppress
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.dhcp import BOOTP, DHCP

from fibrix.errors import MalformedPacketError
from fibrix.wire.dhcp4.message import Message, Op
from fibrix.wire.dhcp4.options import (
    DNS_SERVERS,
    HOST_NAME,
    LEASE_TIME,
    MESSAGE_TYPE,
    OPTIONS,
    REQUESTED_ADDRESS,
    MessageType,
)

MAC = bytes.fromhex("525400770001")
COOKIE = bytes.fromhex("63825363")
LARGEST = 65507  # octets of a UDP payload

addresses = st.ip_addresses(v=4)
texts = st.binary(max_size=60).filter(lambda text: b"\0" not in text)
payloads = st.dictionaries(st.integers(1, 254).filter(lambda code: code != 52), st.binary(max_size=400), max_size=20)
messages = st.builds(
    Message,
    op=st.sampled_from(Op),
    xid=st.integers(0, 0xFFFFFFFF),
    chaddr=st.binary(max_size=16),
    htype=st.integers(0, 255),
    hops=st.integers(0, 255),
    secs=st.integers(0, 0xFFFF),
    flags=st.integers(0, 0xFFFF),
    ciaddr=addresses,
    yiaddr=addresses,
    siaddr=addresses,
    giaddr=addresses,
    sname=texts,
    file=texts,
    options=payloads,
)


def raw(options: str, *, sname: str = "", file: str = "", op: int = 1, hlen: int = 6) -> bytes:
    head = bytes((op, 1, hlen, 0)) + bytes(24) + MAC + bytes(10)
    return (
        head
        + bytes.fromhex(sname).ljust(64, b"\0")
        + bytes.fromhex(file).ljust(128, b"\0")
        + COOKIE
        + bytes.fromhex(options)
    )


@given(messages)
def test_what_is_written_is_read_back(message: Message) -> None:
    data = message.encode(LARGEST)
    assert Message.decode(data) == message
    assert list(Message.decode(data).options) == list(message.options)
    assert len(data) >= 300


@given(messages, st.integers(548, 1472))
def test_a_message_keeps_its_limit_and_what_is_in_it_is_right(message: Message, limit: int) -> None:
    data = message.encode(limit)
    read = Message.decode(data)
    assert len(data) <= limit
    assert read.options.items() <= message.options.items()
    assert (read.sname, read.file) == (message.sname, message.file)


@given(st.binary(max_size=600) | st.binary(max_size=300).map(lambda area: raw("") + area))
def test_any_bytes_decode_or_are_refused(data: bytes) -> None:
    with suppress(MalformedPacketError):
        message = Message.decode(data)
        for option in OPTIONS.values():
            with suppress(MalformedPacketError):
                message.get(option)


@given(messages, st.data())
def test_a_flipped_octet_is_read_or_refused(message: Message, data: st.DataObject) -> None:
    octets = bytearray(message.encode(1472))
    octets[data.draw(st.integers(0, len(octets) - 1))] ^= data.draw(st.integers(1, 255))
    with suppress(MalformedPacketError):
        Message.decode(bytes(octets))


def test_options_that_do_not_fit_move_into_unused_fields_and_are_found_there() -> None:
    options = {53: b"\2", 43: bytes(250), 200: b"f" * 100, 201: b"s" * 50}
    data = Message(op=Op.REPLY, xid=1, chaddr=MAC, options=options).encode(548)
    assert len(data) <= 548
    assert Message.decode(data).options == options


def test_a_field_that_is_in_use_is_never_overloaded() -> None:
    options = {53: b"\2", 43: bytes(250), 200: b"f" * 100}
    data = Message(op=Op.REPLY, xid=1, chaddr=MAC, file=b"ipxe.efi", sname=b"10.77.0.1", options=options).encode(548)
    read = Message.decode(data)
    assert (read.file, read.sname) == (b"ipxe.efi", b"10.77.0.1")
    assert read.options == {53: b"\2", 43: bytes(250)}


def test_overloaded_fields_are_read_file_first_and_options_joined_over_them() -> None:
    message = Message.decode(raw("350101 340103 0c0161 ff", file="0c0162 ff", sname="0c0163 ff"))
    assert message.options == {53: b"\1", 12: b"abc"}
    assert (message.file, message.sname) == (b"", b"")


def test_an_overload_inside_an_overloaded_field_is_ignored() -> None:
    message = Message.decode(raw("340101 ff", file="340102 0c0162 ff", sname="616263"))
    assert (message.options, message.sname) == ({12: b"b"}, b"abc")


def test_one_malformed_option_does_not_hide_the_others() -> None:
    message = Message.decode(raw("350101 3203 0a4d00 0c0468 6f7374 ff"))
    assert (message.get(MESSAGE_TYPE), message.get(HOST_NAME)) == (MessageType.DISCOVER, "host")
    with pytest.raises(MalformedPacketError, match="option 50"):
        message.get(REQUESTED_ADDRESS)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the least is 240"),
        (raw("")[:239], "the least is 240"),
        (raw("")[:236] + b"abcd", "magic cookie"),
        (raw("ff", op=3), "op 3"),
        (raw("ff", hlen=17), "17 octets"),
        (raw("340104 ff"), "option 52"),
        (raw("340101 ff", file="0cff"), "beyond the end of the file field"),
        (raw("340102 ff", sname="0cff"), "beyond the end of the sname field"),
    ],
)
def test_what_is_no_message_is_refused_with_the_reason(data: bytes, reason: str) -> None:
    with pytest.raises(MalformedPacketError, match=reason):
        Message.decode(data)


def test_another_reader_sees_the_same_reply() -> None:
    message = Message(
        op=Op.REPLY,
        xid=0xCAFE0001,
        chaddr=MAC,
        flags=0x8000,
        yiaddr=IPv4Address("10.77.0.100"),
        siaddr=IPv4Address("10.77.0.1"),
        file=b"ipxe.efi",
        options={
            53: MESSAGE_TYPE.encode(MessageType.OFFER),
            51: LEASE_TIME.encode(600),
            6: DNS_SERVERS.encode((IPv4Address("9.9.9.9"), IPv4Address("10.77.0.1"))),
        },
    )
    seen = BOOTP(message.encode())
    assert (seen.op, seen.xid, seen.yiaddr, seen.siaddr) == (2, 0xCAFE0001, "10.77.0.100", "10.77.0.1")
    assert seen.file.rstrip(b"\0") == b"ipxe.efi"
    assert seen.chaddr[:6] == MAC
    options = [option for option in seen[DHCP].options if option != "pad"]
    assert options == [("message-type", 2), ("lease_time", 600), ("name_server", "9.9.9.9", "10.77.0.1"), "end"]


def test_what_another_writer_wrote_is_read() -> None:
    fields = [("message-type", "request"), ("requested_addr", "10.77.0.9"), ("hostname", b"box"), "end"]
    message = Message.decode(bytes(BOOTP(op=1, xid=7, chaddr=MAC, ciaddr="10.77.0.8") / DHCP(options=fields)))
    assert (message.op, message.xid, message.chaddr) == (Op.REQUEST, 7, MAC)
    assert message.ciaddr == IPv4Address("10.77.0.8")
    assert message.get(MESSAGE_TYPE) is MessageType.REQUEST
    assert message.get(REQUESTED_ADDRESS) == IPv4Address("10.77.0.9")
    assert message.get(HOST_NAME) == "box"
