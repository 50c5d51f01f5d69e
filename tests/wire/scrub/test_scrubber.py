"""Scrubbed frames: nobody's serial numbers in them, lengths and checksums as before, and still the same story."""

from contextlib import suppress
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import (
    ICMPv6ND_NA,
    ICMPv6ND_NS,
    ICMPv6NDOptDstLLAddr,
    ICMPv6NDOptSrcLLAddr,
    IPv6,
    IPv6ExtHdrHopByHop,
)
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Packet, Raw

from fibrix.errors import MalformedPacketError
from fibrix.wire.dhcp4.message import Message
from fibrix.wire.ethernet import EthernetFrame
from fibrix.wire.ipv4 import UdpDatagram
from fibrix.wire.scrub.scrubber import Scrubber
from tests.support.pcap import frames

CASES = sorted((Path(__file__).parents[2] / "captures" / "dhcp4").glob("*.pcap"))
UUID_TEXT = b"4c4c4544-0044-3510-8052-b4c04f4a3132"
FIRST = "00000000-0000-4000-8000-000000000001"
MAC, MADE = "00:25:90:ab:cd:ef", "00:25:90:00:00:01"
OTHER, OTHER_MADE = "00:25:90:12:34:56", "00:25:90:00:00:02"


def scrubbed(packet: Packet, *, macs: bool = False) -> Packet:
    return Ether(Scrubber(macs=macs).scrub(bytes(packet)))


def sound(frame: bytes) -> list[bool]:
    """Whether the checksums of each layer are what scapy computes."""
    packet, again = Ether(frame), Ether(frame)
    found = []
    for layer in (IP, UDP, TCP, ICMPv6ND_NS, ICMPv6ND_NA):
        if layer in packet:
            field = "cksum" if layer in {ICMPv6ND_NS, ICMPv6ND_NA} else "chksum"
            delattr(again[layer], field)
            found.append(getattr(Ether(bytes(again))[layer], field) == getattr(packet[layer], field))
    return found


def message(frame: bytes) -> Message:
    return Message.decode(UdpDatagram.decode(EthernetFrame.decode(frame).payload).payload)


@pytest.mark.parametrize("file", CASES, ids=lambda path: path.stem)
def test_clients_of_dhcp_are_nobody_afterwards(file: Path) -> None:
    plain, with_macs = Scrubber(), Scrubber(macs=True)
    captured = [each.frame for each in frames(file)]
    made = [plain.scrub(frame) for frame in captured]
    nobody = [with_macs.scrub(frame) for frame in captured]
    assert list(map(len, made)) == list(map(len, nobody)) == list(map(len, captured))
    assert list(map(sound, made)) == list(map(sound, nobody)) == list(map(sound, captured))
    macs = {frame[at : at + 6] for frame in captured for at in (0, 6) if not frame[at] & 1}
    assert not [mac for mac in macs for frame in nobody if mac in frame or mac.hex(":").encode() in frame]
    for before, after, without in zip(captured, made, nobody, strict=True):
        with suppress(MalformedPacketError):
            was, has, least = message(before), message(after), message(without)
            assert was.options.keys() == has.options.keys() == least.options.keys()
            assert {code for code in was.options if was.options[code] != has.options[code]} <= {61, 97}
            assert has.chaddr == was.chaddr != least.chaddr


@pytest.mark.parametrize(
    ("option", "made"),
    [
        (b"\x61\x11\x00" + UUID(UUID_TEXT.decode()).bytes_le, b"\x61\x11\x00" + UUID(FIRST).bytes_le),
        (b"\x3d\x11\x00" + UUID(UUID_TEXT.decode()).bytes_le, b"\x3d\x11\x00" + UUID(FIRST).bytes_le),
        (b"\x3d\x17\xffiaid\x00\x04" + b"0123456789abcdef", b"\x3d\x17\xffiaid\x00\x04" + UUID(FIRST).bytes_le),
        (b"\x61\x11\x00" + b"\xff" * 16, b"\x61\x11\x00" + b"\xff" * 16),  # what firmware without one says
        (b"\x61\x05\x000123", b"\x61\x05\x000123"),
        (b"\x3d\x07\x01\x00\x25\x90\xab\xcd\xef", b"\x3d\x07\x01\x00\x25\x90\xab\xcd\xef"),
        (b"\xff\x61\x11\x00" + b"0123456789abcdef", b"\xff\x61\x11\x00" + b"0123456789abcdef"),
        (b"\x61\xff\x00" + b"0123456789abcdef", b"\x61\xff\x00" + b"0123456789abcdef"),  # does not fit
    ],
)
def test_uuids_in_options_of_dhcp_are_made_up(option: bytes, made: bytes) -> None:
    head = bytes(236) + b"\x63\x82\x53\x63\x00\x35\x01\x01"
    packet = Ether() / Dot1Q(vlan=10) / IP() / UDP(sport=68, dport=67) / Raw(head + option)
    result = scrubbed(packet)
    assert bytes(result[UDP].payload) == head + made
    assert sound(bytes(result)) == [True, True]


def test_uuids_in_text_are_made_up_and_stay_the_same_one() -> None:
    text = b"USN: uuid:%s::upnp:rootdevice\r\nuuid=%s" % (UUID_TEXT, UUID_TEXT.upper())
    wanted = b"USN: uuid:%s::upnp:rootdevice\r\nuuid=%s" % (FIRST.encode(), FIRST.upper().encode())
    assert bytes(scrubbed(Ether() / IP() / UDP(dport=1900) / Raw(text))[UDP].payload) == wanted
    result = scrubbed(Ether() / IP() / TCP(dport=80) / Raw(text))
    assert bytes(result[TCP].payload) == wanted
    assert sound(bytes(result)) == [True, True]


