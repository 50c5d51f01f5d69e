"""What a unit of work sees: SQL, the journal, and what to do once it is durable."""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias, TypeVar

import msgspec

from fibrix.errors import ConflictError, StoreError
from fibrix.events.base import Event
from fibrix.store.entry import Entry

Row: TypeAlias = tuple[Any, ...]
Params: TypeAlias = Sequence[Any]

E = TypeVar("E", bound=Event)


class Transaction:
    """One unit of work in the writer's thread. It is committed whole or it never was; do not keep it.

    `head` is the newest sequence number as this unit sees it: its own and earlier units' of the batch included.
    """

    def __init__(self, connection: sqlite3.Connection, head: int) -> None:
        self.head = head
        self.callbacks: list[Callable[[], object]] = []
        self.events: list[Event] = []
        self.entries: list[Entry] = []
        self._connection = connection

    def execute(self, sql: str, params: Params = ()) -> list[Row]:
        """Run one statement and take all its rows. Raises ConflictError (a constraint), StoreError."""
        self._check()
        try:
            return self._connection.execute(sql, params).fetchall()
        except sqlite3.Error as exc:
            raise _refused(exc) from exc

    def insert(self, sql: str, params: Params = ()) -> int:
        """Run one INSERT; the number of its last row. Raises ConflictError (a constraint), StoreError."""
        self._check()
        try:
            return self._connection.execute(sql, params).lastrowid or 0
        except sqlite3.Error as exc:
            raise _refused(exc) from exc

    def executemany(self, sql: str, params: Iterable[Params]) -> None:
        """Run one statement for each set of parameters. Raises ConflictError (a constraint), StoreError."""
        self._check()
        try:
            self._connection.executemany(sql, params)
        except sqlite3.Error as exc:
            raise _refused(exc) from exc

    def append(self, event: E) -> E:
        """Write an event to the journal; give it back with its sequence number. It is published after the commit.

        Only the region's store has a journal. Raises StoreError.
        """
        numbered = msgspec.structs.replace(event, seq=self.head + 1)
        entry = Entry.of(numbered)
        at = entry.at.isoformat(timespec="microseconds")
        self.execute(
            "INSERT INTO journal (seq, at, type, subject, data, cause, tenant, request)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                entry.seq,
                at,
                entry.type,
                entry.subject,
                entry.data.decode(),
                entry.cause,
                entry.tenant,
                entry.request,
            ),
        )
        self.head = entry.seq
        self.events.append(numbered)
        self.entries.append(entry)
        return numbered

    def on_commit(self, callback: Callable[[], object]) -> None:
        """Call this on the event loop after the commit and before anything is published. It must not fail."""
        self.callbacks.append(callback)

    def _check(self) -> None:
        """Refuse to go on when SQLite has undone the whole transaction (as it may when the disk is full).

        A statement would then be committed by itself, outside of any unit.
        """
        if not self._connection.in_transaction:
            raise StoreError("the database has given the transaction up")


def _refused(exc: sqlite3.Error) -> ConflictError | StoreError:
    if isinstance(exc, sqlite3.IntegrityError):
        return ConflictError(f"the database refused it: {exc}")
    return StoreError(f"the database failed: {exc}")
