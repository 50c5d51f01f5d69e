"""When a delivery is tried again, by values; what a webhook may be called; who stands behind it."""

import string
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fibrix.domain.access import REGION, Role
from fibrix.domain.account import User
from fibrix.domain.webhook import (
    Letter,
    LetterState,
    Outcome,
    Patience,
    Webhook,
    check_name,
    disowned,
    failed,
    pause_s,
    revived,
)
from fibrix.errors import InvalidError
from fibrix.types import TenantId, UserId, WebhookId

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
DAY = Patience()
NO = Outcome(status=500, error="it answered 500")
LETTER = Letter(id="w1-7", webhook=WebhookId("w1"), seq=7, type="fibrix.x", body="{}", first_at=NOW, last_at=NOW)
ACME = TenantId("t000000001")


@pytest.mark.parametrize(
    ("attempts", "chance", "seconds"),
    [
        (1, 1.0, 5),
        (1, 0.0, 2.5),
        (2, 1.0, 10),
        (3, 1.0, 20),
        (7, 1.0, 320),
        (8, 1.0, 600),
        (8, 0.0, 300),
        (10**6, 1.0, 600),
    ],
)
def test_pauses_double_up_to_a_limit_and_leave_half_to_chance(attempts: int, chance: float, seconds: float) -> None:
    assert pause_s(attempts, chance, DAY) == seconds


def after(letter: Letter, seconds: float, outcome: Outcome = NO, chance: float = 1.0) -> Letter:
    return failed(letter, outcome, NOW + timedelta(seconds=seconds), chance, DAY)


def due_s(letter: Letter) -> float:
    assert letter.next_at is not None
    return (letter.next_at - NOW).total_seconds()


def test_a_failure_is_noted_with_the_next_attempt() -> None:
    first = after(LETTER, 0)
    assert (first.attempts, first.status, first.error, due_s(first)) == (1, 500, NO.error, 5)
    assert first.state is LetterState.WAITING


def test_one_that_others_wait_for_is_tried_when_they_have_waited_for_long_enough() -> None:
    assert due_s(after(replace(LETTER, attempts=3), 35)) == 60  # not 75
    assert due_s(after(replace(LETTER, attempts=3, state=LetterState.ASIDE), 35)) == 75
    assert due_s(after(replace(LETTER, attempts=4), 60)) == 140


def test_a_receiver_may_ask_for_more_time_but_not_for_all_of_it() -> None:
    aside = replace(LETTER, state=LetterState.ASIDE)
    assert due_s(after(aside, 0, replace(NO, retry_after_s=120))) == 120
    assert due_s(after(aside, 0, replace(NO, retry_after_s=10**6))) == 600


def test_the_last_attempt_is_at_the_end_of_the_day_then_it_is_dead() -> None:
    late = after(replace(LETTER, attempts=150), 86_300)
    assert due_s(late) == 86_400
    dead = after(late, 86_400)
    assert (dead.state, dead.next_at, dead.attempts) == (LetterState.DEAD, None, 152)


def test_a_dead_letter_that_is_replayed_has_all_the_time_again_and_nobody_waits_for_it() -> None:
    again = revived(after(LETTER, 86_400), NOW + timedelta(days=3))
    assert (again.state, again.attempts, again.next_at) == (LetterState.ASIDE, 0, again.first_at)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=2000), st.sampled_from([LetterState.WAITING, LetterState.ASIDE]))
def test_a_letter_that_always_fails_is_tried_often_at_first_and_dies_after_a_day(
    chances: list[float], state: LetterState
) -> None:
    letter, now, attempts = replace(LETTER, state=state), NOW, 0
    while letter.state is not LetterState.DEAD:
        letter = failed(letter, NO, now, chances[attempts % len(chances)], DAY)
        attempts += 1
        if letter.next_at is not None:
            assert letter.next_at > now
            now = letter.next_at
    assert now == NOW + timedelta(days=1)
    assert 140 < attempts < 310


def webhook(tenant: TenantId = REGION) -> Webhook:
    return Webhook(
        id=WebhookId("w1"), name="x", url="https://x.example/", tenant=tenant, user=UserId("u1"), created_at=NOW
    )


def user(role: Role, tenant: TenantId = REGION, *, disabled: bool = False) -> User:
    return User(id=UserId("u1"), name="ann", role=role, tenant=tenant, disabled=disabled, created_at=NOW)


@pytest.mark.parametrize(
    ("tenant", "who", "there", "word"),
    [
        (REGION, user(Role.OPERATOR), True, ""),
        (REGION, user(Role.ADMIN), True, ""),
        (ACME, user(Role.OPERATOR), True, ""),
        (ACME, user(Role.TENANT, ACME), True, ""),
        (REGION, None, True, "gone"),
        (ACME, user(Role.TENANT, ACME), False, "tenant is gone"),
        (REGION, user(Role.OPERATOR, disabled=True), True, "disabled"),
        (REGION, user(Role.AUDITOR), True, "permission"),
        (REGION, user(Role.TENANT, ACME), True, "no longer sees"),
        (ACME, user(Role.TENANT, TenantId("t000000002")), True, "no longer sees"),
    ],
)
def test_a_webhook_has_the_rights_of_who_answers_for_it(
    tenant: TenantId, who: User | None, *, there: bool, word: str
) -> None:
    told = disowned(webhook(tenant), who, tenant_there=there)
    assert word in told
    assert bool(told) == bool(word)


@pytest.mark.parametrize("name", ["", "-a", "a/b", "a b", "a" * 64, "ä", "a\n"])
def test_names_that_cannot_be_are_refused(name: str) -> None:
    with pytest.raises(InvalidError) as caught:
        check_name(name)
    assert caught.value.pointer == "/name"


def test_names_that_can_be_are_taken() -> None:
    for name in ("a", "Billing.2_x-y", string.ascii_letters + "0" * 11):
        assert check_name(name) == name
