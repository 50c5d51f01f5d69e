"""Nobody fills the audit by being refused; what is left out is counted and told."""

from datetime import timedelta

from fibrix.domain.refusals import ONE_BY_ONE, WINDOW, Refusals
from fibrix.types import UserId
from tests.support.attempts import NOON, attempt


def test_a_flood_of_refusals_has_a_record_for_its_beginning_and_one_for_the_rest() -> None:
    refusals = Refusals()
    taken = [refusals.take(attempt(number), NOON) for number in range(1000)]
    assert taken == [True] * ONE_BY_ONE + [False] * (1000 - ONE_BY_ONE)
    assert refusals.due(NOON + WINDOW / 2) == []
    ((last, words),) = refusals.due(NOON + WINDOW)
    assert last.request == "request-999"
    assert words.startswith(f"{1000 - ONE_BY_ONE} requests of this user that were refused between 2026-03-01T12:00:00")
    assert refusals.due(NOON + WINDOW) == []
    assert refusals.take(attempt(), NOON + WINDOW)


def test_one_user_does_not_take_the_room_of_another() -> None:
    refusals = Refusals()
    for number in range(1000):
        refusals.take(attempt(number), NOON)
    assert refusals.take(attempt(user=UserId("u000000002")), NOON)


def test_a_quiet_user_is_told_of_one_by_one_for_ever() -> None:
    refusals = Refusals()
    moments = [NOON + timedelta(seconds=number) for number in range(0, 3600, 2)]
    assert all(refusals.take(attempt(), moment) for moment in moments)
    assert refusals.due(moments[-1] + WINDOW) == []
