import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fibrix.wire.websocket import (
    MESSAGE_BYTES,
    CloseCode,
    Message,
    Opcode,
    Receiver,
    WebSocketError,
    close_code,
    encode,
    encode_close,
)

MASK = bytes.fromhex("37fa213d")


def client(first: int, payload: bytes = b"", *, masked: bool = True, length: int | None = None) -> bytes:
    """A client's frame, as RFC 6455 §5.2 draws it; `length` for one that lies."""
    size = len(payload) if length is None else length
    bit = 0x80 if masked else 0
    if size < 126:
        header = bytes((first, bit | size))
    elif size < 1 << 16:
        header = struct.pack(">BBH", first, bit | 126, size)
    else:
        header = struct.pack(">BBQ", first, bit | 127, size)
    if not masked:
        return header + payload
    return header + MASK + bytes(octet ^ MASK[i % 4] for i, octet in enumerate(payload))


def test_the_examples_of_the_rfc() -> None:
    """RFC 6455 §5.7."""
    assert encode(Opcode.TEXT, b"Hello") == bytes.fromhex("810548656c6c6f")
    assert Receiver().receive(bytes.fromhex("818537fa213d7f9f4d5158")) == [Message(Opcode.TEXT, b"Hello")]
    assert encode(Opcode.BINARY, bytes(256))[:4] == bytes.fromhex("827e0100")
    assert encode(Opcode.BINARY, bytes(65536))[:10] == bytes.fromhex("827f0000000000010000")
    assert Receiver().receive(bytes.fromhex("8a8537fa213d7f9f4d5158")) == [Message(Opcode.PONG, b"Hello")]


def test_a_control_frame_may_stand_between_fragments() -> None:
    data = client(0x01, b"Hel") + client(0x89, b"?") + client(0x00, b"l") + client(0x80, b"o") + client(0x82, b"x")
    assert Receiver().receive(data) == [
        Message(Opcode.PING, b"?"),
        Message(Opcode.TEXT, b"Hello"),
        Message(Opcode.BINARY, b"x"),
    ]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (client(0x83), CloseCode.PROTOCOL_ERROR),  # an opcode of the future
        (client(0x8F), CloseCode.PROTOCOL_ERROR),
        (client(0xC1, b"x"), CloseCode.PROTOCOL_ERROR),  # reserved bits
        (client(0x91, b"x"), CloseCode.PROTOCOL_ERROR),
        (client(0x81, b"x", masked=False), CloseCode.PROTOCOL_ERROR),
        (client(0x80, b"x"), CloseCode.PROTOCOL_ERROR),  # continues nothing
        (client(0x01, b"x") + client(0x81, b"y"), CloseCode.PROTOCOL_ERROR),  # within another
        (client(0x09, b"x"), CloseCode.PROTOCOL_ERROR),  # a ping in fragments
        (client(0x89, bytes(126)), CloseCode.PROTOCOL_ERROR),
        (client(0x81, b"\xff"), CloseCode.INVALID_DATA),
        (client(0x01, "ä".encode()[:1]) + client(0x80, b"x"), CloseCode.INVALID_DATA),
        (client(0x82, bytes(MESSAGE_BYTES + 1)), CloseCode.TOO_BIG),
        (client(0x82, length=1 << 63)[:10], CloseCode.TOO_BIG),
        (client(0x02, bytes(MESSAGE_BYTES)) + client(0x00, b"x"), CloseCode.TOO_BIG),
        (client(0x89) * 300, CloseCode.POLICY),
    ],
)
def test_what_breaks_the_protocol_is_refused_with_its_code(data: bytes, code: CloseCode) -> None:
    with pytest.raises(WebSocketError) as refused:
        Receiver().receive(data)
    assert refused.value.code is code


@given(st.lists(st.tuples(st.sampled_from([0x81, 0x82, 0x89, 0x8A]), st.text(max_size=30))), st.data())
def test_messages_come_whole_however_the_octets_are_cut(sent: list[tuple[int, str]], data: st.DataObject) -> None:
    octets = b"".join(client(first, text.encode()[:125]) for first, text in sent)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(octets)), max_size=8)))
    receiver, found = Receiver(), list[Message]()
    for start, end in zip([0, *cuts], [*cuts, len(octets)], strict=True):
        found += receiver.receive(octets[start:end])
    assert found == [Message(Opcode(first & 0xF), text.encode()[:125]) for first, text in sent]


@given(st.binary(max_size=300))
def test_any_octets_are_messages_or_refused(data: bytes) -> None:
    with suppress(WebSocketError):
        for message in Receiver().receive(data):
            assert len(message.payload) <= MESSAGE_BYTES


@given(st.binary(max_size=MESSAGE_BYTES))
def test_what_is_masked_is_read_as_it_was(payload: bytes) -> None:
    assert Receiver().receive(client(0x82, payload)) == [Message(Opcode.BINARY, payload)]


def test_a_close_frame_says_why() -> None:
    assert encode_close(CloseCode.TOO_SLOW, "too slow") == b"\x88\x0a" + (4008).to_bytes(2) + b"too slow"
    assert len(encode_close(4000, "ä" * 100)) == 2 + 2 + 122
    assert close_code(b"") == 1000
    assert close_code((4999).to_bytes(2) + b"bye") == 4999
    for payload in (b"x", (1005).to_bytes(2), (999).to_bytes(2), (5000).to_bytes(2), (1000).to_bytes(2) + b"\xff"):
        with pytest.raises(WebSocketError):
            close_code(payload)
