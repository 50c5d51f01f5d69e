"""Clocks that are set, forward and back: leases stay the real spans of time that clients were told."""

from hypothesis import given
from hypothesis import strategies as st

from fibrix.domain.binding import SECOND_US
from fibrix.domain.lease_clock import LeaseClock
from tests.domain.test_lease import NOW, at, client, ip, leases, subnet, take

DAY_US = 86_400 * SECOND_US


def test_a_clock_that_nobody_sets_is_believed() -> None:
    clock = LeaseClock(1_000, 50)
    assert [clock.read(1_000 + n, 50 + n) for n in (0, 7, 9)] == [(1_000, 0), (1_007, 0), (1_009, 0)]


def test_drift_is_followed_but_never_backwards() -> None:
    clock = LeaseClock(10 * SECOND_US, 0)
    assert clock.read(11 * SECOND_US, 900_000) == (11 * SECOND_US, 0)
    assert clock.read(11 * SECOND_US - 5, 1_000_000) == (11 * SECOND_US, 0)


def test_a_step_is_told_in_either_direction() -> None:
    clock = LeaseClock(DAY_US, 0)
    assert clock.read(2 * DAY_US, 10) == (2 * DAY_US, DAY_US - 10)
    assert clock.read(2 * DAY_US + 10, 20) == (2 * DAY_US + 10, 0)
    assert clock.read(10, 20 + SECOND_US) == (10, -2 * DAY_US - SECOND_US)


def test_a_step_forward_hands_out_nobodys_address_and_one_back_holds_none_for_longer() -> None:
    for step_us in (DAY_US, -DAY_US):
        book, net = leases(), subnet((100, 100))
        take(book, net, 1, NOW)
        book.shift(step_us)
        assert take(book, net, 2, at(599) + step_us) is None
        assert take(book, net, 1, at(599) + step_us) == ip(100)
        book.shift(-step_us)
        assert take(book, net, 2, at(1_198)) is None
        assert take(book, net, 2, at(1_200)) == ip(100)


def test_offers_and_rests_move_with_the_clock() -> None:
    book, net = leases(), subnet((100, 101))
    book.offer(net, client(1), int(ip(100)), NOW)
    book.quarantine(net, client(9).mac, int(ip(101)), NOW)
    book.shift(DAY_US)
    assert "offered to" in book.refusal(net, client(2), int(ip(100)), at(29) + DAY_US)
    assert "it rests" in book.refusal(net, client(2), int(ip(101)), at(599) + DAY_US)
    assert book.refusal(net, client(2), int(ip(100)), at(30) + DAY_US) == ""


@given(st.lists(st.tuples(st.integers(0, 300), st.sampled_from([0, 0, 0, DAY_US, -DAY_US, 2 * SECOND_US]))))
def test_however_it_is_set_a_lease_lasts_as_long_as_the_client_was_told(steps: list[tuple[int, int]]) -> None:
    book, net, clock = leases(), subnet((100, 100)), LeaseClock(NOW, 0)
    wall_us = steady_us = 0
    take(book, net, 1, NOW)
    for wait_s, step_us in steps:
        steady_us += wait_s * SECOND_US
        wall_us += wait_s * SECOND_US + step_us
        now_us, found_us = clock.read(NOW + wall_us, steady_us)
        if found_us:
            book.shift(found_us)
        free = book.offer(net, client(2), None, now_us).number is not None
        assert free == (steady_us >= 600 * SECOND_US)
