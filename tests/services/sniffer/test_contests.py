"""Addresses that two hosts use."""

import pytest
from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

from tests.services.sniffer.wire import A, B, Wire, arp

X = "10.0.0.10"


def contests(wire: Wire) -> list[str]:
    return [one for one in wire.said if one.startswith("address.contested")]


def test_two_that_go_on_using_one_address_contest_it() -> None:
    wire = Wire()
    for second in range(0, 120, 10):
        wire.hears(arp(A, X), second)
        wire.hears(arp(B, X), second + 3)
    assert contests(wire) == [f"address.contested {A} eth1 {X} {B}"]
    assert f"uses {X}, as {B} does" in [one.what for one in wire.host(A).history]


def test_it_is_told_again_after_an_hour() -> None:
    wire = Wire()
    for second in range(0, 7300, 10):
        wire.hears(arp(A, X), second)
        wire.hears(arp(B, X), second + 3)
    assert len(contests(wire)) == 3


def test_an_address_that_is_taken_over_is_none() -> None:
    """As a service fails over to another machine, or a lease is given anew."""
    wire = Wire()
    wire.hears(arp(A, X), 0)
    for second in range(5, 60, 5):
        wire.hears(arp(B, X), second)
    assert contests(wire) == []


def test_one_that_fails_over_and_back_much_later_is_none() -> None:
    wire = Wire()
    wire.hears(arp(A, X), 0)
    wire.hears(arp(B, X), 10)
    wire.hears(arp(A, X), 100)
    wire.hears(arp(B, X), 200)
    assert contests(wire) == []


@pytest.mark.parametrize("shared", ["00:00:5e:00:01:07", "00:00:0c:07:ac:01"])
def test_routers_that_share_an_address_by_design_do_not_contest_it(shared: str) -> None:
    wire = Wire()
    for second in range(0, 60, 10):
        wire.hears(arp(A, X), second)
        wire.hears(arp(shared, X), second + 3)
    assert contests(wire) == []


def test_probes_claim_nothing() -> None:
    wire = Wire()
    for second in range(0, 60, 10):
        wire.hears(arp(A, X), second)
        wire.hears(arp(B, "0.0.0.0"), second + 3)
    assert contests(wire) == []


def test_the_same_address_in_two_vlans_is_two_addresses() -> None:
    wire = Wire()
    for second in range(0, 60, 10):
        wire.hears(arp(A, X), second, vlan=1)
        wire.hears(arp(B, X), second + 3, vlan=2)
    assert contests(wire) == []


def test_an_address_that_was_given_up_is_free() -> None:
    release = BOOTP(op=1, chaddr=bytes.fromhex(A.replace(":", "")), ciaddr=X) / DHCP(
        options=[("message-type", 7), "end"]
    )
    wire = Wire()
    wire.hears(arp(A, X), 0)
    wire.hears(arp(B, X), 5)
    wire.hears(bytes(Ether(src=A, dst=B) / IP(src=X, dst="10.0.0.1") / UDP(sport=68, dport=67) / release), 6)
    wire.hears(arp(A, X), 8)
    wire.waits(10)
    assert contests(wire) == []
    assert [one.address for one in wire.host(A).addresses] == [X]
