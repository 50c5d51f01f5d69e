from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fibrix.errors import MalformedPacketError, PowerError
from fibrix.wire.ipmi import rmcp
from fibrix.wire.ipmi.app import AuthCapabilities, DeviceId
from fibrix.wire.ipmi.chassis import ChassisStatus
from fibrix.wire.ipmi.login15 import Login15
from fibrix.wire.ipmi.login20 import Login20
from fibrix.wire.ipmi.message import Response
from fibrix.wire.ipmi.session import Login, Session
from fibrix.wire.ipmi.session15 import AuthType, Packet15, Session15, unwrap_outside
from fibrix.wire.ipmi.session20 import Session20
from fibrix.wire.ipmi.suites import SUITE_3, SUITE_17
from tests.wire.ipmi.chances import counting
from tests.wire.ipmi.transcripts import MD5
from tests.wire.ipmi.transcripts import SUITE_3 as TRANSCRIPT

HEADERS = st.sampled_from([b"", b"\6\0\xff\7", b"\6\0\xff\7\0", b"\6\0\xff\7\2", b"\6\0\xff\7\6\xc0\x0a\0\0\0"])
DATAGRAMS = st.builds(bytes.__add__, HEADERS, st.binary(max_size=120))
CAPTURED = st.sampled_from([datagram for _who, datagram in MD5 + TRANSCRIPT])


@st.composite
def spoilt(draw: st.DrawFn) -> bytes:
    """A captured datagram with some octets changed, cut or added."""
    datagram = bytearray(draw(CAPTURED))
    for _ in range(draw(st.integers(1, 4))):
        datagram[draw(st.integers(0, len(datagram) - 1))] = draw(st.integers(0, 255))
    return bytes(datagram[: draw(st.integers(0, len(datagram)))]) + draw(st.binary(max_size=4))


@given(DATAGRAMS | spoilt())
def test_any_datagram_is_unwrapped_or_refused(datagram: bytes) -> None:
    for unwrap in (rmcp.unwrap, unwrap_outside):
        with suppress(MalformedPacketError):
            unwrap(datagram)
    with suppress(MalformedPacketError):
        Packet15.decode(datagram).verify(b"secret")


@given(DATAGRAMS | spoilt())
@pytest.mark.parametrize("kind", ["none", "md5", "suite 3", "suite 17"])
def test_no_datagram_makes_a_session_stumble(kind: str, datagram: bytes) -> None:
    sessions: dict[str, Session] = {
        "none": Session15(AuthType.NONE, 0, b"", 1),
        "md5": Session15(AuthType.MD5, 0, b"secret", 1),
        "suite 3": Session20(SUITE_3, 10, 11, b"key", counting()),
        "suite 17": Session20(SUITE_17, 10, 11, b"key", counting()),
    }
    with suppress(MalformedPacketError):
        sessions[kind].unwrap(datagram)


@given(st.lists(DATAGRAMS | spoilt() | CAPTURED, max_size=6))
@pytest.mark.parametrize("kind", ["1.5", "2.0"])
def test_no_sequence_of_datagrams_makes_a_login_stumble(kind: str, datagrams: list[bytes]) -> None:
    logins: dict[str, Login] = {
        "1.5": Login15(AuthType.MD5, "admin", "secret", counting()),
        "2.0": Login20(SUITE_3, "admin", "secret", counting()),
    }
    login = logins[kind]
    for datagram in datagrams:
        with suppress(MalformedPacketError, PowerError):
            login.receive(datagram)
        assert login.datagram()


@given(st.binary(max_size=64))
def test_any_answer_is_decoded_or_refused(data: bytes) -> None:
    for decode in (Response.decode, AuthCapabilities.decode, DeviceId.decode, ChassisStatus.decode):
        with suppress(MalformedPacketError):
            decode(data)
