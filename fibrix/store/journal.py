"""The journal: every event that changed state, in order, without holes, for whoever asks what happened since."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, Self

from fibrix.store.db import Database
from fibrix.store.entry import Entry
from fibrix.store.transaction import Transaction

TAIL: Final = 10_000
"""So many of the newest entries are kept in memory, where nearly all readers are."""


class Journal:
    """Reading the journal. An entry is the same whether it comes from memory or from the disk."""

    def __init__(self, db: Database, *, tail: int = TAIL) -> None:
        self.head = 0  # the newest number; 0: nothing has happened yet
        self.oldest = 1  # the oldest number that is kept; head + 1 when none is
        self._db = db
        self._limit = tail
        self._tail: list[Entry] = []
        self._grown = asyncio.Event()

    @classmethod
    async def load(cls, db: Database, *, tail: int = TAIL) -> Self:
        """Open the journal of a store and fill the tail. Raises StoreError."""
        journal = cls(db, tail=tail)
        db.watch(journal._feed)
        journal.head = db.head
        ((oldest,),) = await db.rows("SELECT coalesce(min(seq), ?) FROM journal", (db.head + 1,))
        journal.oldest = oldest
        journal._tail = await journal._read(max(0, journal.head - tail), tail, _Filter((), ""))
        return journal

    async def since(self, seq: int, *, limit: int = 1000, types: Sequence[str] = (), subject: str = "") -> list[Entry]:
        """Give the entries after `seq`, in order, at most `limit` of those that fit. Raises StoreError.

        A type is exact (`machine.deployed`) or a prefix that ends in a dot (`machine.`), a subject is exact or a prefix
        that ends in a slash (`machines/`); none: all. Fewer than `limit`: nothing else fits up to the `head` of before
        the call. `seq + 1 < oldest`: what came after `seq` is no longer all there.
        """
        wanted = _Filter(tuple(types), subject)
        if not self._tail or seq + 1 < self._tail[0].seq:
            return await self._read(seq, limit, wanted)
        found: list[Entry] = []
        for entry in self._tail[seq + 1 - self._tail[0].seq :]:
            if len(found) >= limit:
                break
            if wanted.fits(entry):
                found.append(entry)
        return found

    async def changed(self, after: int) -> int:
        """Wait until there is an entry after `after`; the head."""
        while self.head <= after:
            await self._grown.wait()
        return self.head

    async def prune(self, keep: int) -> None:
        """Forget all but the newest `keep` entries; at least one stays. Raises StoreError."""

        def work(tx: Transaction) -> None:
            oldest = max(tx.head - max(keep, 1) + 1, 1)
            tx.execute("DELETE FROM journal WHERE seq < ?", (oldest,))
            tx.on_commit(self._forgetting(oldest))

        await self._db.write(work)

    def _forgetting(self, oldest: int) -> Callable[[], None]:
        """Make the callback that cuts the tail as the table was cut."""

        def forget() -> None:
            self.oldest = max(self.oldest, oldest)
            self._tail = [entry for entry in self._tail if entry.seq >= oldest]

        return forget

    def _feed(self, entries: Sequence[Entry]) -> None:
        """Take what was committed, and wake all who wait."""
        self._tail += entries
        if len(self._tail) > self._limit + self._limit // 4:  # not at every batch: cutting moves the whole list
            del self._tail[: -self._limit]
        self.head = entries[-1].seq
        self._grown.set()
        self._grown = asyncio.Event()

    async def _read(self, seq: int, limit: int, wanted: "_Filter") -> list[Entry]:
        """Read from the disk, up to the head: what is committed but not yet told to all here comes later."""
        condition, params = wanted.sql()
        rows = await self._db.rows(
            "SELECT seq, at, type, subject, data, cause, tenant, request FROM journal"  # noqa: S608 - the condition has no value in it
            f" WHERE seq > ? AND seq <= ?{condition} ORDER BY seq LIMIT ?",
            (seq, self.head, *params, limit),
        )
        return [
            Entry(
                seq=seq,
                at=datetime.fromisoformat(at),
                type=kind,
                subject=about,
                data=data.encode(),
                cause=cause,
                tenant=tenant,
                request=request,
            )
            for seq, at, kind, about, data, cause, tenant, request in rows
        ]


class _Filter:
    """Which entries a reader wants, in memory and in SQL."""

    def __init__(self, types: tuple[str, ...], subject: str) -> None:
        self._types = frozenset(name for name in types if not name.endswith("."))
        self._prefixes = tuple(name for name in types if name.endswith("."))
        self._subject = subject

    def fits(self, entry: Entry) -> bool:
        """Tell whether the reader wants this one."""
        of_type = entry.type in self._types or entry.type.startswith(self._prefixes)
        if not of_type and (self._types or self._prefixes):
            return False
        if self._subject.endswith("/"):
            return entry.subject.startswith(self._subject)
        return not self._subject or entry.subject == self._subject

    def sql(self) -> tuple[str, tuple[str | int, ...]]:
        """Say the same as a condition of SQL and its parameters."""
        kinds = ["type = ?"] * len(self._types) + ["substr(type, 1, ?) = ?"] * len(self._prefixes)
        condition = f" AND ({' OR '.join(kinds)})" if kinds else ""
        params: list[str | int] = [*self._types]
        for prefix in self._prefixes:
            params += [len(prefix), prefix]
        if self._subject.endswith("/"):
            return condition + " AND substr(subject, 1, ?) = ?", (*params, len(self._subject), self._subject)
        if self._subject:
            return condition + " AND subject = ?", (*params, self._subject)
        return condition, tuple(params)
