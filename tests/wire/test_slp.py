"""SLP: messages by RFC 2608's layout, and any bytes."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fibrix.errors import MalformedPacketError
from fibrix.wire.slp import DIRECTORY, MOST_URLS, REPLY, SERVICES, Message, Url
from tests.support.mutated import mutated

SERVICE = b"service:wbem:https://10.77.0.9:5989"
AGENT = b"service:service-agent://10.77.0.9"


def told(words: bytes) -> bytes:
    return len(words).to_bytes(2) + words


def message(function: int, body: bytes, *, version: int = 2) -> bytes:
    rest = b"\0\0" + b"\0\0\0" + b"\x12\x34" + told(b"en") + body
    return bytes((version, function)) + (5 + len(rest)).to_bytes(3) + rest


def entry(url: bytes, blocks: bytes = b"\0") -> bytes:
    return b"\0" + (300).to_bytes(2) + told(url) + blocks


SIGNED = b"\x01" + b"\0\x02" + (10).to_bytes(2) + bytes(6)
REPLIED = message(REPLY, b"\0\0\0\x02" + entry(SERVICE, SIGNED) + entry(AGENT))
DIRECTED = message(DIRECTORY, b"\0\0" + bytes(4) + told(AGENT) + told(b"DEFAULT") + told(b"(a=1)") + told(b"") + b"\0")
SERVED = message(SERVICES, told(AGENT) + told(b"DEFAULT") + told(b"") + b"\0")


@pytest.mark.parametrize(
    ("data", "read"),
    [
        (REPLIED, Message(function=REPLY, urls=(Url(SERVICE.decode(), 300), Url(AGENT.decode(), 300)))),
        (DIRECTED, Message(function=DIRECTORY, urls=(Url(AGENT.decode()),), scopes="DEFAULT", attributes="(a=1)")),
        (SERVED, Message(function=SERVICES, urls=(Url(AGENT.decode()),), scopes="DEFAULT")),
        (SERVED + b"behind it", Message(function=SERVICES, urls=(Url(AGENT.decode()),), scopes="DEFAULT")),
        (message(REPLY, b"\0\x02"), Message(function=REPLY, error=2)),
        (message(DIRECTORY, b"\0\x02"), Message(function=DIRECTORY, error=2)),
        (message(1, b"\0\0"), None),
    ],
)
def test_what_agents_tell_is_read(data: bytes, read: Message | None) -> None:
    assert Message.decode(data) == read


def test_urls_beyond_a_few_are_left_out() -> None:
    read = Message.decode(message(REPLY, b"\0\0\x01\0" + entry(SERVICE) * 256))
    assert read is not None
    assert len(read.urls) == MOST_URLS


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "too short"),
        (message(REPLY, b"\0\0\0\0", version=1), "version"),
        (REPLIED[:-1], "length"),
        (b"\x02\x02\0\0\x05" + bytes(9), "length 5"),
        (message(REPLY, b"\0\0\0\x02" + entry(SERVICE)), "ends"),
        (message(REPLY, b"\0\0\0\x01" + entry(SERVICE, b"\x01\0\x02\0\x03")), "3 octets"),
        (message(SERVICES, told(AGENT)), "ends"),
    ],
)
def test_what_does_not_check_out_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(MalformedPacketError, match=reason):
        Message.decode(data)


@given(mutated([REPLIED, DIRECTED, SERVED]) | st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with suppress(MalformedPacketError):
        read = Message.decode(data)
        assert read is None or all(one.url.isprintable() and len(one.url) <= 255 for one in read.urls)
