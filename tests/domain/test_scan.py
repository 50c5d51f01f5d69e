"""What a scan sends where, and what is refused."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fibrix.domain.network import Subnet, SubnetMode
from fibrix.domain.scan import (
    MOST_ADDRESSES,
    ScanKind,
    ScanShare,
    ScanSpec,
    cost,
    sendings,
    shares_of,
    unfit,
)
from fibrix.errors import InvalidError

ROLES = {"eth0": "wan", "eth1": "rack"}
K = ScanKind


def subnet(name: str, network: str, address: str, *, interface: str = "eth1", relayed: bool = False) -> Subnet:
    return Subnet(
        name=name,
        interface=interface,
        network=IPv4Network(network),
        address=IPv4Address(address),
        relayed=relayed,
        mode=SubnetMode.SERVE,
    )


RACKS = subnet("racks", "10.1.0.0/24", "10.1.0.1")
FAR = subnet("far", "10.2.0.0/24", "10.1.0.1", relayed=True)
PUBLIC = subnet("public", "192.0.2.0/24", "192.0.2.1", interface="eth0.7")
WIDE = subnet("wide", "10.64.0.0/15", "10.64.0.1")
ALL = (RACKS, FAR, PUBLIC, WIDE)


def plan(*targets: str, kinds: tuple[ScanKind, ...] = tuple(ScanKind)) -> tuple[ScanShare, ...]:
    return shares_of(ScanSpec(targets=targets, kinds=kinds), ALL, ROLES)


def addresses(share: ScanShare) -> list[str]:
    return [str(IPv4Address(number)) for span in share.spans for number in range(int(span.first), int(span.last) + 1)]


@pytest.mark.parametrize(
    ("targets", "asked"),
    [
        (("10.1.0.5",), ["10.1.0.5"]),
        (("10.1.0.0/30",), ["10.1.0.2", "10.1.0.3"]),  # neither the network's own nor ours
        (("10.1.0.254-10.1.0.255",), ["10.1.0.254"]),  # nor the broadcast address
        (("10.1.0.8/31", "10.1.0.9-10.1.0.10", "10.1.0.9"), ["10.1.0.8", "10.1.0.9", "10.1.0.10"]),  # each once
    ],
)
def test_targets_are_asked_once_each_and_in_order(targets: tuple[str, ...], asked: list[str]) -> None:
    (share,) = plan(*targets)
    assert addresses(share) == asked


def test_a_subnet_is_asked_whole_by_its_name() -> None:
    (share,) = plan("racks")
    assert share.count == 253
    assert share.all_nodes
    assert share.kinds == tuple(ScanKind)
    assert not plan("10.1.0.5")[0].all_nodes  # who asks for one host does not wake all of them


@pytest.mark.parametrize(
    ("targets", "kinds", "words"),
    [
        (("10.9.0.1",), (K.ARP,), "10.9.0.1 is not in a configured subnet (there are: racks 10.1.0.0/24"),
        (("10.0.0.0/8",), (K.ARP,), "10.0.0.0/8 is not in a configured subnet"),
        (("10.1.0.200-10.2.0.5",), (K.ARP,), "is not in a configured subnet"),
        (("public",), (K.ARP,), "'public' is on eth0.7, which has the role wan"),
        (("192.0.2.9",), (K.PING,), "the role wan"),
        (("far",), (K.ARP, K.ND), "'far' is behind a relay: ARP and ND do not reach it; ping, rmcp and redfish"),
        (("wide",), (K.ARP,), f"131069 addresses are too many: a scan asks for {MOST_ADDRESSES} at most"),
        (("10.1.0.9-10.1.0.5",), (K.ARP,), "ends before it begins"),
        (("nowhere",), (K.ARP,), "'nowhere' is neither the name of a subnet nor addresses"),
        (("10.1.0.1",), (K.ARP,), "nothing is left to ask in subnet 'racks'"),
        (("10.1.0.255",), (K.ARP,), "nothing is left to ask"),
        (("10.1.0.5",), (K.ND,), "nothing is left to ask"),
        (("fe80::1",), (K.ND,), "say on the link of which subnet, as fe80::1%SUBNET"),
        (("fe80::1%else",), (K.ND,), "say on the link of which subnet"),
        (("fe80::1%far",), (K.ND,), "behind a relay: its link cannot be reached"),
        (("ff02::1%racks",), (K.ND,), "is no address of one host"),
        (("fe80:::1%racks",), (K.ND,), "is no IPv6 address"),
    ],
)
def test_what_must_not_be_is_refused_in_words(
    targets: tuple[str, ...], kinds: tuple[ScanKind, ...], words: str
) -> None:
    with pytest.raises(InvalidError) as refusal:
        plan(*targets, kinds=kinds)
    assert words in str(refusal.value)
    assert refusal.value.pointer.startswith("/targets")


def test_every_fault_is_told_at_once() -> None:
    with pytest.raises(InvalidError) as refusal:
        plan("10.9.0.1", "racks", "nowhere")
    assert [fault.pointer for fault in refusal.value.faults] == ["/targets/0", "/targets/2"]


def test_behind_a_relay_all_is_asked_that_routers_pass_on() -> None:
    (share,) = plan("far")
    assert share.kinds == (K.PING, K.RMCP, K.REDFISH)
    assert share.count == 254


def test_on_a_link_arp_goes_before_everything() -> None:
    assert plan("10.1.0.5", kinds=(K.REDFISH,))[0].kinds == (K.ARP, K.REDFISH)


def test_an_ipv6_host_is_asked_for_on_the_link_of_a_subnet() -> None:
    (share,) = plan("fe80::1%racks", "2001:db8::7%racks", "10.1.0.5")
    assert share.neighbours == (IPv6Address("2001:db8::7"), IPv6Address("fe80::1"))
    assert plan("fe80::1%racks")[0].kinds == (K.ND,)


def test_what_is_sent_is_told_first() -> None:
    shares = plan("racks", "10.2.0.0/28")
    told = {
        (sending.subnet, sending.kind): (sending.packets, sending.sure) for one in shares for sending in sendings(one)
    }
    assert told == {
        ("racks", K.ARP): (506, 506),
        ("racks", K.ND): (2, 2),
        ("racks", K.PING): (506, 0),  # those who answered ARP
        ("racks", K.RMCP): (506, 0),
        ("racks", K.REDFISH): (253 * 20, 0),
        ("far", K.PING): (30, 30),
        ("far", K.RMCP): (30, 30),
        ("far", K.REDFISH): (300, 300),
    }
    paid = cost(shares, 100)
    assert paid.packets == 6940
    assert paid.least_s == pytest.approx(868 * 1.02 / 100 + 2)
    assert paid.most_s > 69.4


def test_what_was_planned_is_not_done_when_the_subnet_is_another() -> None:
    (share,) = plan("10.1.0.5")
    assert unfit(share, ALL) == ""
    assert unfit(share, (FAR,)) == "the subnet is gone"
    for changed in (
        replace(RACKS, interface="eth2"),
        replace(RACKS, network=IPv4Network("10.1.0.0/30")),
        replace(RACKS, address=IPv4Address("10.1.0.2")),
        replace(RACKS, relayed=True),
    ):
        assert unfit(share, (changed,)) == "the subnet was changed"


OCTETS = st.integers(0, 2**32 - 1).map(lambda number: str(IPv4Address(number)))
NEAR = st.integers(-300, 300).map(lambda number: str(IPv4Address("10.1.0.128") + number))
PLACES = OCTETS | NEAR
TARGETS = (
    st.sampled_from(["racks", "far", "public", "10.1.0.0/25"])
    | PLACES
    | st.tuples(PLACES, st.integers(20, 32)).map(lambda pair: f"{pair[0]}/{pair[1]}")
    | st.tuples(PLACES, PLACES).map(lambda pair: f"{pair[0]}-{pair[1]}")
    | st.text(max_size=20)
)


@given(
    st.lists(TARGETS, min_size=1, max_size=5),
    st.lists(st.sampled_from(list(ScanKind)), min_size=1, max_size=5),
)
def test_nothing_outside_of_a_subnet_is_ever_planned(targets: list[str], kinds: list[ScanKind]) -> None:
    try:
        shares = plan(*targets, kinds=tuple(kinds))
    except InvalidError:
        return
    by_name = {one.name: one for one in ALL}
    for share in shares:
        within = by_name[share.subnet]
        assert not share.interface.startswith("eth0")
        assert all(span.first in within.network and span.last in within.network for span in share.spans)
        assert not share.holds(within.address)
        assert not share.holds(within.network.broadcast_address)
        assert all(a.last < b.first for a, b in pairwise(share.spans))
