"""Who talks the most, in bounded memory."""

from fibrix.domain.talkers import Talkers
from fibrix.types import MacAddress

LOUD, QUIET = MacAddress("52:54:00:77:00:01"), MacAddress("52:54:00:77:00:02")


def test_the_loudest_come_first() -> None:
    talkers = Talkers()
    for _ in range(3):
        talkers.heard(LOUD, 1.0)
    assert talkers.heard(QUIET, 1.0) == 1
    assert talkers.heard(LOUD, 1.0) == 4
    assert talkers.top(1, 1.0) == [(LOUD, 4)]
    assert talkers.top(9, 1.0) == [(LOUD, 4), (QUIET, 1)]


def test_what_was_said_long_ago_is_forgotten() -> None:
    talkers = Talkers()
    talkers.heard(LOUD, 100.0)
    assert talkers.heard(LOUD, 170.0) == 2
    assert talkers.top(1, 170.0) == [(LOUD, 2)]
    assert talkers.top(1, 229.0) == [(LOUD, 2)]
    assert talkers.top(1, 231.0) == [(LOUD, 1)]
    assert talkers.top(1, 291.0) == []
    assert talkers.heard(LOUD, 500.0) == 1


def test_a_loud_one_is_found_among_any_number_of_made_up_ones() -> None:
    talkers = Talkers()
    for number in range(50_000):
        talkers.heard(MacAddress(f"{number:012x}"), 1.0)
        if number % 100 == 0:
            talkers.heard(LOUD, 1.0)
    assert talkers.top(1, 1.0)[0][0] == LOUD
    assert len(talkers.top(100_000, 1.0)) <= 2_048
