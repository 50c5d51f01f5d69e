"""IPv6 addresses that hosts test before they use them, and never name again."""

from ipaddress import IPv6Address

import pytest
from scapy.layers.inet6 import ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6NDOptDstLLAddr, ICMPv6NDOptSrcLLAddr, IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Packet

from fibrix.domain.census.moment import SECOND
from fibrix.domain.census.tentative import MOST, WAIT, Tentative
from fibrix.domain.census.track import MOST_ADDRESSES
from tests.services.sniffer.wire import A, B, Wire, arp

X, Y = "2001:db8::10", "2001:db8::11"
MARK = "10.0.0.10"


def dad(mac: str, address: str = X) -> bytes:
    group = "ff02::1:ff" + IPv6Address(address).exploded[-7:]
    packet = IPv6(src="::", dst=group, hlim=255) / ICMPv6ND_NS(tgt=address)
    return bytes(Ether(src=mac, dst="33:33:ff:00:00:10") / packet)


def na(mac: str, address: str = X, *, override: int = 1) -> bytes:
    said = ICMPv6ND_NA(tgt=address, R=0, S=0, O=override) / ICMPv6NDOptDstLLAddr(lladdr=mac)
    return nd(mac, said)


def asks_for(mac: str, address: str = X) -> bytes:
    return nd(mac, ICMPv6ND_NS(tgt=address) / ICMPv6NDOptSrcLLAddr(lladdr=mac))


def nd(mac: str, message: Packet) -> bytes:
    source = f"fe80::{mac[-2:]}"
    return bytes(Ether(src=mac, dst="33:33:00:00:00:01") / IPv6(src=source, dst="ff02::1", hlim=255) / message)


def shown(wire: Wire, mac: str) -> list[str]:
    """The global IPv6 addresses of a host, which makes itself heard for that."""
    wire.hears(arp(mac, "10.0.0.77"), 100)
    wire.waits(110)
    return [one.address for one in wire.host(mac).addresses if one.address.startswith("2001:")]


def test_an_address_that_nobody_answers_for_is_the_hosts() -> None:
    wire = Wire()
    wire.hears(dad(A), 0)
    assert wire.host(A).addresses == ()
    wire.waits(1.5)
    wire.waits(2.5)
    assert wire.said == [f"host.seen {A} eth1 nd Supermicro", f"host.changed {A} eth1 addresses {X}"]
    used = wire.host(A).addresses[0]
    assert (used.address, used.last) == (X, wire.host(A).last)


@pytest.mark.parametrize("override", [0, 1])
def test_one_that_another_answers_for_is_not(override: int) -> None:
    wire = Wire()
    wire.hears(dad(A), 0)
    wire.hears(na(B, override=override), 0.5)
    wire.hears(dad(A), 0.9)
    assert shown(wire, A) == []
    assert shown(wire, B) == [X] * override


def test_two_that_test_the_same_both_have_to_do_without_it() -> None:
    wire = Wire()
    wire.hears(dad(A), 0)
    wire.hears(dad(B), 0.2)
    wire.hears(dad(A), 1)
    assert (shown(wire, A), shown(wire, B)) == ([], [])


def test_who_uses_it_before_the_test_is_over_may() -> None:
    """As RFC 4429 allows: its own advertisements are no answer, with or without override."""
    wire = Wire()
    wire.hears(dad(A), 0)
    wire.hears(na(A, override=0), 0.1)
    wire.hears(dad(A, Y), 0.2)
    wire.hears(na(A, Y), 0.3)
    assert shown(wire, A) == [Y, X]


def test_who_asks_for_it_does_not_answer() -> None:
    wire = Wire()
    wire.hears(dad(A), 0)
    wire.hears(asks_for(B), 0.5)
    assert shown(wire, A) == [X]


def test_the_same_address_in_another_vlan_is_another() -> None:
    wire = Wire()
    wire.hears(dad(A), 0, vlan=1)
    wire.hears(na(B), 0.5, vlan=2)
    wire.waits(2)
    wire.waits(5)
    assert [one.address for one in wire.host(A).addresses] == [X]


@pytest.mark.parametrize("address", ["::1", "::"])
def test_what_is_no_hosts_address_is_not_taken_up(address: str) -> None:
    wire = Wire()
    wire.hears(dad(A, address), 0)
    wire.hears(arp(A, MARK), 1)
    wire.waits(2)
    wire.waits(5)
    assert [one.address for one in wire.host(A).addresses] == [MARK]


def test_a_flood_of_tests_stays_within_the_addresses_that_a_host_may_have() -> None:
    wire = Wire()
    for number in range(2_000):
        wire.hears(dad(A, f"2001:db8::{number:x}"), number / 500)
    wire.waits(60)
    assert 0 < len(wire.host(A).addresses) <= MOST_ADDRESSES
    assert len(wire.said) <= 5


def test_no_more_than_so_many_tests_are_kept_and_all_are_over_in_time() -> None:
    tentative = Tentative()
    for number in range(3 * MOST):
        tentative.test(number.to_bytes(6), ("eth1", 0), number.to_bytes(16), number)
    assert len(tentative) == MOST
    assert tentative.take(WAIT - 1) is None
    taken = 0
    while tentative.take(WAIT + SECOND) is not None:
        taken += 1
    assert (taken, len(tentative)) == (MOST, 0)
