"""The writer: one thread, one connection, one transaction and one fsync for all the work that is waiting.

While the disk is busy with one batch the next one gathers, so the batch grows with the load and a lone write never
waits. Each unit of a batch stands in its own SAVEPOINT: one that raises is undone alone. A unit that is alone has the
transaction to itself: with a savepoint SQLite would copy every page that it changes into a temporary file.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Final, Generic, TypeAlias, TypeVar

from fibrix.errors import StoreError
from fibrix.runtime.clock import monotonic_s
from fibrix.runtime.metrics.spread import COUNTS, QUICK_S, Spread
from fibrix.store.transaction import Transaction

T = TypeVar("T")

BATCH_UNITS: Final = 2000
"""At most so many units per transaction, so that the first of them does not wait for ever."""

_BEFORE: Final = ("SAVEPOINT unit",)  # a unit that shares its transaction
_AFTER: Final = ("RELEASE unit",)
_UNDO: Final = ("ROLLBACK TO unit", "RELEASE unit")
_UNDO_ALL: Final = ("ROLLBACK", "BEGIN")  # nothing is left to commit


@dataclass(slots=True, eq=False)
class Unit(Generic[T]):
    """A function that waits for its transaction, and whoever waits for the function."""

    work: Callable[[Transaction], T]
    answer: asyncio.Future[T]
    transaction: Transaction | None = None  # set once it is committed
    result: T | None = None
    error: BaseException | None = None

    def settle(self) -> None:
        """Answer the caller, on the loop's thread. A caller that was cancelled is gone; its work stays done."""
        if self.answer.done():
            return
        if isinstance(self.error, StopIteration):  # a future cannot carry it
            self.error = RuntimeError("a unit of work raised StopIteration")
        if self.error is not None:
            self.answer.set_exception(self.error)
        else:
            self.answer.set_result(self.result)  # type: ignore[arg-type] # T itself may be None


AnyUnit: TypeAlias = Unit[Any]


class WriterMeter:
    """What the writer does, in numbers that it alone changes."""

    def __init__(self) -> None:
        self.seconds = Spread(QUICK_S)  # of a transaction
        self.units = Spread(COUNTS)  # in a transaction
        self.failures = 0  # transactions that the disk would not have
        self.fault = ""  # why the last transaction was not kept; empty: it was


class Writer:
    """Owns the writing connection. `settle` gets each batch on the loop's thread, committed or failed."""

    def __init__(self, connection: sqlite3.Connection, head: int, settle: Callable[[Sequence[AnyUnit]], None]) -> None:
        self.meter = WriterMeter()
        self._connection = connection
        self._head = head
        self._settle = settle
        self._queue: SimpleQueue[AnyUnit | None] = SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._closed = asyncio.Event()
        self._closing = False
        self._thread = Thread(target=self._serve, name="store writer", daemon=True)
        self._thread.start()

    @property
    def queued(self) -> int:
        """Units that wait."""
        return self._queue.qsize()

    def submit(self, work: Callable[[Transaction], T]) -> asyncio.Future[T]:
        """Queue a unit of work. It will be carried out whether its caller still waits or not. Raises StoreError."""
        if self._closing:
            raise StoreError("the store is closed")
        answer: asyncio.Future[T] = self._loop.create_future()
        self._queue.put(Unit(work, answer))
        return answer

    async def close(self) -> None:
        """Carry out all that is queued, then close the connection."""
        self._closing = True
        self._queue.put(None)
        await self._closed.wait()
        self._thread.join()

    def _serve(self) -> None:
        """Carry out batches until the end is queued: the thread's whole life."""
        while batch := self._take():
            self._commit(batch)
            self._loop.call_soon_threadsafe(self._settle, batch)
        self._connection.close()
        self._loop.call_soon_threadsafe(self._closed.set)

    def _take(self) -> list[AnyUnit]:
        """Wait for a unit, then take all that wait with it. Empty: the end."""
        batch: list[AnyUnit] = []
        unit = self._queue.get()
        while unit is not None:
            batch.append(unit)
            if len(batch) == BATCH_UNITS:
                return batch
            try:
                unit = self._queue.get_nowait()
            except Empty:
                return batch
        if batch:
            self._queue.put(None)  # nothing is queued behind the end: it is found again next time
        return batch

    def _commit(self, batch: Sequence[AnyUnit]) -> None:
        """Carry out one batch in one transaction; the head moves only when all of it is on the disk."""
        head, began_s = self._head, monotonic_s()
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for unit in batch:
                head = self._run(unit, head, alone=len(batch) == 1)
            self._connection.execute("COMMIT")
        except sqlite3.Error as exc:
            self._give_up(batch, exc)
        else:
            self._head = head
            self.meter.fault = ""
        self.meter.seconds.add(monotonic_s() - began_s)
        self.meter.units.add(len(batch))

    def _run(self, unit: AnyUnit, head: int, *, alone: bool) -> int:
        """Carry out one unit, undo it when it raises; the new head. Raises sqlite3.Error when the batch is lost."""
        transaction = Transaction(self._connection, head)
        self._execute(() if alone else _BEFORE)
        try:
            unit.result = unit.work(transaction)
        except BaseException as exc:
            unit.error = exc
            if not self._connection.in_transaction:
                raise sqlite3.OperationalError(str(exc)) from exc
            self._execute(_UNDO_ALL if alone else _UNDO)
            return head
        self._execute(() if alone else _AFTER)
        unit.transaction = transaction
        return transaction.head

    def _execute(self, statements: Sequence[str]) -> None:
        for sql in statements:
            self._connection.execute(sql)

    def _give_up(self, batch: Sequence[AnyUnit], reason: sqlite3.Error) -> None:
        """Undo a whole batch and tell every caller: what one unit saw of another was never there."""
        self.meter.failures += 1
        self.meter.fault = str(reason)
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        for unit in batch:
            unit.transaction, unit.result = None, None
            unit.error = StoreError(f"nothing was written: {reason}")
            unit.error.__cause__ = reason
