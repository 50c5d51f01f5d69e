"""Which addresses are probed when, and what becomes of those that someone answers for."""

from contextlib import suppress
from ipaddress import IPv4Address

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fibrix.domain.address_plan import AddressPlan
from fibrix.domain.network import AddressRange, Subnet
from fibrix.errors import MalformedPacketError
from fibrix.services.dhcp.probe import CLEAR_S, Prober, probe
from fibrix.types import MacAddress
from fibrix.wire.arp import ArpOperation, ArpPacket
from fibrix.wire.ethernet import ARP, BROADCAST, EthernetFrame
from tests.services.dhcp.rack import RACK, ip

OURS = MacAddress("02:00:00:00:00:01")
SQUATTER = MacAddress("52:54:00:99:00:01")
FIRST = int(ip("10.77.0.100"))


def subnet(count: int) -> Subnet:
    """One with so many addresses to give."""
    network = RACK.network if count < 100 else RACK.network.supernet(new_prefix=8)
    span = AddressRange(first=ip("10.77.0.100"), last=ip("10.77.0.100") + count - 1)
    return msgspec.structs.replace(RACK, network=network, ranges=(span,))


class Wire:
    """A prober that is asked four times a second, and what it sent."""

    def __init__(self, count: int = 4) -> None:
        self.count = count
        self.prober = Prober(subnet(count))
        self.now = 1_000.0
        self.taken: set[int] = set()
        self.sent: list[tuple[float, int]] = []

    def vacant(self, number: int) -> bool:
        return number not in self.taken

    def run(self, seconds: float) -> None:
        for _ in range(int(seconds * 4)):
            self.sent += [(self.now - 1_000, number) for number in self.prober.due(self.now, self.vacant)]
            self.now += 0.25

    def clear(self) -> set[int]:
        return {n for n in range(FIRST, FIRST + self.count) if self.prober.is_clear(n, self.now)}

    def say(self, number: int, mac: MacAddress = SQUATTER) -> MacAddress | None:
        answer = ArpPacket(ArpOperation.REPLY, mac, IPv4Address(number), OURS, ip("0.0.0.0"))
        return self.prober.heard(answer, self.now, self.vacant)


def test_each_address_is_asked_for_twice_and_is_clear_when_nobody_answers() -> None:
    wire = Wire()
    wire.run(2)
    assert sorted(number for _, number in wire.sent) == sorted([FIRST + n for n in range(4)] * 2)
    assert wire.clear() == set()
    wire.run(1)
    assert wire.clear() == {FIRST + n for n in range(4)}


def test_what_is_clear_is_asked_for_again_before_that_is_too_long_ago() -> None:
    wire = Wire()
    for _ in range(int(2 * CLEAR_S)):
        wire.run(1)
        assert len(wire.clear()) == 4 or wire.now < 1_004
    assert 4 * 2 * 2 <= len(wire.sent) <= 4 * 2 * 4


def test_who_answers_a_probe_is_named_and_the_address_is_not_clear() -> None:
    wire = Wire()
    wire.run(0.5)
    assert wire.say(FIRST + 1) == SQUATTER
    wire.taken.add(FIRST + 1)  # it rests
    wire.run(4)
    assert wire.clear() == {FIRST, FIRST + 2, FIRST + 3}


def test_who_speaks_later_from_a_clear_address_is_named_too() -> None:
    wire = Wire()
    wire.run(60)
    assert wire.say(FIRST + 2) == SQUATTER
    assert FIRST + 2 not in wire.clear()


def test_a_machine_that_was_given_the_address_meanwhile_may_use_it() -> None:
    wire = Wire()
    wire.run(60)
    wire.taken.add(FIRST + 2)
    assert wire.say(FIRST + 2) is None


def test_addresses_that_are_none_of_ours_are_nobodys_business() -> None:
    wire = Wire()
    wire.run(4)
    assert wire.say(int(ip("10.77.0.7"))) is None
    assert wire.say(0) is None  # somebody else's probe


@pytest.mark.parametrize("size", [4_097, 10_000, 65_534, 98_000])
def test_of_a_large_range_one_is_clear_near_any_place_and_only_so_much_is_kept(size: int) -> None:
    wire = Wire(size)
    wire.taken = {FIRST + n for n in range(0, size, 3)}
    wire.run(65)
    plan = AddressPlan(wire.prober.subnet)
    for _ in range(7):
        for place in range(0, size, 17):
            assert any(wire.prober.clear_of(plan.stretch(place, 64), wire.now)), (wire.now, place)
        assert len(wire.clear()) <= 4_096
        wire.run(60)


def test_what_is_given_away_of_a_large_range_is_replaced_by_its_neighbour() -> None:
    wire = Wire(10_000)
    wire.run(65)
    given = sorted(wire.clear())[:100]
    wire.taken |= set(given)
    wire.run(10)
    assert {number + 1 for number in given} <= wire.clear()


def test_a_large_range_is_gone_through_at_a_stated_pace() -> None:
    wire = Wire(100_000)
    wire.run(60)
    per_second = [sum(int(at) == second for at, _ in wire.sent) for second in range(60)]
    assert 90 <= max(per_second) <= 2 * 50 + 2


def test_addresses_in_use_are_passed_over() -> None:
    wire = Wire(50)
    wire.taken = {FIRST + n for n in range(49)}
    wire.run(5)
    assert {number for _, number in wire.sent} == {FIRST + 49}


def test_a_router_that_answers_for_everyone_does_not_take_the_pool_away() -> None:
    wire = Wire(60)
    wire.run(1.5)
    named = [number for number in {number for _, number in wire.sent} if wire.say(number) is not None]
    assert len(named) == 16
    assert wire.prober.answers_for_all(SQUATTER)
    wire.taken |= set(named)
    wire.run(5)
    assert len(wire.clear()) == 44


def test_a_probe_names_nobody_as_its_sender() -> None:
    frame = EthernetFrame.decode(probe(OURS, FIRST))
    packet = ArpPacket.decode(frame.payload)
    assert (frame.destination, frame.source, frame.ethertype) == (BROADCAST, OURS, ARP)
    assert (packet.operation, packet.sender_mac, packet.sender) == (ArpOperation.REQUEST, OURS, ip("0.0.0.0"))
    assert (packet.target_mac, packet.target) == ("00:00:00:00:00:00", ip("10.77.0.100"))


@pytest.mark.parametrize("back_s", [1, 10_000])
def test_time_that_goes_back_does_no_harm(back_s: int) -> None:
    wire = Wire()
    wire.run(4)
    wire.now -= back_s
    wire.run(2)


@given(st.binary(max_size=60))
def test_any_arp_is_taken_or_refused(octets: bytes) -> None:
    wire = Wire()
    wire.run(1)
    with suppress(MalformedPacketError):
        wire.prober.heard(ArpPacket.decode(probe(OURS, FIRST)[14:22] + octets), wire.now, wire.vacant)
