"""How a request ended: what goes on record, and what becomes of its idempotency key."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import msgspec

from fibrix.domain.attempt import Attempt
from fibrix.domain.audit import AuditEntry, Result, entry_of
from fibrix.domain.ports.ledger import Answer, Closing
from fibrix.errors import AnswerLostError, KeyReusedError

KEPT_FOR: Final = timedelta(days=1)
"""So long an idempotency key stands for its request."""
BODY_BYTES: Final = 256 << 10
"""The body of an answer is kept up to this length."""

TOO_LONG: Final = "it was too long to be kept"


@dataclass(frozen=True, slots=True)
class Settled:
    """What is written of a request that ended."""

    entry: AuditEntry
    keeps_key: bool  # its idempotency key stands for it from now on
    why: str = ""  # why there is no answer to keep behind the key


class Remembered(msgspec.Struct, frozen=True, kw_only=True):
    """What is behind an idempotency key."""

    at: datetime
    fingerprint: str
    subject: str
    why: str  # why the answer is not there
    answer: Answer | None


def settled(closing: Closing, *, begun: bool, changed: bool) -> Settled:
    """Say what came of a request. `begun`: its attempt is in the store; `changed`: with a change of the store.

    A request that was cut short is lost where something may have come of it, and else refused. One that was refused
    gives its key back, unless it changed something before: then the same refusal is the answer for good.
    """
    attempt, answer, refusal = closing.attempt, closing.answer, closing.refusal
    if answer is None:
        if not begun:
            return Settled(entry_of(attempt, result=Result.REFUSED, status=0, reason=refusal), keeps_key=False)
        known = "done; the answer was lost" if changed else "begun, and perhaps done; the answer was lost"
        reason = f"{known}: {refusal}"
        return Settled(entry_of(attempt, result=Result.LOST, status=0, reason=reason), keeps_key=True, why=refusal)
    result = Result.REFUSED if refusal else Result.DONE
    entry = entry_of(attempt, result=result, status=answer.status, reason=refusal, after=closing.after)
    why = TOO_LONG if len(answer.body) > BODY_BYTES else ""
    return Settled(entry, keeps_key=changed or not refusal, why=why)


def recalled(remembered: Remembered, attempt: Attempt) -> Answer:
    """Give the answer that is behind a key. Raises KeyReusedError, AnswerLostError."""
    at = remembered.at.isoformat(timespec="seconds")
    if remembered.fingerprint != attempt.fingerprint:
        raise KeyReusedError(
            f"this Idempotency-Key stands for another request, made at {at}: a new request needs a new key,"
            " and a repeated one the same method, path, query and body"
        )
    if remembered.answer is None:
        raise AnswerLostError(
            f"this was done at {at}, but its answer was lost: {remembered.why}."
            f" Look at {remembered.subject} to see what came of it, and take a new Idempotency-Key for whatever is next"
        )
    return remembered.answer
