"""How often a login may be tried, and by whom."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fibrix.domain.throttle import ADDRESS, PAIR, USER, Budget, Throttle, block_of
from fibrix.errors import ThrottledError

HOME, AWAY = "192.0.2.1", "198.51.100.7"


def fail(throttle: Throttle, name: str, address: str, now: float, times: int = 1) -> None:
    for _ in range(times):
        throttle.admit(name, address, now)


def test_a_few_are_free_then_each_failure_doubles_the_wait() -> None:
    throttle, now = Throttle(), 100.0
    fail(throttle, "ann", HOME, now, PAIR.free)
    for wait_s in (1, 2, 4, 8, 16):
        with pytest.raises(ThrottledError) as refused:
            throttle.admit("ann", HOME, now)
        assert refused.value.retry_after_s == wait_s
        with pytest.raises(ThrottledError):
            throttle.admit("ann", HOME, now + wait_s - 0.01)
        now += wait_s
        throttle.admit("ann", HOME, now)


def test_the_wait_has_an_end_and_is_forgotten() -> None:
    assert PAIR.wait_s(10_000) == PAIR.most_s
    throttle, now = Throttle(), 0.0
    for _ in range(40):
        throttle.admit("ann", HOME, now)
        now += PAIR.most_s
    with pytest.raises(ThrottledError):
        throttle.admit("ann", HOME, now - 1)
    fail(throttle, "ann", HOME, now + PAIR.forget_s, PAIR.free)


def test_whoever_fails_keeps_nobody_out_who_comes_from_elsewhere() -> None:
    throttle = Throttle()
    for number in range(5000):  # a botnet tries one user
        throttle.admit("ann", f"10.{number >> 8}.{number & 255}.1", 0.0)
    assert 0 < throttle.admit("ann", HOME, 0.0) <= USER.most_s  # held up, never refused
    throttle.succeeded("ann", HOME)
    for number in range(ADDRESS.free):  # one address tries many users
        throttle.admit(f"user{number}", AWAY, 0.0)
    with pytest.raises(ThrottledError):
        throttle.admit("bob", AWAY, 0.0)
    assert throttle.admit("bob", HOME, 0.0) == 0


def test_success_is_a_clean_slate_for_that_user_from_that_address_alone() -> None:
    throttle = Throttle()
    fail(throttle, "ann", HOME, 0.0, PAIR.free - 1)
    throttle.admit("ann", HOME, 0.0)
    throttle.succeeded("ann", HOME)
    fail(throttle, "ann", HOME, 0.0, PAIR.free)
    with pytest.raises(ThrottledError):
        throttle.admit("ann", HOME, 0.0)


def test_an_attacker_with_an_account_does_not_get_more_guesses_by_using_it() -> None:
    throttle = Throttle()
    for number in range(ADDRESS.free - 1):
        throttle.admit(f"victim{number}", AWAY, 0.0)
        throttle.admit("mallory", AWAY, 0.0)
        throttle.succeeded("mallory", AWAY)
    throttle.admit("victim", AWAY, 0.0)
    with pytest.raises(ThrottledError):
        throttle.admit("mallory", AWAY, 0.0)


def test_what_came_to_nothing_does_not_count() -> None:
    throttle = Throttle()
    for _ in range(100):
        throttle.admit("ann", HOME, 0.0)
        throttle.give_back("ann", HOME)
    assert len(throttle) == 0


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("", "", True),
    ],
)
def test_an_address_counts_as_what_one_customer_has(one: str, other: str, *, same: bool) -> None:
    assert (block_of(one) == block_of(other)) is same


@given(st.lists(st.tuples(st.text(max_size=4), st.ip_addresses().map(str), st.booleans()), max_size=200))
def test_memory_is_bounded_and_counts_never_go_below_nothing(tries: list[tuple[str, str, bool]]) -> None:
    throttle = Throttle(places=8)
    for now, (name, address, good) in enumerate(tries):
        try:
            assert 0 <= throttle.admit(name, address, float(now)) <= USER.most_s
        except ThrottledError:
            continue
        if good:
            throttle.succeeded(name, address)
        assert len(throttle) <= 24


def test_a_budget_tells_some_at_once_then_one_at_a_time_and_how_many_it_left_out() -> None:
    budget = Budget(burst=3, every_s=10)
    assert [budget.spend(0.0) for _ in range(5)] == [0, 0, 0, None, None]
    assert [budget.spend(10.0), budget.spend(10.0)] == [2, None]
    assert budget.spend(20.0) == 1
    assert sum(budget.spend(20.0 + second) is not None for second in range(86_400)) <= 8641
