"""Presence ping and pong of ASF: the bytes of the standard, and any bytes."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fibrix.errors import InvalidError, MalformedPacketError
from fibrix.wire.ipmi.presence import ASF, Pong, is_ping, ping
from tests.support.mutated import mutated

PING = bytes.fromhex("0600ff06 000011be 80 05 00 00")
PONG = bytes.fromhex("0600ff06 000011be 40 05 00 10 000011be 00000000 81 00 000000000000")


def test_a_ping_is_twelve_octets_with_its_tag() -> None:
    assert ping(5) == PING
    assert is_ping(PING)
    assert not is_ping(PONG)
    assert not is_ping(PING[:11])
    assert not is_ping(b"\x05" + PING[1:])


@pytest.mark.parametrize("tag", [-1, 255])
def test_a_tag_that_belongs_to_no_request_is_refused(tag: int) -> None:
    with pytest.raises(InvalidError, match="0 to 254"):
        ping(tag)


@pytest.mark.parametrize(
    ("datagram", "pong"),
    [
        (PONG, Pong(tag=5, maker=ASF, ipmi=True, asf=True)),
        (PONG[:2] + b"\x2a" + PONG[3:], Pong(tag=5, maker=ASF, ipmi=True, asf=True)),
        (PONG[:12] + (674).to_bytes(4) + PONG[16:20] + b"\x01" + PONG[21:], Pong(5, 674, ipmi=False, asf=True)),
        (PONG[:20] + b"\x80" + PONG[21:] + b"more", Pong(5, ASF, ipmi=True, asf=False)),
    ],
)
def test_a_pong_tells_what_is_there(datagram: bytes, pong: Pong) -> None:
    assert Pong.decode(datagram) == pong


@pytest.mark.parametrize(
    ("datagram", "reason"),
    [
        (b"", "too few"),
        (PING, "type 80h"),
        (PONG[:-1], "type 40h"),
        (PONG[:11] + b"\x0f" + PONG[12:], "15 octets"),
        (PONG[:3] + b"\x07" + PONG[4:], "type 00h"),
        (PONG[:4] + b"\0" * 4 + PONG[8:], "type 00h"),
    ],
)
def test_what_is_no_pong_is_refused(datagram: bytes, reason: str) -> None:
    with pytest.raises(MalformedPacketError, match=reason):
        Pong.decode(datagram)


@given(st.builds(Pong, st.integers(0, 254), st.integers(0, 0xFFFFFFFF), st.booleans(), st.booleans()))
def test_what_is_written_is_read_back(pong: Pong) -> None:
    assert Pong.decode(pong.encode()) == pong


@given(mutated([PING, PONG]) | st.binary(max_size=40))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    is_ping(data)
    with suppress(MalformedPacketError):
        Pong.decode(data)
