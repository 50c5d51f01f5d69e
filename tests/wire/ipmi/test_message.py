import pytest

from fibrix.errors import MalformedPacketError
from fibrix.wire.ipmi import chassis
from fibrix.wire.ipmi.app import AuthCapabilities
from fibrix.wire.ipmi.chassis import ChassisStatus
from fibrix.wire.ipmi.faults import RefusedError, StrayPacketError
from fibrix.wire.ipmi.message import Response, answer, checksum
from tests.wire.ipmi.transcripts import MD5


def test_the_question_that_ipmitool_asks_first_is_asked_in_the_same_octets() -> None:
    question = AuthCapabilities.request(ask_v20=False).encode(1)
    ours, theirs = bytearray(question), bytearray(MD5[0][1][14:])
    ours[7], theirs[7] = 0, 0  # the privilege: operator here, administrator there
    assert ours[:8] == theirs[:8]


def test_a_request_has_both_checksums_and_the_sequence_number_in_the_upper_six_bits() -> None:
    assert ChassisStatus.request().encode(3) == bytes.fromhex("2000e0810c0172")


def test_an_answer_gives_its_data() -> None:
    assert answer(ChassisStatus.request(), 3, _response(bytes.fromhex("200c0100211040"))) == bytes.fromhex("211040")


@pytest.mark.parametrize("sequence", [2, 4, 63])
def test_an_answer_to_another_request_is_a_stray(sequence: int) -> None:
    with pytest.raises(StrayPacketError):
        answer(ChassisStatus.request(), sequence, _response(bytes.fromhex("200c0100")))


def test_a_sequence_number_wraps_at_six_bits() -> None:
    assert answer(ChassisStatus.request(), 64 + 3, _response(bytes.fromhex("200c0100"))) == b""


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0xC1, "does not know this command"),
        (0xD4, "give it the operator role"),
        (0xD5, "in the machine's present state"),
        (0x9E, "a code that the specification does not have (9EH)"),
    ],
)
def test_a_refusal_says_why_in_words(code: int, words: str) -> None:
    with pytest.raises(RefusedError, match="Get Chassis Status: ") as refused:
        answer(ChassisStatus.request(), 3, _response(bytes((0x20, 0x0C, 0x01, code))))
    assert words.lower() in str(refused.value).lower()
    assert refused.value.completion == code


def test_a_command_s_own_refusal_comes_before_the_general_words() -> None:
    request = chassis.keep_boot_flags()
    with pytest.raises(RefusedError, match="does not have this boot parameter"):
        answer(request, 3, _response(bytes((0x20, 0x0C, 0x08, 0x80))))


@pytest.mark.parametrize("at", range(8))
def test_one_flipped_bit_anywhere_is_found(at: int) -> None:
    message = bytearray(_response(bytes.fromhex("200c0100")))
    message[at] ^= 0x10
    with pytest.raises(MalformedPacketError, match="checksum"):
        Response.decode(bytes(message))


def test_a_message_cut_short_is_refused() -> None:
    with pytest.raises(MalformedPacketError, match="7 octets are too few"):
        Response.decode(_response(bytes.fromhex("200c0100"))[:7])


def _response(body: bytes) -> bytes:
    head = bytes((0x81, 0x04))
    return head + checksum(head) + body + checksum(body)
