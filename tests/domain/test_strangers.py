"""Machines that nobody knows never take what known ones need, however many they are."""

from collections.abc import Sequence
from ipaddress import IPv4Address

import pytest
from msgspec.structs import replace

from fibrix.domain.address_plan import AddressPlan
from fibrix.domain.binding import Client
from fibrix.domain.lease import Leases
from fibrix.domain.network import Subnet
from fibrix.types import MacAddress, mac_from_octets
from tests.domain.test_lease import NOW, at, client, ip, leases, mac, subnet, take


def stranger(number: int) -> Client:
    return Client(mac_from_octets(b"\x06" + number.to_bytes(5)))


def flood(book: Leases, net: Subnet, count: int) -> list[int]:
    """So many strangers ask once, none takes what it is offered."""
    offered = []
    for number in range(count):
        choice = book.offer(net, stranger(number), None, at(number / 10_000))
        if choice.number is not None:
            offered.append(choice.number)
    return offered


def test_a_flood_of_strangers_leaves_half_of_what_is_free_to_others() -> None:
    book, net = leases(), subnet((100, 199))
    assert len(flood(book, net, 10_000)) == 10_000  # each may be the one that is meant: the oldest gives way
    assert book._offers.to_strangers("rack") == 50


def test_after_a_flood_a_known_machine_gets_an_address_at_once() -> None:
    book, net = leases(), subnet((100, 103))
    book.known = frozenset({mac(1)})
    flood(book, net, 100)
    assert take(book, net, 1, at(0.02)) is not None


def test_a_stranger_gets_what_it_was_offered_although_it_was_offered_again() -> None:
    book, net = leases(), subnet((100, 115))
    first = book.offer(net, stranger(0), None, NOW).number
    assert first is not None
    flood_of = [number for number in flood(book, net, 200) if number == first]
    assert flood_of  # others were offered it since
    assert book.refusal(net, stranger(0), first, at(0.1)) == ""
    book.grant(net, stranger(0), first, "", at(0.1))
    assert "is bound to" in book.refusal(net, stranger(17), first, at(0.1))


def test_strangers_that_take_all_they_can_leave_an_eighth_to_known_machines_without_an_address() -> None:
    book, net = leases(), subnet((100, 179))
    book.known = frozenset(mac(number) for number in range(1, 31))
    got = [take_stranger(book, net, number) for number in range(200)]
    assert sum(address is not None for address in got) == 70
    assert "kept for known machines" in book.offer(net, stranger(999), None, at(1)).reason
    assert "kept for known machines" in book.refusal(net, stranger(999), free(book, net), at(1))
    assert [take(book, net, number, at(2)) for number in range(1, 11)].count(None) == 0


def test_nothing_is_kept_when_every_known_machine_has_its_address() -> None:
    book, net = leases(), subnet((100, 179))
    book.known = frozenset({mac(1)})
    take(book, net, 1, NOW)
    assert sum(take_stranger(book, net, number) is not None for number in range(200)) == 79


def take_stranger(book: Leases, net: Subnet, number: int) -> int | None:
    choice = book.offer(net, stranger(number), None, NOW)
    if choice.number is None:
        return None
    return book.grant(net, stranger(number), choice.number, "", NOW).number


def free(book: Leases, net: Subnet) -> int:
    return next(n for n in range(int(ip(100)), int(ip(180))) if book.at(n) is None)


def test_a_machine_that_has_an_address_is_no_stranger_and_renews_in_a_full_pool() -> None:
    book, net = leases(), subnet((100, 179))
    book.known = frozenset(mac(number) for number in range(1, 31))
    first = take_stranger(book, net, 0)
    for number in range(1, 200):
        take_stranger(book, net, number)
    assert first is not None
    assert book.refusal(net, stranger(0), first, at(300)) == ""


def test_who_has_a_reservation_is_known() -> None:
    net = subnet((100, 107), reservations={1: 105})
    assert leases().is_known(net, client(1), NOW)
    by_identifier = replace(net.reservations[0], mac=MacAddress(""), client_id="00ab")
    net = replace(net, reservations=(by_identifier,))
    assert leases().is_known(net, Client(mac(9), "00ab"), NOW)
    assert not leases().is_known(net, Client(mac(9), "00ac"), NOW)


class Seen:
    """What was found on the wire."""

    def __init__(self, clear: set[int]) -> None:
        self._clear = clear

    def clear_of(self, numbers: Sequence[int]) -> list[int]:
        return [number for number in numbers if number in self._clear]


def test_a_clear_address_is_preferred_to_one_that_was_not_looked_at() -> None:
    net = subnet((100, 103))
    book = Leases((), offer_s=30, decline_s=600, probes=Seen({int(ip(102))}))
    assert take(book, net, 1, NOW) == ip(102)
    assert take(book, net, 2, NOW) not in (None, ip(102))  # not looked at is better than nothing


def test_who_has_a_reservation_by_identifier_keeps_it_with_another_mac() -> None:
    reservation = replace(
        subnet((100, 103), reservations={1: 50}).reservations[0], mac=MacAddress(""), client_id="00ab"
    )
    book, net = leases(), replace(subnet((100, 103)), reservations=(reservation,))
    for number in (1, 2):  # the network card was replaced
        who, now = Client(mac(number), "00ab"), at(number)
        chosen = book.offer(net, who, None, now).number
        assert chosen == int(ip(50))
        assert book.grant(net, who, chosen, "", now).mac == mac(number)
    assert "reserved for client 00ab" in book.refusal(net, client(1), int(ip(50)), at(3))


@pytest.mark.parametrize("spans", [[(100, 103)], [(100, 103), (110, 110), (120, 129)], []])
def test_a_stretch_of_a_plan_runs_through_its_ranges_and_round(spans: list[tuple[int, int]]) -> None:
    plan = AddressPlan(subnet(*spans))
    for start in range(plan.size):
        for count in (0, 1, 3, 15, 99):
            places = [(start + step) % plan.size for step in range(min(count, plan.size))]
            assert list(plan.stretch(start, count)) == [plan.nth(place) for place in places]


def test_a_clear_address_near_the_first_choice_is_preferred_in_a_wide_range() -> None:
    net = subnet((10, 250))
    first = leases().offer(net, client(1), None, NOW).number
    assert first is not None
    clear = AddressPlan(net).stretch(first - int(ip(10)), 41)[-1]
    book = Leases((), offer_s=30, decline_s=600, probes=Seen({clear}))
    assert take(book, net, 1, NOW) == IPv4Address(clear)
    assert take(book, net, 2, NOW) != IPv4Address(clear)