def test_serial_numbers_in_lldp_are_made_up() -> None:
    def tlv(kind: int, value: bytes) -> bytes:
        return (kind << 9 | len(value)).to_bytes(2) + value

    serial, asset = b"\x00\x12\xbb\x08", b"\x00\x12\xbb\x0b"
    before = [b"CN0ABC123", b"A-42", b"CN0ABC123", b""]
    after = [b"000000001", b"0002", b"000000001", b""]
    chassis = tlv(1, b"\x04\x00\x25\x90\xab\xcd\xef") + tlv(2, b"\x03\x00\x25\x90\x12\x34\x56")

    def frame(values: list[bytes]) -> bytes:
        heads = (serial, asset, asset, serial)
        parts = [tlv(127, head + value) for head, value in zip(heads, values, strict=True)]
        return bytes(12) + b"\x88\xcc" + chassis + b"".join(parts) + tlv(0, b"") + tlv(127, serial + b"padding")

    assert Scrubber().scrub(frame(before)) == frame(after)
    assert bytes.fromhex("002590000001") in Scrubber(macs=True).scrub(frame(before))
    assert bytes.fromhex("002590000002") in Scrubber(macs=True).scrub(frame(before))


def test_macs_are_counted_wherever_they_come() -> None:
    scrubber = Scrubber(macs=True)
    asked = Ether(src=MAC, dst="ff:ff:ff:ff:ff:ff") / ARP(hwsrc=MAC, hwdst="00:00:00:00:00:00")
    first = Ether(scrubber.scrub(bytes(asked)))
    assert (first.src, first.dst, first[ARP].hwsrc, first[ARP].hwdst) == (
        MADE,
        "ff:ff:ff:ff:ff:ff",
        MADE,
        "00:00:00:00:00:00",
    )
    text = f"{MAC} {MAC.upper()} {MAC.replace(':', '-')} {MAC.replace(':', '')}"
    second = Ether(scrubber.scrub(bytes(Ether(src=OTHER, dst=MAC) / IP() / UDP() / Raw(text.encode()))))
    assert (second.src, second.dst) == (OTHER_MADE, MADE)
    assert bytes(second[UDP].payload).decode() == f"{MADE} {MADE} {MADE.replace(':', '-')} {MADE.replace(':', '')}"
    assert sound(bytes(second)) == [True, True]


def test_what_is_made_of_a_mac_changes_with_it() -> None:
    solicited = IPv6(src="fe80::225:90ff:feab:cdef", dst="ff02::1:ffab:cdef")
    asked = Ether(src=MAC, dst="33:33:ff:ab:cd:ef") / solicited / ICMPv6ND_NS(tgt="fe80::225:90ff:feab:cdef")
    asked /= ICMPv6NDOptSrcLLAddr(lladdr=OTHER)
    made = scrubbed(asked, macs=True)
    assert (made.src, made.dst) == (MADE, "33:33:ff:00:00:01")
    assert (made[IPv6].src, made[IPv6].dst) == ("fe80::225:90ff:fe00:1", "ff02::1:ff00:1")
    assert made[ICMPv6ND_NS].tgt == "fe80::225:90ff:fe00:1"
    assert made[ICMPv6NDOptSrcLLAddr].lladdr == OTHER_MADE
    assert sound(bytes(made)) == [True]


def test_headers_between_do_not_hide_a_checksum() -> None:
    asked = Ether(src=MAC) / IPv6(src="fe80::225:90ff:feab:cdef", dst="ff02::1") / IPv6ExtHdrHopByHop()
    made = scrubbed(asked / ICMPv6ND_NA() / ICMPv6NDOptDstLLAddr(lladdr=MAC), macs=True)
    assert made[ICMPv6NDOptDstLLAddr].lladdr == MADE
    assert sound(bytes(made)) == [True]


@pytest.mark.parametrize("mac", ["00:00:5e:00:01:07", "01:00:5e:00:00:fb", "00:00:00:00:00:00"])
def test_macs_that_are_nobodys_stay(mac: str) -> None:
    assert scrubbed(Ether(src=MAC, dst=mac) / Raw(b"x"), macs=True).dst == mac


def test_a_wrong_checksum_stays_wrong_and_none_stays_none() -> None:
    wrong = scrubbed(Ether() / IP() / UDP(dport=1900, chksum=0x1234) / Raw(UUID_TEXT))
    assert sound(bytes(wrong)) == [True, False]
    none = scrubbed(Ether() / IP() / UDP(dport=1900, chksum=0) / Raw(UUID_TEXT))
    assert none[UDP].chksum == 0


KINDS = st.sampled_from(
    [b"\x08\x00E", b"\x86\xdd`", b"\x88\xcc\x02\x07\x04", b"\x08\x06", b"\x81\x00\x00\x0a\x08\x00E"]
)


@given(st.one_of(st.binary(max_size=120), st.builds(lambda k, b: bytes(12) + k + b, KINDS, st.binary(max_size=120))))
def test_any_frame_keeps_its_length(frame: bytes) -> None:
    assert len(Scrubber(macs=True).scrub(frame)) == len(frame)


@given(st.binary(max_size=40), st.booleans(), st.booleans())
def test_a_right_checksum_is_right_afterwards(more: bytes, six: bool, udp: bool) -> None:  # noqa: FBT001 - hypothesis
    source = "fe80::225:90ff:feab:cdef"
    packet = Ether(src=MAC) / (IPv6(src=source, dst="ff02::c") if six else IP()) / (UDP() if udp else TCP())
    made = scrubbed(packet / Raw(more + UUID_TEXT + MAC.encode()), macs=True)
    assert all(sound(bytes(made)))
    assert UUID_TEXT not in bytes(made)
