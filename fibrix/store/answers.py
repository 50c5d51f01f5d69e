"""What requests with an idempotency key were answered, sealed: an answer may hold a secret that is shown once."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final, Self

import msgspec

from fibrix.domain.attempt import Attempt
from fibrix.domain.closing import TOO_LONG, Remembered
from fibrix.domain.ports.ledger import Answer
from fibrix.errors import StoreError
from fibrix.store.codec import time_text
from fibrix.store.db import Database
from fibrix.store.key import ControllerKey
from fibrix.store.transaction import Row, Transaction
from fibrix.types import UserId

USER_BYTES: Final = 64 << 20
"""Of one user's answers at most this much is kept within a day; of those that follow only that they were given."""
_TOTALS: Final = "SELECT user, count(*), sum(length(sealed)) FROM answers GROUP BY user"


@dataclass(slots=True)
class Total:
    """What is kept for a user."""

    keys: int = 0
    octets: int = 0


class Answers:
    """Answers by user and key; how much there is of them is known without looking."""

    def __init__(self, db: Database, key: ControllerKey) -> None:
        self._db = db
        self._key = key
        self._totals: dict[UserId, Total] = {}

    @classmethod
    async def load(cls, db: Database, key: ControllerKey) -> Self:
        """Count them. Raises StoreError."""
        answers = cls(db, key)
        answers._recount(await db.rows(_TOTALS))
        return answers

    def keys(self, user: UserId) -> int:
        """How many keys of a user are kept."""
        total = self._totals.get(user)
        return total.keys if total else 0

    def all_keys(self) -> int:
        """How many keys are kept in all."""
        return sum(total.keys for total in self._totals.values())

    async def find(self, attempt: Attempt, since: datetime) -> Remembered | None:
        """Find what is behind the key of an attempt; older than `since` is nothing. Raises StoreError."""
        sql = "SELECT at, fingerprint, subject, why, sealed FROM answers WHERE user = ? AND key = ? AND at > ?"
        rows = await self._db.rows(sql, (attempt.user, attempt.idempotency_key, time_text(since)))
        for at, fingerprint, subject, why, sealed in rows:
            moment = datetime.fromisoformat(at)
            answer, reason = self._opened(attempt, sealed, why)
            return Remembered(at=moment, fingerprint=fingerprint, subject=subject, why=reason, answer=answer)
        return None

    def put(self, tx: Transaction, attempt: Attempt, answer: Answer | None, why: str) -> None:
        """Keep an answer, or why there is none, in place of one whose day is over."""
        sealed = b""
        if answer is not None and not why:
            text = msgspec.json.encode(answer).decode()
            why = TOO_LONG if self._octets(attempt.user) + len(text) > USER_BYTES else ""
            sealed = b"" if why else self._key.seal(_owner(attempt), text)
        at = time_text(attempt.at)
        tx.execute(
            "INSERT OR REPLACE INTO answers (user, key, at, fingerprint, subject, why, sealed)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (attempt.user, attempt.idempotency_key, at, attempt.fingerprint, attempt.subject, why, sealed),
        )
        tx.on_commit(partial(self._count, attempt.user, len(sealed)))

    def prune(self, tx: Transaction, until: datetime) -> None:
        """Forget those that are older than this."""
        tx.execute("DELETE FROM answers WHERE at <= ?", (time_text(until),))
        tx.on_commit(partial(self._recount, tx.execute(_TOTALS)))

    def _opened(self, attempt: Attempt, sealed: bytes, why: str) -> tuple[Answer | None, str]:
        if not sealed:
            return None, why
        try:
            return msgspec.json.decode(self._key.unseal(_owner(attempt), sealed), type=Answer), ""
        except StoreError as exc:
            return None, str(exc)

    def _octets(self, user: UserId) -> int:
        total = self._totals.get(user)
        return total.octets if total else 0

    def _count(self, user: UserId, octets: int) -> None:
        total = self._totals.setdefault(user, Total())
        total.keys += 1
        total.octets += octets

    def _recount(self, rows: Iterable[Row]) -> None:
        self._totals = {user: Total(keys, octets) for user, keys, octets in rows}


def _owner(attempt: Attempt) -> str:
    """Name whom an answer is sealed for: a row that was moved to another user or key does not open."""
    return f"answers/{attempt.user}/{attempt.idempotency_key}"
