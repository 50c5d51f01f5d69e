"""The choice of addresses, as machines and operators notice it."""

from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fibrix.domain.binding import SECOND_US, Binding, BindingState, Client, instant_us
from fibrix.domain.lease import Leases
from fibrix.domain.network import AddressRange, Reservation, Subnet, SubnetMode
from fibrix.types import MacAddress, mac_from_octets

NOW = instant_us(datetime(2026, 1, 1, tzinfo=UTC))


def ip(last: int) -> IPv4Address:
    return IPv4Address("10.77.0.0") + last


def mac(number: int) -> MacAddress:
    return mac_from_octets(bytes.fromhex("5254007700") + bytes((number,)))


def client(number: int) -> Client:
    return Client(mac(number))


def at(seconds: float) -> int:
    return NOW + int(seconds * SECOND_US)


def subnet(*ranges: tuple[int, int], reservations: dict[int, int] | None = None) -> Subnet:
    return Subnet(
        name="rack",
        interface="eth1",
        network=IPv4Network("10.77.0.0/24"),
        address=ip(1),
        mode=SubnetMode.SERVE,
        ranges=tuple(AddressRange(first=ip(first), last=ip(last)) for first, last in ranges or ((100, 103),)),
        routers=(ip(2),),
        lease_s=600,
        reservations=tuple(Reservation(mac=mac(m), address=ip(a)) for m, a in (reservations or {}).items()),
    )


def leases(*bindings: Binding) -> Leases:
    return Leases(bindings, offer_s=30, decline_s=600)


def take(book: Leases, net: Subnet, number: int, now: int, wanted: int | None = None) -> IPv4Address | None:
    """Go through offer and grant."""
    choice = book.offer(net, client(number), None if wanted is None else int(ip(wanted)), now)
    if choice.number is None:
        return None
    assert book.refusal(net, client(number), choice.number, now) == ""
    return book.grant(net, client(number), choice.number, "", now).address


def test_a_machine_gets_its_own_address_again_even_after_it_expired() -> None:
    book, net = leases(), subnet()
    first = take(book, net, 1, NOW)
    assert take(book, net, 2, at(1)) != first
    assert take(book, net, 1, at(10_000)) == first


def test_the_first_choice_depends_on_the_mac_alone() -> None:
    net = subnet((100, 200))
    assert take(leases(), net, 7, NOW) == take(leases(), net, 7, at(99))


def test_a_reservation_comes_first_and_is_nobody_elses() -> None:
    book, net = leases(), subnet((100, 101), reservations={1: 100, 2: 50})
    assert take(book, net, 1, NOW, wanted=101) == ip(100)
    assert take(book, net, 2, NOW) == ip(50)  # outside the ranges as well
    assert take(book, net, 3, NOW, wanted=100) == ip(101)
    assert take(book, net, 4, NOW) is None


def test_a_reservation_that_someone_sits_on_is_given_when_it_is_free() -> None:
    book = leases()
    assert take(book, subnet((100, 103)), 1, NOW, wanted=100) == ip(100)
    net = subnet((100, 103), reservations={2: 100})
    assert take(book, net, 2, at(1)) != ip(100)
    assert "reserved for" in book.refusal(net, client(1), int(ip(100)), at(2))
    assert take(book, net, 2, at(601)) == ip(100)


def test_the_address_asked_for_is_given_if_it_is_free() -> None:
    book, net = leases(), subnet()
    assert take(book, net, 1, NOW, wanted=102) == ip(102)
    assert take(book, net, 2, NOW, wanted=102) != ip(102)


def test_when_all_were_used_the_longest_expired_goes_first() -> None:
    book, net = leases(), subnet((100, 102))
    firsts = [take(book, net, number, at(number)) for number in (1, 2, 3)]
    book.grant(net, client(1), int(firsts[0] or 0), "", at(50))  # renewed: no longer the oldest
    assert take(book, net, 4, at(601)) is None
    assert take(book, net, 4, at(1_000)) == firsts[1]
    assert take(book, net, 5, at(1_000)) == firsts[2]
    assert take(book, net, 6, at(1_000)) == firsts[0]
    assert take(book, net, 7, at(1_000)) is None


def test_a_full_pool_says_so() -> None:
    book, net = leases(), subnet((100, 100))
    take(book, net, 1, NOW)
    choice = book.offer(net, client(2), None, NOW)
    assert (choice.address, choice.reason) == (None, "all 1 addresses of the ranges of rack are in use")


def test_an_offer_holds_for_its_time_and_then_frees_the_address() -> None:
    book, net = leases(), subnet((100, 100))
    book.offer(net, client(1), int(ip(100)), NOW)
    assert "offered to" in book.refusal(net, client(2), int(ip(100)), at(29))
    assert book.offer(net, client(2), None, at(29)).address is None
    assert book.offer(net, client(2), None, at(30)).address == ip(100)


def test_an_expired_address_that_was_offered_in_vain_can_be_offered_again() -> None:
    book, net = leases(), subnet((100, 100))
    take(book, net, 1, NOW)
    book.offer(net, client(2), None, at(700))
    assert book.offer(net, client(3), None, at(710)).address is None
    assert book.offer(net, client(3), None, at(730)).address == ip(100)


