import pytest

from fibrix.errors import MalformedPacketError
from fibrix.wire.ipmi import rmcp
from fibrix.wire.ipmi.faults import StrayPacketError
from fibrix.wire.ipmi.session20 import Packet20, Session20
from fibrix.wire.ipmi.suites import SUITE_3, SUITE_17, Suite
from tests.wire.ipmi.chances import counting

SUITES = pytest.mark.parametrize("suite", [SUITE_3, SUITE_17], ids=["suite 3", "suite 17"])


def pair(suite: Suite) -> tuple[Session20, Session20]:
    """The console's and the BMC's end of one session."""
    key = b"k" * 20
    return Session20(suite, 0xA, 0xB, key, counting()), Session20(suite, 0xB, 0xA, key, counting())


@SUITES
@pytest.mark.parametrize("length", range(40))
def test_a_message_of_any_length_comes_out_as_it_went_in(suite: Suite, length: int) -> None:
    console, bmc = pair(suite)
    message = bytes(range(length))
    assert bmc.unwrap(console.wrap(message)) == message


@SUITES
def test_what_is_said_cannot_be_read_on_the_wire_and_never_looks_the_same(suite: Suite) -> None:
    console, _bmc = pair(suite)
    first, second = console.wrap(b"power cycle"), console.wrap(b"power cycle")
    assert b"power" not in first
    assert first[20:36] != second[20:36]


@SUITES
def test_one_flipped_bit_anywhere_is_found(suite: Suite) -> None:
    console, bmc = pair(suite)
    datagram = console.wrap(b"message")
    for at in range(len(datagram) * 8):
        forged = bytearray(datagram)
        forged[at // 8] ^= 1 << at % 8
        if bytes(forged[:1] + forged[3:4]) != b"\x06\x07" or at // 8 in (1, 2):
            continue  # the RMCP header is under no code
        with pytest.raises(MalformedPacketError):
            bmc.unwrap(bytes(forged))
    assert bmc.unwrap(datagram) == b"message"


@SUITES
def test_a_replayed_packet_is_a_stray(suite: Suite) -> None:
    console, bmc = pair(suite)
    datagram = console.wrap(b"message")
    bmc.unwrap(datagram)
    with pytest.raises(StrayPacketError, match="came before"):
        bmc.unwrap(datagram)


@SUITES
def test_a_packet_without_protection_is_refused(suite: Suite) -> None:
    _console, bmc = pair(suite)
    with pytest.raises(MalformedPacketError, match="not protected"):
        bmc.unwrap(rmcp.wrap(Packet20(0, b"message", session=0xB, sequence=9).encode()))


def test_a_packet_under_another_key_is_refused() -> None:
    console = Session20(SUITE_17, 0xA, 0xB, b"k" * 20, counting())
    bmc = Session20(SUITE_17, 0xB, 0xA, b"K" * 20, counting())
    with pytest.raises(MalformedPacketError, match="integrity code"):
        bmc.unwrap(console.wrap(b"message"))


def test_bytes_that_decrypt_to_nothing_sensible_are_refused() -> None:
    console, bmc = pair(SUITE_3)
    for payload, words in ((b"\0" * 16, "no whole AES blocks"), (b"\0" * 33, "no whole AES"), (b"\0" * 32, "padding")):
        console._encrypt = lambda _message, payload=payload: payload  # type: ignore[method-assign,misc]
        with pytest.raises(MalformedPacketError, match=words):
            bmc.unwrap(console.wrap(b""))


def test_a_packet_of_15_is_a_stray_and_a_short_one_is_refused() -> None:
    with pytest.raises(StrayPacketError):
        Packet20.decode(b"\0")
    with pytest.raises(MalformedPacketError, match="too few"):
        Packet20.decode(b"\6\0")
    with pytest.raises(MalformedPacketError, match="cut short"):
        Packet20.decode(Packet20(0, b"message").encode()[:-1])
