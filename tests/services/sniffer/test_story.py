"""A host that boots is one discovery."""

from typing import Any

from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

from tests.services.sniffer.peers import A4, lldp, udp
from tests.services.sniffer.test_names import MDNS, answer, said
from tests.services.sniffer.wire import A, B, Wire, arp

MAC = bytes.fromhex(A.replace(":", ""))
WANTS = [1, 28, 2, 3, 15, 6, 119, 12, 44, 47, 26, 121, 42]


def dhcp(kind: int, *, server: bool = False, **header: Any) -> bytes:
    options = [
        ("message-type", kind),
        ("hostname", b"server-7"),
        ("param_req_list", WANTS),
        ("router", "10.0.0.1"),
        "end",
    ]
    message = BOOTP(op=2 if server else 1, chaddr=MAC, **header) / DHCP(options=options)
    if server:
        return bytes(Ether(src=B, dst=A) / IP(src="10.0.0.1", dst=A4) / UDP(sport=67, dport=68) / message)
    return bytes(
        Ether(src=A, dst="ff:ff:ff:ff:ff:ff")
        / IP(src="0.0.0.0", dst="255.255.255.255")
        / UDP(sport=68, dport=67)
        / message
    )


def test_a_host_that_boots_is_one_discovery_with_all_that_it_said_within_two_seconds() -> None:
    wire = Wire()
    wire.hears(dhcp(1), 0)
    wire.hears(dhcp(2, server=True, yiaddr=A4), 0.1)
    wire.hears(dhcp(3), 0.2)
    wire.hears(dhcp(5, server=True, yiaddr=A4), 0.3)
    wire.hears(arp(A, "0.0.0.0"), 0.4)
    wire.hears(arp(A, A4), 0.7)
    wire.hears(udp(A, said(answer("server-7.local.", A4)), 5353, to=MDNS), 0.8)
    wire.hears(
        lldp(A, name="server-7.example.com", description="Debian GNU/Linux", capabilities={"station_only": 1}), 0.9
    )
    wire.waits(1.5)
    assert wire.said == [
        f"host.seen {A} eth1 dhcp Supermicro",
        f"host.seen {B} eth1 dhcp Supermicro 10.0.0.1",
        f"dhcp.server_seen {B} eth1 10.0.0.1",
        f"gateway.seen {B} eth1 10.0.0.1",
        f"host.changed {A} eth1 addresses+names+switch {A4} server-7.example.com Linux",
    ]
    host = wire.host(A)
    assert host.kind == "Linux"
    assert [(one.means, one.name) for one in host.names] == [
        ("lldp", "server-7.example.com"), ("dhcp", "server-7"), ("mdns", "server-7"),
    ]  # fmt: skip
    assert host.means == ("dhcp", "arp", "mdns", "lldp")
    assert host.client is not None
    assert host.client.wants == tuple(WANTS)


def test_the_second_dhcp_server_is_named_too() -> None:
    wire = Wire()
    wire.hears(dhcp(1), 0)
    offer = dhcp(2, server=True, yiaddr=A4)
    wire.hears(offer, 0.1)
    wire.hears(offer[:6] + bytes.fromhex("002590000077") + offer[12:], 0.2)
    assert [one for one in wire.said if one.startswith("dhcp")] == [
        f"dhcp.server_seen {B} eth1 10.0.0.1",
        "dhcp.server_seen 00:25:90:00:00:77 eth1 10.0.0.1",
    ]
