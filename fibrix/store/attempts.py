"""Requests that are changing something just now: a row is written with the change, and gone once all is told."""

import msgspec

from fibrix.domain.attempt import Attempt
from fibrix.store.transaction import Transaction


def insert(tx: Transaction, attempt: Attempt) -> None:
    """Note what is being done, in the transaction that does it. A second change of one request notes nothing new."""
    body = msgspec.json.encode(attempt).decode()
    tx.execute("INSERT INTO attempts (request, body) VALUES (?, ?) ON CONFLICT DO NOTHING", (attempt.request, body))


def delete(tx: Transaction, request: str) -> None:
    """Forget it: what came of it is on record."""
    tx.execute("DELETE FROM attempts WHERE request = ?", (request,))


def left_over(tx: Transaction) -> list[Attempt]:
    """Read those that a controller which died could not bring to their end."""
    return [msgspec.json.decode(body, type=Attempt) for (body,) in tx.execute("SELECT body FROM attempts")]
