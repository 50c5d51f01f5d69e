"""The end of a request in one transaction: its record, its answer, and its attempt gone."""

from datetime import datetime
from typing import Final, Self

from fibrix.domain.attempt import Attempt
from fibrix.domain.closing import Remembered, settled
from fibrix.domain.ports.ledger import Closing
from fibrix.store import attempts, audit
from fibrix.store.answers import Answers
from fibrix.store.db import Database
from fibrix.store.key import ControllerKey
from fibrix.store.transaction import Transaction
from fibrix.types import UserId

DIED: Final = "the controller died before it was sent"


class Books:
    """Attempts, audit and answers, which only make sense together."""

    def __init__(self, db: Database, answers: Answers) -> None:
        self._db = db
        self._answers = answers

    @classmethod
    async def load(cls, db: Database, key: ControllerKey) -> Self:
        """Open them, and put on record what a controller that died was doing. Raises StoreError."""
        books = cls(db, await Answers.load(db, key))
        await db.write(books._settle_left_over)
        return books

    def keys(self, user: UserId) -> int:
        """How many idempotency keys of a user are kept."""
        return self._answers.keys(user)

    def all_keys(self) -> int:
        """How many are kept in all."""
        return self._answers.all_keys()

    async def find(self, attempt: Attempt, since: datetime) -> Remembered | None:
        """Find what is behind an attempt's idempotency key; older than `since` is nothing. Raises StoreError."""
        return await self._answers.find(attempt, since)

    async def begin(self, attempt: Attempt) -> None:
        """Store an attempt before it changes the store. Raises StoreError."""
        await self._db.write(lambda tx: attempts.begin(tx, attempt))

    async def close(self, closing: Closing, *, on_record: bool = True) -> None:
        """Write how a request ended. Raises StoreError.

        A refusal that is not `on_record` leaves nothing behind, unless something was changed before it.
        """
        await self._db.write(lambda tx: self._close(tx, closing, on_record=on_record))

    async def prune(self, until: datetime) -> None:
        """Forget the answers to requests that are older than this. Raises StoreError."""
        await self._db.write(lambda tx: self._answers.prune(tx, until))

    def _close(self, tx: Transaction, closing: Closing, *, on_record: bool) -> None:
        attempt, changed = closing.attempt, attempts.take(tx, closing.attempt.id)
        end = settled(closing, begun=changed is not None, changed=bool(changed))
        if on_record or changed is not None:
            audit.append(tx, end.entry)
        if end.keeps_key and attempt.idempotency_key:
            self._answers.put(tx, attempt, closing.answer, end.why)

    def _settle_left_over(self, tx: Transaction) -> None:
        for attempt in attempts.left_over(tx):
            self._close(tx, Closing(attempt=attempt, answer=None, refusal=DIED), on_record=True)
