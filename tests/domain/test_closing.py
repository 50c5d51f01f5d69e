"""How requests end: what goes on record, and who may use the idempotency key again."""

from dataclasses import dataclass
from datetime import timedelta

import pytest

from fibrix.domain.audit import Result
from fibrix.domain.closing import BODY_BYTES, TOO_LONG, Remembered, recalled, settled
from fibrix.domain.ports.ledger import Answer, Closing
from fibrix.errors import AnswerLostError, KeyReusedError
from tests.support.attempts import NOON, answer, attempt

YES, NO = answer(), answer(409, b"{}")


@dataclass(frozen=True)
class Case:
    """How a request ended, how far it had come, and what is to come of that."""

    given: Answer | None
    refusal: str
    came: str  # its attempt: never stored, `begun`, or stored with what it `changed`
    result: Result
    key: str  # `taken` for a day, or `free` again


CASES = [
    Case(YES, "", "changed", Result.DONE, "taken"),
    Case(YES, "", "", Result.DONE, "taken"),  # nothing was to do, and that is the answer
    Case(NO, "busy", "", Result.REFUSED, "free"),
    Case(NO, "busy", "begun", Result.REFUSED, "free"),  # the BMC said no
    Case(NO, "busy", "changed", Result.REFUSED, "taken"),  # half of it was done: not again
    Case(None, "cut", "", Result.REFUSED, "free"),
    Case(None, "cut", "begun", Result.LOST, "taken"),
    Case(None, "cut", "changed", Result.LOST, "taken"),
]


@pytest.mark.parametrize("case", CASES)
def test_what_came_of_it_decides_what_becomes_of_the_key(case: Case) -> None:
    closing = Closing(attempt=attempt(), answer=case.given, refusal=case.refusal)
    end = settled(closing, begun=bool(case.came), changed=case.came == "changed")
    assert (end.entry.result, end.keeps_key) == (case.result, case.key == "taken")
    assert end.entry.status == (case.given.status if case.given else 0)
    assert case.refusal in end.entry.reason


def test_an_answer_that_is_too_long_is_not_kept_but_its_key_is() -> None:
    long = answer(body=b"x" * (BODY_BYTES + 1))
    end = settled(Closing(attempt=attempt(), answer=long), begun=True, changed=True)
    assert end.keeps_key
    assert end.why == TOO_LONG


def test_a_key_recalls_the_answer_of_the_same_request_only() -> None:
    first = attempt(idempotency_key="k", fingerprint="f")
    kept = Remembered(at=NOON, fingerprint="f", subject="machines/m1", why="", answer=YES)
    assert recalled(kept, first) == YES
    with pytest.raises(KeyReusedError, match="another request, made at 2026-03-01T12:00:00"):
        recalled(kept, attempt(idempotency_key="k", fingerprint="g", at=NOON + timedelta(1)))
    lost = Remembered(at=NOON, fingerprint="f", subject="machines/m1", why="the controller died", answer=None)
    with pytest.raises(AnswerLostError, match=r"done at 2026-03-01T12:00.*the controller died.*Look at machines/m1"):
        recalled(lost, first)
