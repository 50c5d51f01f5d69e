"""LLDP, against scapy, Cisco's switches and any bytes."""

from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.config import conf
from scapy.contrib.lldp import (
    LLDPDUChassisID,
    LLDPDUEndOfLLDPDU,
    LLDPDUGenericOrganisationSpecific,
    LLDPDUManagementAddress,
    LLDPDUPortDescription,
    LLDPDUPortID,
    LLDPDUSystemCapabilities,
    LLDPDUSystemDescription,
    LLDPDUSystemName,
    LLDPDUTimeToLive,
)
from scapy.layers.l2 import Ether
from scapy.packet import Packet

from fibrix.errors import MalformedPacketError
from fibrix.wire.frame import LLDP, Frame
from fibrix.wire.lldp import MOST_ADDRESSES, Announcement
from tests.support.mutated import mutated
from tests.support.peer_captures import captured

conf.contribs["LLDP"].strict_mode_disable()  # else it writes no TLV alone

MAC = "52:54:00:77:00:01"
CHASSIS = bytes(LLDPDUChassisID(subtype=4, id=MAC))
PORT = bytes(LLDPDUPortID(subtype=5, id=b"eth0"))
TTL = bytes(LLDPDUTimeToLive(ttl=120))
END = bytes(LLDPDUEndOfLLDPDU())
ADDRESS = IPv6Address("2001:db8::7")
FULL = (
    CHASSIS
    + PORT
    + TTL
    + bytes(LLDPDUPortDescription(description=b"uplink"))
    + bytes(LLDPDUSystemName(system_name=b"sw1.example"))
    + bytes(LLDPDUSystemDescription(description=b"Debian GNU/Linux\n12"))
    + bytes(LLDPDUSystemCapabilities(mac_bridge_available=1, router_available=1, mac_bridge_enabled=1))
    + bytes(LLDPDUManagementAddress(management_address_subtype=1, management_address=bytes((10, 77, 0, 2))))
    + bytes(LLDPDUManagementAddress(management_address_subtype=2, management_address=ADDRESS.packed))
    + bytes(LLDPDUManagementAddress(management_address_subtype=6, management_address=bytes.fromhex("525400770001")))
    + bytes(LLDPDUGenericOrganisationSpecific(org_code=0x120F, subtype=1, data=bytes.fromhex("03c0360010")))
    + bytes(LLDPDUGenericOrganisationSpecific(org_code=0x80C2, subtype=1, data=b"\0\x64"))
    + END
)


def test_all_that_a_device_says_is_read() -> None:
    assert Announcement.decode(FULL + bytes(20)) == Announcement(
        chassis_kind=4,
        chassis=MAC,
        port_kind=5,
        port="eth0",
        ttl_s=120,
        port_description="uplink",
        name="sw1.example",
        description="Debian GNU/Linux 12",
        capabilities=("bridge", "router"),
        enabled=("bridge",),
        addresses=(IPv4Address("10.77.0.2"), ADDRESS),
        vlan=100,
    )


@pytest.mark.parametrize(
    ("chassis", "words"),
    [
        (LLDPDUChassisID(subtype=4, id=MAC), MAC),
        (LLDPDUChassisID(subtype=7, id=b"rack 5"), "rack 5"),
        (LLDPDUChassisID(subtype=7, id=b"\x01\x02\xff"), "01:02:ff"),
        (LLDPDUChassisID(subtype=5, family=1, id="10.77.0.2"), "10.77.0.2"),
        (LLDPDUChassisID(subtype=5, family=2, id="2001:db8::7"), "2001:db8::7"),
    ],
)
def test_a_chassis_is_named_by_the_kind_of_its_id(chassis: Packet, words: str) -> None:
    assert Announcement.decode(bytes(chassis) + PORT + TTL).chassis == words


@pytest.mark.parametrize(
    ("port", "words"),
    [
        (LLDPDUPortID(subtype=3, id=MAC), MAC),
        (LLDPDUPortID(subtype=4, family=1, id="10.77.0.2"), "10.77.0.2"),
        (LLDPDUPortID(subtype=1, id=b"ge-0/0/1\0"), "ge-0/0/1"),
    ],
)
def test_a_port_is_named_by_the_kind_of_its_id(port: Packet, words: str) -> None:
    assert Announcement.decode(CHASSIS + bytes(port) + TTL).port == words


def test_addresses_beyond_a_few_are_left_out() -> None:
    many = b"".join(
        bytes(LLDPDUManagementAddress(management_address_subtype=1, management_address=bytes((10, 0, 0, number))))
        for number in range(50)
    )
    assert len(Announcement.decode(CHASSIS + PORT + TTL + many).addresses) == MOST_ADDRESSES


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "does not begin"),
        (CHASSIS + TTL + PORT, "does not begin"),
        (CHASSIS + PORT + END + TTL, "does not begin"),
        (CHASSIS + PORT + TTL + TTL, "twice"),
        (CHASSIS + PORT + TTL + b"\x0a", "half"),
        (CHASSIS + PORT + TTL + b"\x0a\x05name", "cut off"),
        (CHASSIS + PORT + b"\x06\x01\0", "time to live"),
        (b"\x02\x01\x07" + PORT + TTL, "id of 1"),
        (CHASSIS + b"\x04\0" + TTL, "id of 0"),
        (CHASSIS + PORT + TTL + b"\x0e\x02\0\0", "capabilities"),
        (CHASSIS + PORT + TTL + b"\x10\x06\x05\x01\x0a\x4d\0\x02", "management"),
        (CHASSIS + PORT + TTL + b"\x10\0", "management"),
    ],
)
def test_what_does_not_check_out_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(MalformedPacketError, match=reason):
        Announcement.decode(data)


def test_a_switch_of_cisco_is_read_as_another_reader_does() -> None:
    read = 0
    for octets in captured("LLDP_and_CDP"):
        frame = Frame.decode(octets)
        if frame.protocol != LLDP:
            continue
        other, said = Ether(octets), Announcement.decode(frame.payload)
        assert said.chassis == other[LLDPDUChassisID].id
        assert said.port == other[LLDPDUPortID].id.decode()
        assert said.ttl_s == other[LLDPDUTimeToLive].ttl
        assert said.name == other[LLDPDUSystemName].system_name.decode()
        assert said.port_description == other[LLDPDUPortDescription].description.decode()
        assert said.description == " ".join(other[LLDPDUSystemDescription].description.decode().split())
        assert (said.capabilities, said.enabled, said.vlan) == (("bridge", "router"), ("bridge",), 1)
        read += 1
    assert read > 5


def test_frames_that_broke_other_readers_are_read_or_refused() -> None:
    for name, chassis in (("lldp_asan", None), ("lldp-infinite-loop-1", "08:00:27:42:ba:59")):
        for octets in captured(name):
            with suppress(MalformedPacketError):
                assert Announcement.decode(octets[14:]).chassis == chassis


@given(
    mutated([FULL]) | st.binary(max_size=300) | st.binary(max_size=300).map(lambda data: CHASSIS + PORT + TTL + data)
)
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with suppress(MalformedPacketError):
        said = Announcement.decode(data)
        words = (said.chassis, said.port, said.port_description, said.name, said.description)
        assert all(word.isprintable() and len(word) <= 255 for word in words)
        assert said.chassis
        assert said.port
