import pytest

from fibrix.errors import MalformedPacketError, PowerError
from fibrix.wire.ipmi.faults import RefusedError, SessionLostError, StrayPacketError
from fibrix.wire.ipmi.login15 import Login15
from fibrix.wire.ipmi.message import checksum
from fibrix.wire.ipmi.session15 import AuthType, Packet15, Session15
from tests.wire.ipmi.chances import given_octets
from tests.wire.ipmi.transcripts import MD5, PASSWORD

Transcript = tuple[tuple[str, bytes], ...]


def login(transcript: Transcript, auth: AuthType, password: str = "secret") -> Login15:
    """A login that draws the numbers that ipmitool drew."""
    challenge, activate = (Packet15.decode(transcript[at][1]).message for at in (2, 4))
    return Login15(auth, "admin", password, given_octets(bytes((challenge[4] >> 2,)), activate[-5:-1]))


@pytest.mark.parametrize(("transcript", "auth"), [(MD5, AuthType.MD5), (PASSWORD, AuthType.PASSWORD)])
def test_it_says_what_ipmitool_says_and_ends_in_a_session(transcript: Transcript, auth: AuthType) -> None:
    ours = login(transcript, auth)
    assert ours.step == "Get Session Challenge"
    assert ours.datagram() == transcript[2][1]
    assert ours.receive(transcript[3][1]) is None
    assert ours.step == "Activate Session"
    sent, theirs = Packet15.decode(ours.datagram()), Packet15.decode(transcript[4][1])
    sent.verify(b"secret")
    assert sent.session == theirs.session
    assert sent.message[8:-1] == theirs.message[8:-1]  # all but the privilege: operator here, administrator there
    session = ours.receive(transcript[5][1])
    assert isinstance(session, Session15)
    assert Packet15.decode(session.wrap(b"m")).sequence == Packet15.decode(transcript[6][1]).sequence


def test_silence_after_the_challenge_hints_at_the_password() -> None:
    ours = login(MD5, AuthType.MD5)
    hints = [ours.silence]
    ours.receive(MD5[3][1])
    hints.append(ours.silence)
    assert hints == ["", "the password is probably wrong"]


def test_an_answer_that_comes_twice_is_a_stray_and_changes_nothing() -> None:
    ours = login(MD5, AuthType.MD5)
    ours.receive(MD5[3][1])
    with pytest.raises(StrayPacketError):
        ours.receive(MD5[3][1])
    assert ours.receive(MD5[5][1]) is not None


def test_an_activation_under_another_password_is_not_believed() -> None:
    ours = login(MD5, AuthType.MD5, password="guess")
    ours.receive(MD5[3][1])
    with pytest.raises(MalformedPacketError, match="authentication code"):
        ours.receive(MD5[5][1])


@pytest.mark.parametrize(
    ("code", "error", "words"),
    [
        (0x81, RefusedError, "all sessions of the BMC are in use"),
        (0x85, SessionLostError, "does not know the session"),
        (0x86, RefusedError, "privilege is too low"),
    ],
)
def test_a_refused_activation_says_why(code: int, error: type[PowerError], words: str) -> None:
    ours = login(MD5, AuthType.MD5)
    ours.receive(MD5[3][1])
    with pytest.raises(error, match=words):
        ours.receive(_answer(ours, bytes((code,))))


def test_an_unknown_user_is_told() -> None:
    ours = login(MD5, AuthType.MD5)
    with pytest.raises(RefusedError, match="Get Session Challenge: the BMC does not know this user"):
        ours.receive(_answer(ours, b"\x81"))


@pytest.mark.parametrize("data", [b"", b"\0" * 19, b"\0" * 20])
def test_a_challenge_that_is_none_is_refused(data: bytes) -> None:
    ours = login(MD5, AuthType.MD5)
    with pytest.raises(MalformedPacketError):
        ours.receive(_answer(ours, b"\0" + data))
    assert ours.step == "Get Session Challenge"


@pytest.mark.parametrize("data", [b"", b"\x02\1\0\0", b"\x05" + b"\1" * 9])
def test_an_activation_that_is_none_is_refused(data: bytes) -> None:
    ours = login(MD5, AuthType.MD5)
    ours.receive(MD5[3][1])
    with pytest.raises(MalformedPacketError):
        ours.receive(_answer(ours, b"\0" + data))


def test_a_bmc_may_drop_authentication_once_the_session_is_active() -> None:
    ours = login(MD5, AuthType.MD5)
    ours.receive(MD5[3][1])
    session = ours.receive(_answer(ours, b"\0\x00" + b"\1" * 9))
    assert session is not None
    assert Packet15.decode(session.wrap(b"m")).auth is AuthType.NONE


@pytest.mark.parametrize(
    ("username", "password", "words"), [("u" * 17, "", "user name is longer"), ("", "p" * 17, "password is longer")]
)
def test_what_does_not_fit_is_refused_in_words(username: str, password: str, words: str) -> None:
    with pytest.raises(PowerError, match=words):
        Login15(AuthType.MD5, username, password, given_octets(b"1", b"1234"))


def _answer(ours: Login15, tail: bytes) -> bytes:
    """A BMC's answer to what is asked now: `tail` is the completion code and the data."""
    asked = Packet15.decode(ours.datagram())
    head = bytes((0x81, 0x1C))
    body = bytes((0x20, asked.message[4], asked.message[5])) + tail
    message = head + checksum(head) + body + checksum(body)
    return Packet15(message, asked.auth, asked.sequence, asked.session).encode(b"secret")
