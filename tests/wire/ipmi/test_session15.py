import pytest

from fibrix.errors import MalformedPacketError, PowerError
from fibrix.wire.ipmi.chassis import ChassisStatus
from fibrix.wire.ipmi.faults import StrayPacketError
from fibrix.wire.ipmi.message import answer
from fibrix.wire.ipmi.session15 import AuthType, Packet15, Session15, password_octets, unwrap_outside
from tests.wire.ipmi.transcripts import MD5, PASSWORD, SUITE_3


@pytest.mark.parametrize("transcript", [MD5, PASSWORD], ids=["md5", "password"])
def test_every_packet_of_ipmitool_and_ipmi_sim_is_verified_and_written_again_the_same(
    transcript: tuple[tuple[str, bytes], ...],
) -> None:
    for _who, datagram in transcript:
        packet = Packet15.decode(datagram)
        packet.verify(b"secret")
        again = Packet15(packet.message, packet.auth, packet.sequence, packet.session)
        assert again.encode(b"secret").rstrip(b"\0") == datagram.rstrip(b"\0")


def test_another_password_does_not_verify() -> None:
    with pytest.raises(MalformedPacketError, match="authentication code"):
        Packet15.decode(MD5[4][1]).verify(b"Secret")


def test_a_session_reads_the_answer_that_ipmi_sim_gave_to_ipmitool() -> None:
    question, reply = (Packet15.decode(datagram) for _who, datagram in MD5[8:10])
    session = Session15(AuthType.MD5, reply.session, b"secret", 1)
    sequence = question.message[4] >> 2
    status = ChassisStatus.decode(answer(ChassisStatus.request(), sequence, session.unwrap(MD5[9][1])))
    assert status == ChassisStatus(on=False)


def test_numbers_count_up_from_the_one_that_the_bmc_gave_and_never_are_0() -> None:
    session = Session15(AuthType.MD5, 7, b"secret", 0xFFFF_FFFE)
    numbers = [Packet15.decode(session.wrap(b"message")).sequence for _ in range(4)]
    assert numbers == [0xFFFF_FFFE, 0xFFFF_FFFF, 1, 2]


def test_a_packet_that_came_before_is_a_stray() -> None:
    session = Session15(AuthType.MD5, 7, b"secret", 1)
    datagram = Packet15(b"message", AuthType.MD5, 5, 7).encode(b"secret")
    assert session.unwrap(datagram) == b"message"
    with pytest.raises(StrayPacketError, match="came before"):
        session.unwrap(datagram)


def test_a_packet_of_another_session_is_a_stray() -> None:
    session = Session15(AuthType.MD5, 7, b"secret", 1)
    with pytest.raises(StrayPacketError):
        session.unwrap(Packet15(b"message", AuthType.MD5, 5, 8).encode(b"secret"))


def test_an_unauthenticated_packet_is_not_taken_in_an_authenticated_session() -> None:
    session = Session15(AuthType.MD5, 7, b"secret", 1)
    with pytest.raises(MalformedPacketError, match="not authenticated"):
        session.unwrap(Packet15(b"message", AuthType.NONE, 5, 7).encode())


def test_an_authenticated_packet_is_taken_in_an_unauthenticated_session_for_some_old_bmcs_send_it() -> None:
    session = Session15(AuthType.NONE, 7, b"secret", 1)
    assert session.unwrap(Packet15(b"message", AuthType.MD5, 5, 7).encode(b"secret")) == b"message"


def test_sizes_that_an_old_network_chip_cannot_send_are_padded() -> None:
    message = b"m" * (56 - 30)
    datagram = Packet15(message, AuthType.MD5, 5, 7).encode(b"secret")
    assert len(datagram) == 57
    assert Packet15.decode(datagram).message == message


def test_outside_of_a_session_only_packets_of_none_are_taken() -> None:
    assert unwrap_outside(MD5[1][1])
    for datagram in (MD5[9][1], SUITE_3[3][1]):
        with pytest.raises(StrayPacketError):
            unwrap_outside(datagram)


@pytest.mark.parametrize("cut", range(1, 60))
def test_a_packet_cut_anywhere_is_refused(cut: int) -> None:
    whole = MD5[9][1]
    with pytest.raises(MalformedPacketError):
        Packet15.decode(whole[: max(0, len(whole) - cut)]).verify(b"secret")


def test_a_password_that_ipmi_15_cannot_hold_is_refused_in_words() -> None:
    assert password_octets("x" * 16) == b"x" * 16
    with pytest.raises(PowerError, match="longer than the 16 octets"):
        password_octets("x" * 17)


def test_a_session_tells_how_it_is_protected() -> None:
    assert Session15(AuthType.MD5, 7, b"", 1).how == "IPMI 1.5 MD5"
    assert Session15(AuthType.PASSWORD, 7, b"", 1).how == "IPMI 1.5 password in clear"
    assert Session15(AuthType.NONE, 7, b"", 1).how == "IPMI 1.5 without authentication"
