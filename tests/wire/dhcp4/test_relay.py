from ipaddress import IPv4Address

import pytest

from fibrix.errors import MalformedPacketError
from fibrix.wire.dhcp4.options import RELAY_AGENT_INFORMATION
from fibrix.wire.dhcp4.relay import RelayInformation


@pytest.mark.parametrize(
    ("octets", "suboptions"),
    [
        ("", ()),
        ("01 04 65746831", ((1, b"eth1"),)),
        ("01 06 000400070103 02 08 0006001122334455", ((1, b"\0\4\0\7\1\3"), (2, b"\0\6\0\x11\x22\x33\x44\x55"))),
        ("05 04 0a4e0000 0b 04 0a4e00fe", ((5, b"\x0a\x4e\0\0"), (11, b"\x0a\x4e\0\xfe"))),
        ("98 01 00", ((152, b"\0"),)),  # one that nobody here knows
        ("01 00", ((1, b""),)),
    ],
)
def test_suboptions_have_these_octets_both_ways(octets: str, suboptions: tuple[tuple[int, bytes], ...]) -> None:
    value = RelayInformation(suboptions)
    assert RELAY_AGENT_INFORMATION.decode(bytes.fromhex(octets)) == value
    assert RELAY_AGENT_INFORMATION.encode(value) == bytes.fromhex(octets)


def test_what_a_relay_says_is_read_by_its_meaning() -> None:
    said = RelayInformation(
        ((1, b"ge-0/0/7"), (2, b"\0\x11\x22"), (5, b"\x0a\x4e\0\0"), (6, b"line 12\0"), (11, b"\x0a\x4e\0\xfe"))
    )
    assert (said.circuit, said.remote, said.subscriber) == ("ge-0/0/7", "00:11:22", "line 12")
    assert (said.link, said.server) == (IPv4Address("10.78.0.0"), IPv4Address("10.78.0.254"))


def test_a_relay_that_says_nothing_has_said_nothing() -> None:
    said = RelayInformation()
    assert (said.circuit, said.remote, said.subscriber, said.link, said.server) == ("", "", "", None, None)


@pytest.mark.parametrize("octets", ["01", "01 02 61", "05 03 0a4e00", "0b 00", "05 04 0a4e0000 01 09 61"])
def test_suboptions_that_do_not_fit_are_refused(octets: str) -> None:
    with pytest.raises(MalformedPacketError, match="option 82 "):
        RELAY_AGENT_INFORMATION.decode(bytes.fromhex(octets))
