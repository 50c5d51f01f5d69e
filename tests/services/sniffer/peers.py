"""Frames of the rarer protocols, built by scapy."""

from typing import Any

from scapy.contrib.cdp import (
    CDPMsgCapabilities,
    CDPMsgDeviceID,
    CDPMsgPlatform,
    CDPMsgPortID,
    CDPMsgSoftwareVersion,
    CDPv2_HDR,
)
from scapy.contrib.lldp import (
    LLDPDU,
    LLDPDUChassisID,
    LLDPDUEndOfLLDPDU,
    LLDPDUPortDescription,
    LLDPDUPortID,
    LLDPDUSystemCapabilities,
    LLDPDUSystemDescription,
    LLDPDUSystemName,
    LLDPDUTimeToLive,
)
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import LLC, SNAP, Dot3, Ether
from scapy.packet import Packet, Raw

A4, A6 = "10.0.0.10", "fe80::225:90ff:fe00:a"


def udp(mac: str, payload: bytes | Packet, port: int, *, to: str, source: str = A4, sport: int = 0) -> bytes:
    """A datagram from a host's port to an address; to a group where that is one."""
    group = to.startswith(("224.", "239.", "ff")) or to.endswith(".255")
    ethernet = Ether(src=mac, dst="01:00:5e:00:00:01" if group else "00:25:90:00:00:fe")
    network = IPv6(src=source, dst=to) if ":" in source else IP(src=source, dst=to)
    body = Raw(payload) if isinstance(payload, bytes) else payload
    return bytes(ethernet / network / UDP(sport=sport or port, dport=port) / body)


def lldp(mac: str, *, name: str, description: str = "", capabilities: dict[str, Any], ttl: int = 120) -> bytes:
    """An announcement as lldpd sends it."""
    group = "01:80:c2:00:00:0e"
    said = (
        LLDPDUChassisID(subtype=4, id=mac)
        / LLDPDUPortID(subtype=5, id=b"ge-0/0/7")
        / LLDPDUTimeToLive(ttl=ttl)
        / LLDPDUPortDescription(description=b"rack 3, unit 12")
        / LLDPDUSystemName(system_name=name.encode())
        / LLDPDUSystemDescription(description=description.encode())
        / LLDPDUSystemCapabilities(**{f"{one}_{what}": bit for one, bit in capabilities.items() for what in BOTH})
        / LLDPDUEndOfLLDPDU()
    )
    assert isinstance(said, LLDPDU)
    return bytes(Ether(src=mac, dst=group, type=0x88CC) / said)


BOTH = ("available", "enabled")


def cdp(mac: str, *, name: str, platform: str, version: str, capabilities: int, ttl: int = 180) -> bytes:
    """An announcement as Cisco's switches send it."""
    said = CDPv2_HDR(
        ttl=ttl,
        msg=[
            CDPMsgDeviceID(val=name.encode()),
            CDPMsgPortID(iface=b"GigabitEthernet1/0/7"),
            CDPMsgCapabilities(cap=capabilities),
            CDPMsgSoftwareVersion(val=version.encode()),
            CDPMsgPlatform(val=platform.encode()),
        ],
    )
    return bytes(
        Dot3(dst="01:00:0c:cc:cc:cc", src=mac) / LLC(dsap=0xAA, ssap=0xAA, ctrl=3) / SNAP(OUI=0xC, code=0x2000) / said
    )
