"""Requests that are changing something just now: a row is written with the change, and gone once all is told."""

import msgspec

from fibrix.domain.attempt import Attempt
from fibrix.store.transaction import Transaction

_INSERT = "INSERT INTO attempts (id, changed, body) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET changed = 1"


def insert(tx: Transaction, attempt: Attempt) -> None:
    """Note what is being done, in the transaction that does it. A second change of one request notes nothing new."""
    tx.execute(_INSERT, (attempt.id, 1, _body(attempt)))


def begin(tx: Transaction, attempt: Attempt) -> None:
    """Note what is going to be done outside of the store."""
    tx.execute(_INSERT, (attempt.id, 0, _body(attempt)))


def take(tx: Transaction, attempt: str) -> bool | None:
    """Forget one, because what came of it is on record. True: it changed the store; None: it was never begun."""
    rows = tx.execute("DELETE FROM attempts WHERE id = ? RETURNING changed", (attempt,))
    return bool(rows[0][0]) if rows else None


def left_over(tx: Transaction) -> list[Attempt]:
    """Read those that a controller which died could not bring to their end, in the order in which they began."""
    rows = tx.execute("SELECT body FROM attempts ORDER BY rowid")
    return [msgspec.json.decode(body, type=Attempt) for (body,) in rows]


def _body(attempt: Attempt) -> str:
    return msgspec.json.encode(attempt).decode()
