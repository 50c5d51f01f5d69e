"""Echo requests and replies."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import ICMP

from fibrix.errors import MalformedPacketError
from fibrix.wire.echo import REPLY, REQUEST, Echo


def test_a_request_is_written_as_scapy_writes_it() -> None:
    written = Echo(REQUEST, 0x1234, 1, b"abc").encode()
    assert written == bytes(ICMP(type=8, id=0x1234, seq=1) / b"abc")
    assert Echo.decode(written, REQUEST) == Echo(REQUEST, 0x1234, 1, b"abc")


@pytest.mark.parametrize("message", ["", "00 00 00 00 00 01 00", "08 00 00 00 00 01 00 01", "00 01 00 00 00 01 00 01"])
def test_what_is_no_reply_is_refused(message: str) -> None:
    with pytest.raises(MalformedPacketError):
        Echo.decode(bytes.fromhex(message), REPLY)


@given(st.binary(max_size=40))
def test_any_octets_are_read_or_refused(data: bytes) -> None:
    with suppress(MalformedPacketError):
        echo = Echo.decode(data, REPLY)
        assert Echo.decode(echo.encode(), REPLY) == echo
