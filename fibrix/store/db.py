"""A database: one writer that commits in batches, a few readers, and events that are published once they are durable.

Two of them exist: the region's, with the journal, and the rack's own. They differ in their migrations only.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar

import aiosqlite
import structlog

from fibrix.bus import Bus
from fibrix.errors import StoreError
from fibrix.store.entry import Entry
from fibrix.store.lock import locked
from fibrix.store.migrate import migrate
from fibrix.store.transaction import Params, Row, Transaction
from fibrix.store.writer import AnyUnit, Writer, WriterMeter

log = structlog.get_logger()

T = TypeVar("T")

READERS: Final = 2  # each is a thread


class Database:
    """An SQLite file in WAL mode, open for as long as the `async with` block runs.

    `migrations` names the folder of its scripts, "region" or "rack". Events that units append are published on `bus`.
    Opening raises StoreError: another process has it, a newer Fibrix wrote it, it is no database, or cannot be read.
    """

    def __init__(self, path: Path, migrations: str, bus: Bus | None = None) -> None:
        self.path = path
        self.head = 0  # the newest sequence number that is committed, and told to all here
        self._migrations = migrations
        self._bus = bus or Bus()
        self._watchers: list[Callable[[Sequence[Entry]], None]] = []
        self._readers: asyncio.LifoQueue[aiosqlite.Connection] = asyncio.LifoQueue()
        self._writer: Writer | None = None
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Lock, migrate, start the writer and the readers."""
        async with AsyncExitStack() as stack:
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                stack.enter_context(locked(self.path.with_suffix(".lock")))
                connection = await asyncio.to_thread(_open, self.path, self._migrations)
                self.head = _newest(connection)
                self._writer = Writer(connection, self.head, self._settle)
                stack.push_async_callback(self._writer.close)
                for _ in range(READERS):
                    await self._readers.put(await stack.enter_async_context(_reader(self.path)))
            except (OSError, sqlite3.Error, StoreError) as exc:
                raise StoreError(f"cannot open {self.path}: {exc}") from exc
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Carry out what is queued, then close."""
        await self._stack.aclose()
        self._writer = None

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Carry out `work` in the writer's thread and come back when it is on the disk.

        What `work` raises is raised here, and nothing of it is kept. StoreError: the disk would not have it (full,
        broken), and nothing of it was kept. A caller that is cancelled no longer hears of it; it is carried out.
        """
        return await self._open_writer().submit(work)

    def post(self, work: Callable[[Transaction], object]) -> None:
        """Carry out `work` some time soon and do not wait; a failure is logged. For what may be lost."""
        try:
            self._open_writer().submit(work).add_done_callback(_log_failure)
        except StoreError as exc:
            log.warning("store.write_failed", reason=str(exc))

    async def rows(self, sql: str, params: Params = ()) -> list[Row]:
        """Read, seeing all that is committed. Raises StoreError."""
        self._open_writer()
        reader = await self._readers.get()
        try:
            return [tuple(row) for row in await reader.execute_fetchall(sql, params)]
        except sqlite3.Error as exc:
            raise StoreError(f"cannot read {self.path}: {exc}") from exc
        finally:
            self._readers.put_nowait(reader)

    async def probe(self) -> None:
        """See whether the disk takes a write: one page, with nothing new in it. Raises StoreError."""
        await self.write(lambda tx: tx.execute("UPDATE migrations SET name = name WHERE version = 1"))

    def watch(self, watcher: Callable[[Sequence[Entry]], None]) -> None:
        """Hand each batch's journal entries to this after the commit, before they are published."""
        self._watchers.append(watcher)

    @property
    def queued(self) -> int:
        """Units of work that wait for the writer."""
        return 0 if self._writer is None else self._writer.queued

    @property
    def meter(self) -> WriterMeter:
        """What the writer does, in numbers. Raises StoreError outside of the `async with` block."""
        return self._open_writer().meter

    def _open_writer(self) -> Writer:
        """Give the writer. Raises StoreError outside of the `async with` block."""
        if self._writer is None:
            raise StoreError(f"{self.path} is not open")
        return self._writer

    def _settle(self, batch: Sequence[AnyUnit]) -> None:
        """Do what follows a commit, in the order of the work; then answer the callers."""
        done = [unit.transaction for unit in batch if unit.transaction is not None]
        for unit in batch:
            _call_back(unit)
        entries = [entry for transaction in done for entry in transaction.entries]
        if entries:
            self.head = entries[-1].seq
            for watcher in self._watchers:
                watcher(entries)
            self._bus.publish(*[event for transaction in done for event in transaction.events])
        for unit in batch:
            unit.settle()


def _log_failure(answer: asyncio.Future[object]) -> None:
    """Tell of a write that nobody waits for."""
    if not answer.cancelled() and (error := answer.exception()) is not None:
        log.warning("store.write_failed", reason=str(error))


def _call_back(unit: AnyUnit) -> None:
    """Run a unit's callbacks; a faulty one is its own caller's trouble, not that of the rest of the batch."""
    try:
        for callback in unit.transaction.callbacks if unit.transaction else ():
            callback()
    except Exception as exc:  # noqa: BLE001 - handed to the caller of that unit
        unit.error = exc


def _open(path: Path, migrations: str) -> sqlite3.Connection:
    """Open the writing connection and bring the schema up to date. The files are for their owner alone."""
    path.touch(mode=0o600)  # SQLite gives the -wal and -shm files the same mode
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")  # a commit is on the disk when it returns
        connection.execute("PRAGMA foreign_keys = ON")
        migrate(connection, migrations)
    except BaseException:
        connection.close()
        raise
    return connection


def _newest(connection: sqlite3.Connection) -> int:
    """Read the newest sequence number that was ever given; 0 where there is no journal, or never was an event."""
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'journal'").fetchone():
        return 0
    sql = "SELECT max(coalesce((SELECT max(seq) FROM journal), 0), (SELECT seq FROM journal_gone))"
    (head,) = connection.execute(sql).fetchone()
    return int(head)


def _reader(path: Path) -> aiosqlite.Connection:
    """Make a connection that cannot write."""
    return aiosqlite.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
