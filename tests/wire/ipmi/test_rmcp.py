import pytest

from fibrix.errors import MalformedPacketError
from fibrix.wire.ipmi import rmcp


def test_a_packet_comes_out_as_it_went_in() -> None:
    assert rmcp.unwrap(rmcp.wrap(b"packet")) == b"packet"
    assert rmcp.wrap(b"") == bytes.fromhex("0600ff07")


@pytest.mark.parametrize(
    ("datagram", "words"),
    [
        ("", "0 octets"),
        ("0600ff07", "4 octets"),
        ("0500ff0700", "version 05h"),
        ("0600ff0600", "class 06h"),
        ("0600ff8700", "acknowledge"),
    ],
)
def test_what_is_not_ipmi_is_refused(datagram: str, words: str) -> None:
    with pytest.raises(MalformedPacketError, match=words):
        rmcp.unwrap(bytes.fromhex(datagram))
