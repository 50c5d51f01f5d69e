"""A unit of work that is carried out and undone: what would happen, and why it would be refused."""

from collections.abc import Callable
from typing import Any, TypeVar

from fibrix.runtime.scope import Rehearsal
from fibrix.store.db import Database
from fibrix.store.transaction import Transaction

T = TypeVar("T")


class _UndoError(Exception):
    """Takes the result out of a transaction that must not be kept."""

    def __init__(self, result: Any) -> None:
        super().__init__("undo")
        self.result = result


async def rehearsed(db: Database, work: Callable[[Transaction], T], rehearsal: Rehearsal) -> T:
    """Carry out `work`, note its events, undo it. What `work` raises is raised here. Raises StoreError."""

    def play(tx: Transaction) -> None:
        result = work(tx)
        rehearsal.events += tx.events
        raise _UndoError(result)

    try:
        await db.write(play)
    except _UndoError as undo:
        result: T = undo.result
        return result
    raise AssertionError("a rehearsal cannot be committed")