def test_a_declined_address_rests_and_its_finder_gets_another() -> None:
    book, net = leases(), subnet((100, 101))
    assert take(book, net, 1, NOW, wanted=100) == ip(100)
    resting = book.decline(net, mac(1), int(ip(100)), at(1))
    assert resting is not None
    assert (resting.state, resting.until_us) == (BindingState.DECLINED, at(601))
    assert take(book, net, 1, at(2)) == ip(101)
    assert "it rests until" in book.refusal(net, client(2), int(ip(100)), at(600))
    assert take(book, net, 2, at(600)) is None
    assert take(book, net, 2, at(601)) == ip(100)


def test_only_who_has_an_address_can_decline_or_release_it() -> None:
    book, net = leases(), subnet()
    take(book, net, 1, NOW, wanted=100)
    assert book.decline(net, mac(2), int(ip(100)), NOW) is None
    assert book.release(mac(2), int(ip(100)), NOW) is None
    assert book.release(mac(1), int(ip(101)), NOW) is None


def test_a_released_address_is_free_and_still_remembered() -> None:
    book, net = leases(), subnet((100, 101))
    take(book, net, 1, NOW, wanted=100)
    released = book.release(mac(1), int(ip(100)), at(1))
    assert released is not None
    assert released.state is BindingState.RELEASED
    assert take(book, net, 1, at(2)) == ip(100)
    book.release(mac(1), int(ip(100)), at(3))
    assert take(book, net, 2, at(4), wanted=100) == ip(100)
    assert take(book, net, 1, at(5)) == ip(101)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        (IPv4Address("10.78.0.100"), "is not in 10.77.0.0/24"),
        (ip(0), "belongs to the network itself"),
        (ip(255), "belongs to the network itself"),
        (ip(1), "belongs to the network itself"),  # the rack's own
        (ip(2), "belongs to the network itself"),  # a router
        (ip(99), "is in no range of rack"),
    ],
)
def test_addresses_that_are_no_machines_are_refused_with_the_reason(address: IPv4Address, reason: str) -> None:
    assert reason in leases().refusal(subnet((0, 98), (100, 255)), client(1), int(address), NOW)


def test_a_link_of_two_has_neither_network_nor_broadcast_address() -> None:
    net = replace(subnet((0, 1)), network=IPv4Network("10.77.0.0/31"), routers=())
    assert take(leases(), net, 1, NOW) == ip(0)  # 1 is the rack's own


def test_several_ranges_are_used_up_to_their_ends() -> None:
    book, net = leases(), subnet((10, 11), (20, 20), (0, 2))
    given_out = {take(book, net, number, NOW) for number in range(10)}
    assert given_out == {ip(10), ip(11), ip(20), None}  # 0, 1 and 2 are the network's, the rack's, the router's


def test_a_changed_subnet_takes_effect_with_the_next_question() -> None:
    book = leases()
    take(book, subnet((100, 100)), 1, NOW)
    assert take(book, subnet((100, 100)), 2, NOW) is None
    assert take(book, subnet((100, 101)), 2, NOW) == ip(101)
    assert "in no range" in book.refusal(subnet((101, 101)), client(1), int(ip(100)), NOW)


def test_what_was_stored_is_known_again() -> None:
    before, net = leases(), subnet()
    kept = [before.grant(net, client(number), int(ip(99 + number)), "", NOW) for number in (1, 2)]
    declined = before.decline(net, mac(2), int(ip(101)), at(1))
    assert declined is not None
    after = leases(kept[0], declined)
    assert take(after, net, 1, at(2)) == ip(100)
    assert "it rests" in after.refusal(net, client(3), int(ip(101)), at(2))


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["take", "release", "decline", "offer"]),
            st.integers(1, 8),
            st.integers(100, 105),
            st.integers(0, 400),
        ),
        max_size=60,
    )
)
def test_no_two_machines_ever_hold_one_address(steps: list[tuple[str, int, int, int]]) -> None:
    book, net, now = leases(), subnet((100, 104), reservations={8: 103}), NOW
    held: dict[IPv4Address, tuple[MacAddress, int]] = {}
    for step, number, wanted, wait in steps:
        now += wait * SECOND_US
        if step == "take":
            address = take(book, net, number, now, wanted)
            if address is not None:
                holder, until = held.get(address, (mac(number), now))
                assert holder == mac(number) or until <= now
                held = {a: h for a, h in held.items() if h[0] != mac(number)}
                held[address] = (mac(number), now + 600 * SECOND_US)
        elif step == "release" and book.release(mac(number), int(ip(wanted)), now):
            del held[ip(wanted)]
        elif step == "decline" and book.decline(net, mac(number), int(ip(wanted)), now):
            held[ip(wanted)] = (MacAddress("nobody"), now + 600 * SECOND_US)
        elif step == "offer":
            book.offer(net, client(number), int(ip(wanted)), now)


def test_the_thousandth_renewal_costs_no_memory() -> None:
    book, net = leases(), subnet()
    for second in range(2_000):
        book.grant(net, client(1), int(ip(100)), "", at(second))
    assert len(book._pool(net)._heap) <= 256
