"""Handshakes and frames of every malformed kind: refused in words, or closed by the protocol, and nothing else."""

import asyncio
import socket
import struct
from typing import Any

import pytest

from fibrix.wire.websocket import CloseCode
from tests.support.site import Site
from tests.support.streams import handshake, raw, read_all, updated

MASK = b"\x01\x02\x03\x04"


def frame(first: int, payload: bytes = b"", *, masked: bool = True) -> bytes:
    """A client's frame of less than 126 octets."""
    bit = 0x80 if masked else 0
    text = bytes(octet ^ MASK[i % 4] for i, octet in enumerate(payload)) if masked else payload
    return bytes((first, bit | len(payload))) + (MASK if masked else b"") + text


async def answer(site: Site, *sent: bytes) -> tuple[str, bytes]:
    """Send this and read to the end; the head of the answer and what follows it."""
    peer = raw(site.port, sent[0])
    for piece in sent[1:]:
        await asyncio.sleep(0.02)
        peer.sendall(piece)
    head, _, rest = (await asyncio.to_thread(read_all, peer)).partition(b"\r\n\r\n")
    return head.decode(), rest


@pytest.mark.parametrize(
    ("changed", "status", "words"),
    [
        ({"Upgrade": ""}, 426, "ask for an upgrade"),
        ({"Upgrade": "h2c"}, 426, "ask for an upgrade"),
        ({"Connection": "close"}, 426, "ask for an upgrade"),
        ({"Sec_WebSocket_Version": "12"}, 426, "must be 13"),
        ({"Sec_WebSocket_Version": ""}, 426, "must be 13"),
        ({"Sec_WebSocket_Key": ""}, 400, "16 octets"),
        ({"Sec_WebSocket_Key": "dGhlIHNhbXBsZQ=="}, 400, "16 octets"),
        ({"Sec_WebSocket_Key": "\x80\xff" * 12}, 400, "16 octets"),
        ({"Sec_WebSocket_Protocol": "mqtt, graphql-ws"}, 400, "cloudevents.json"),
        ({"Authorization": "Bearer wrong"}, 401, "API key"),
        ({"query": "since=-1"}, 422, "sequence number"),
        ({"query": "since=%D9%A1"}, 422, "sequence number"),
        ({"query": "colour=red"}, 422, "colour"),
        ({"query": "type=a%20b"}, 422, "is none"),
        ({"query": "heartbeat=-1"}, 422, "heartbeat"),
        ({"query": "heartbeat=99999"}, 422, "heartbeat"),
    ],
)
async def test_a_bad_handshake_is_refused_in_words(
    site: Site, changed: dict[str, Any], status: int, words: str
) -> None:
    head, rest = await answer(site, handshake(**changed))
    assert head.startswith(f"HTTP/1.1 {status} ")
    assert "application/problem+json" in head
    assert words in rest.decode()
    if status == 426:
        assert "Sec-WebSocket-Version: 13" in head


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (frame(0x83), CloseCode.PROTOCOL_ERROR),
        (frame(0xF1, b"x"), CloseCode.PROTOCOL_ERROR),
        (frame(0x81, b"x", masked=False), CloseCode.PROTOCOL_ERROR),
        (frame(0x80, b"x"), CloseCode.PROTOCOL_ERROR),
        (frame(0x01, b"x") + frame(0x81, b"y"), CloseCode.PROTOCOL_ERROR),
        (frame(0x09), CloseCode.PROTOCOL_ERROR),
        (frame(0x88, b"x"), CloseCode.PROTOCOL_ERROR),
        (frame(0x88, (1005).to_bytes(2)), CloseCode.PROTOCOL_ERROR),
        (frame(0x81, b"\xc3\x28"), CloseCode.INVALID_DATA),
        (frame(0x88, (1000).to_bytes(2) + b"\xff"), CloseCode.INVALID_DATA),
        (b"\x82\xff" + struct.pack(">Q", 1 << 62), CloseCode.TOO_BIG),
        (frame(0x02, bytes(125)) * 40, CloseCode.PROTOCOL_ERROR),
        (frame(0x8A) * 3000, CloseCode.POLICY),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", CloseCode.PROTOCOL_ERROR),
        (frame(0x88, (1000).to_bytes(2)), CloseCode.NORMAL),
        (frame(0x88), CloseCode.NORMAL),
    ],
)
@pytest.mark.parametrize("at_once", [True, False])
async def test_frames_that_break_the_protocol_end_it_with_its_code(
    site: Site, sent: bytes, code: CloseCode, *, at_once: bool, caplog: pytest.LogCaptureFixture
) -> None:
    head, rest = await (answer(site, handshake() + sent) if at_once else answer(site, handshake(), sent))
    assert head.startswith("HTTP/1.1 101 ")
    assert "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head  # RFC 6455 §1.3
    assert rest[0] == 0x88
    assert int.from_bytes(rest[2:4]) == code
    assert not caplog.records
    assert await all_streams_end()


async def all_streams_end() -> bool:
    """Whether no task of a stream is left, within two seconds."""
    for _ in range(200):
        if all(task.get_name() != "stream sender" for task in asyncio.all_tasks()):
            return True
        await asyncio.sleep(0.01)
    return False


async def test_a_ping_is_answered_and_messages_are_ignored(site: Site) -> None:
    sent = frame(0x81, b"hello") + frame(0x01, b"he") + frame(0x89, b"there?") + frame(0x80, b"llo") + frame(0x88)
    _, rest = await answer(site, handshake(), sent)
    assert rest == b"\x8a\x06there?\x88\x02\x03\xe8"


async def test_connections_that_just_break_off_leave_nothing(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    for sent in (handshake()[:50], handshake(), handshake() + b"\x81", handshake() + frame(0x01, b"x")):
        peer = raw(site.port, sent)
        await site.say(updated())
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # with a reset
        peer.close()
    await site.say(updated())
    assert await all_streams_end()
    assert not [record for record in caplog.records if record.levelname in {"ERROR", "CRITICAL"}]
