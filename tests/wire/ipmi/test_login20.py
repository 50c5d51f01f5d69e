import struct
from dataclasses import replace

import pytest

from fibrix.errors import MalformedPacketError, PowerError
from fibrix.wire.ipmi import rakp, rmcp
from fibrix.wire.ipmi.chassis import ChassisStatus
from fibrix.wire.ipmi.faults import SessionLostError, StrayPacketError, SuiteRefusedError
from fibrix.wire.ipmi.login20 import Login20
from fibrix.wire.ipmi.message import answer
from fibrix.wire.ipmi.rakp import Exchange
from fibrix.wire.ipmi.session20 import Packet20, Session20
from fibrix.wire.ipmi.suites import SUITE_3
from tests.wire.ipmi.chances import counting
from tests.wire.ipmi.transcripts import SUITE_3 as TRANSCRIPT

OPENED, RAKP1, RAKP2, RAKP3, RAKP4 = (Packet20.decode(rmcp.unwrap(TRANSCRIPT[at][1])).payload for at in range(3, 8))
CONSOLE = 0xA0A2A3A4  # ipmitool's session id


def ipmitool() -> Exchange:
    """What ipmitool knew when it sent RAKP 1."""
    theirs = rakp.opened(OPENED[2:], CONSOLE)
    random = RAKP1[8:24]
    return Exchange(SUITE_3, b"admin", b"secret".ljust(20, b"\0"), CONSOLE, theirs, random, role=RAKP1[24])


def login(*, password: str = "secret") -> Login20:
    """A login of ours, with everything that is drawn by lot known."""
    return Login20(SUITE_3, "admin", password, counting())


def reply(kind: int, payload: bytes) -> bytes:
    """A datagram of a BMC, outside of any session."""
    return rmcp.wrap(Packet20(kind, payload).encode())


def test_the_whole_login_of_ipmitool_is_computed_again_to_the_octet() -> None:
    exchange = ipmitool()
    assert exchange.rakp1(0) == RAKP1
    exchange = exchange.rakp2(RAKP2[2:])  # checks the BMC's code
    assert exchange.rakp3(0) == RAKP3
    key = exchange.rakp4(RAKP4[2:])  # checks the BMC's code
    console = Session20(SUITE_3, CONSOLE, exchange.theirs, key, counting())
    bmc = Session20(SUITE_3, exchange.theirs, CONSOLE, key, counting())
    question = bmc.unwrap(TRANSCRIPT[10][1])  # what ipmitool asked
    data = answer(ChassisStatus.request(), question[4] >> 2, console.unwrap(TRANSCRIPT[11][1]))
    assert ChassisStatus.decode(data) == ChassisStatus(on=False)


def test_open_session_proposes_the_octets_that_ipmitool_proposes() -> None:
    theirs = Packet20.decode(rmcp.unwrap(TRANSCRIPT[2][1])).payload
    ours = rakp.open_session(0, CONSOLE, SUITE_3)
    assert ours[:1] + b"\0" + ours[2:] == theirs  # but for the privilege: ipmitool asks for the highest


def test_a_wrong_password_is_found_in_rakp_2() -> None:
    with pytest.raises(PowerError, match="the password is wrong"):
        replace(ipmitool(), password=b"guess").rakp2(RAKP2[2:])


def test_a_bmc_with_a_key_of_its_own_is_found_in_rakp_4() -> None:
    exchange = ipmitool().rakp2(RAKP2[2:])
    with pytest.raises(PowerError, match="K_G"):
        exchange.rakp4(RAKP4[2:-1] + b"\0")


@pytest.mark.parametrize("length", [0, 10, 37, 38])
def test_rakp_2_cut_short_is_never_taken(length: int) -> None:
    with pytest.raises((MalformedPacketError, PowerError)):
        ipmitool().rakp2(RAKP2[2 : 2 + length])


def test_rakp_4_cut_short_is_refused() -> None:
    with pytest.raises(MalformedPacketError, match="5 octets are too few"):
        ipmitool().rakp4(RAKP4[2:7])


def test_what_is_known_of_a_login_shows_no_password() -> None:
    assert "secret" not in repr(ipmitool())


def test_messages_for_another_session_are_strays() -> None:
    other = replace(ipmitool(), ours=5)
    with pytest.raises(StrayPacketError):
        other.rakp2(RAKP2[2:])
    with pytest.raises(StrayPacketError):
        other.rakp4(RAKP4[2:])
    with pytest.raises(StrayPacketError):
        rakp.opened(OPENED[2:], 5)


@pytest.mark.parametrize(
    ("status", "error", "words"),
    [
        (0x01, PowerError, "no room for another session"),
        (0x02, SessionLostError, "does not know the session"),
        (0x04, SuiteRefusedError, "authentication algorithm"),
        (0x0A, PowerError, "operator role"),
        (0x0D, PowerError, "does not know this user"),
        (0x11, SuiteRefusedError, "cipher suite"),
        (0x77, PowerError, "an unknown status"),
    ],
)
def test_a_refusal_says_why(status: int, error: type[PowerError], words: str) -> None:
    ours = login()
    tag = Packet20.decode(rmcp.unwrap(ours.datagram())).payload[0]
    with pytest.raises(error, match=words):
        ours.receive(reply(0x11, bytes((tag, status)) + bytes(6)))


def test_only_the_answer_of_this_step_moves_the_login() -> None:
    ours = login()
    first = ours.datagram()
    tag = Packet20.decode(rmcp.unwrap(first)).payload[0]
    for stray in (reply(0x13, bytes((tag, 0))), reply(0x11, bytes((tag + 1, 0))), TRANSCRIPT[1][1]):
        with pytest.raises(StrayPacketError):
            ours.receive(stray)
    for cut in (reply(0x11, b""), reply(0x11, bytes((tag, 0, 0, 0)))):
        with pytest.raises(MalformedPacketError):
            ours.receive(cut)
    assert ours.datagram() == first
    assert (ours.step, ours.silence) == ("Open Session", "")
    identity = Packet20.decode(rmcp.unwrap(first)).payload[4:8]
    assert ours.receive(reply(0x11, bytes((tag, 0, 3, 0)) + identity + struct.pack("<I", 9))) is None
    assert ours.step == "RAKP 1"
    assert ours.silence == "the user name is probably wrong"


@pytest.mark.parametrize(
    ("username", "password", "words"), [("u" * 17, "", "user name is longer"), ("", "p" * 21, "password is longer")]
)
def test_what_does_not_fit_is_refused_in_words(username: str, password: str, words: str) -> None:
    with pytest.raises(PowerError, match=words):
        Login20(SUITE_3, username, password, counting())
