"""Things of one kind: a row each with its id, its unique key and its JSON, all of them in memory for reading."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, Protocol, Self, TypeVar

import msgspec

from fibrix.domain.foresee import foresee_thing
from fibrix.errors import ConflictError, NotFoundError
from fibrix.runtime.scope import Rehearsal
from fibrix.store import plain
from fibrix.store.db import Database
from fibrix.store.transaction import Transaction


class Stored(Protocol):
    """What can be kept: a struct with an id."""

    @property
    def id(self) -> str:
        """Its id, for life."""
        ...


T = TypeVar("T", bound=Stored)


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """How one kind of things is kept.

    Its table has the columns `id` (primary key), `key` (unique) and `body`.
    """

    type: type[T]
    table: str
    noun: str  # in errors: `user`
    key: Callable[[T], str]  # what must be unique, as its name or its tenant with its name
    path: Callable[[T], str] | None = None  # the list it is in, below `/api/v1/`; None: a rehearsal is silent about it
    shown: frozenset[str] = frozenset()  # fields whose values a rehearsal may tell; of others, that they change


class Rows(Generic[T]):
    """Reading sees the last commit; what takes a transaction sees that transaction and those before it."""

    def __init__(self, kind: Kind[T]) -> None:
        self.kind = kind
        self._decoder = plain.decoder(kind.type)
        self._rows: dict[str, T] = {}
        self._ids: dict[str, str] = {}  # by key

    @classmethod
    async def load(cls, db: Database, kind: Kind[T]) -> Self:
        """Read them all. Raises StoreError."""
        rows = cls(kind)
        sql = f"SELECT body FROM {kind.table} ORDER BY id"  # noqa: S608 - a table's name of our own
        for (body,) in await db.rows(sql):
            rows._put(rows._decoder.decode(body))
        return rows

    def get(self, wanted: str) -> T:
        """Find by id. Raises NotFoundError."""
        found = self._rows.get(wanted)
        if found is None:
            raise NotFoundError(f"there is no {self.kind.noun} {wanted!r}")
        return found

    def by_key(self, key: str) -> T | None:
        """Find by what is unique."""
        return self._rows.get(self._ids.get(key, ""))

    def all(self) -> Sequence[T]:
        """All of them, in the order in which they were made."""
        return tuple(self._rows.values())

    def read(self, tx: Transaction, wanted: str) -> T:
        """Read one as of this transaction. Raises NotFoundError."""
        rows = tx.execute(f"SELECT body FROM {self.kind.table} WHERE id = ?", (wanted,))  # noqa: S608 - see above
        if not rows:
            raise NotFoundError(f"there is no {self.kind.noun} {wanted!r}")
        return self._decoder.decode(rows[0][0])

    def read_by_key(self, tx: Transaction, key: str) -> T | None:
        """Read the one that has this unique key as of this transaction."""
        rows = tx.execute(f"SELECT body FROM {self.kind.table} WHERE key = ?", (key,))  # noqa: S608 - see above
        return self._decoder.decode(rows[0][0]) if rows else None

    def list(self, tx: Transaction) -> Sequence[T]:
        """Read all as of this transaction."""
        return [self._decoder.decode(body) for (body,) in tx.execute(f"SELECT body FROM {self.kind.table}")]  # noqa: S608

    def insert(self, tx: Transaction, value: T) -> None:
        """Add one. Raises ConflictError (its key is in use)."""
        self._refuse_key(tx, value, but="")
        sql = f"INSERT INTO {self.kind.table} (id, key, body) VALUES (?, ?, ?)"  # noqa: S608 - see above
        tx.execute(sql, (value.id, self.kind.key(value), plain.encode(value)))
        tx.on_commit(partial(self._put, value))

    def update(self, tx: Transaction, value: T) -> None:
        """Put a new version in place of the one before. Raises NotFoundError, ConflictError."""
        self._refuse_key(tx, value, but=value.id)
        sql = f"UPDATE {self.kind.table} SET key = ?, body = ? WHERE id = ? RETURNING id"  # noqa: S608 - see above
        if not tx.execute(sql, (self.kind.key(value), plain.encode(value), value.id)):
            raise NotFoundError(f"there is no {self.kind.noun} {value.id!r}")
        tx.on_commit(partial(self._put, value))

    def delete(self, tx: Transaction, wanted: str) -> T:
        """Remove one; give back what it was. Raises NotFoundError."""
        value = self.read(tx, wanted)
        tx.execute(f"DELETE FROM {self.kind.table} WHERE id = ?", (wanted,))  # noqa: S608 - see above
        tx.on_commit(partial(self._drop, wanted))
        return value

    def _refuse_key(self, tx: Transaction, value: T, *, but: str) -> None:
        """Raise ConflictError when the key is in use, but by the thing with this id. For some kinds it is the id."""
        key = self.kind.key(value)
        sql = f"SELECT id FROM {self.kind.table} WHERE key = ? AND id <> ?"  # noqa: S608 - see above
        if tx.execute(sql, (key, but)):
            name = key.rpartition("/")[2]
            raise ConflictError(f"there is a {self.kind.noun} {name!r} already: choose another name")

    def _put(self, value: T) -> None:
        """Take a committed version into memory; it keeps its place among the others."""
        before = self._rows.get(value.id)
        if before is not None:
            self._ids.pop(self.kind.key(before), None)
        self._rows[value.id] = value
        self._ids[self.kind.key(value)] = value.id

    def _drop(self, gone: str) -> None:
        """Forget what was removed."""
        key = self.kind.key(self._rows.pop(gone))
        if self._ids.get(key) == gone:
            del self._ids[key]


class UnitRows(Generic[T]):
    """The rows of one kind as one transaction sees and changes them."""

    def __init__(self, rows: Rows[T], tx: Transaction, played: Rehearsal | None = None) -> None:
        self._rows = rows
        self._tx = tx
        self._played = played

    def read(self, wanted: str) -> T:
        """Read one. Raises NotFoundError."""
        return self._rows.read(self._tx, wanted)

    def by_key(self, key: str) -> T | None:
        """Read the one that has what is unique."""
        return self._rows.read_by_key(self._tx, key)

    def all(self) -> Sequence[T]:
        """Read all."""
        return self._rows.list(self._tx)

    def insert(self, value: T) -> None:
        """Add one. Raises ConflictError (its name is in use)."""
        self._rows.insert(self._tx, value)
        self._note(None, value)

    def update(self, value: T) -> None:
        """Put a new version in place of the one before. Raises NotFoundError, ConflictError."""
        before = self.read(value.id) if self._played is not None else None
        self._rows.update(self._tx, value)
        self._note(before, value)

    def delete(self, wanted: str) -> T:
        """Remove one; give back what it was. Raises NotFoundError."""
        gone = self._rows.delete(self._tx, wanted)
        self._note(gone, None)
        return gone

    def _note(self, before: T | None, after: T | None) -> None:
        """Note a change where it is only rehearsed."""
        kind = self._rows.kind
        thing = after or before
        if self._played is not None and kind.path is not None and thing is not None:
            told = foresee_thing(kind.noun, kind.path(thing), _struct(before), _struct(after), kind.shown)
            self._played.foreseen += told


def _struct(value: object) -> msgspec.Struct | None:
    return value if isinstance(value, msgspec.Struct) else None
