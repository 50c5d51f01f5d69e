"""How requests end: what goes on record, and who may use the idempotency key again."""

from datetime import timedelta

import pytest

from fibrix.domain.audit import Result
from fibrix.domain.closing import BODY_BYTES, TOO_LONG, Remembered, recalled, settled
from fibrix.domain.ports.ledger import Answer, Closing
from fibrix.errors import AnswerLostError, KeyReusedError
from tests.support.attempts import NOON, answer, attempt

YES, NO = answer(), answer(409, b"{}")


@pytest.mark.parametrize(
    ("given", "refusal", "begun", "changed", "result", "status", "keeps_key"),
    [
        (YES, "", True, True, Result.DONE, 202, True),
        (YES, "", False, False, Result.DONE, 202, True),  # nothing was to do, and that is the answer
        (NO, "busy", False, False, Result.REFUSED, 409, False),
        (NO, "busy", True, False, Result.REFUSED, 409, False),  # the BMC said no
        (NO, "busy", True, True, Result.REFUSED, 409, True),  # half of it was done: not again
        (None, "cut", False, False, Result.REFUSED, 0, False),
        (None, "cut", True, False, Result.LOST, 0, True),
        (None, "cut", True, True, Result.LOST, 0, True),
    ],
)
def test_what_came_of_it_decides_what_becomes_of_the_key(
    given: Answer | None, refusal: str, begun: bool, changed: bool, result: Result, status: int, keeps_key: bool
) -> None:
    end = settled(Closing(attempt=attempt(), answer=given, refusal=refusal), begun=begun, changed=changed)
    assert (end.entry.result, end.entry.status, end.keeps_key) == (result, status, keeps_key)
    assert refusal in end.entry.reason


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
