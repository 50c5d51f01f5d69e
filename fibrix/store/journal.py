"""The journal: every event that changed state, in order, without holes, for whoever asks what happened since."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Final, Self

from fibrix.domain.selection import Selection
from fibrix.store.codec import time_text
from fibrix.store.db import Database
from fibrix.store.entry import Entry
from fibrix.store.transaction import Row

TAIL: Final = 10_000
"""So many of the newest entries are kept in memory, where nearly all readers are."""

_ALL: Final = Selection()
_WINDOW: Final = 20_000
"""A search that no index helps looks at so many entries at a time, so that no reader is held up for long."""
_STEP: Final = 1000
"""At most so many entries are forgotten in one transaction."""


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
        journal._tail = await journal._read(max(0, journal.head - tail), tail, _ALL)
        return journal

    async def since(self, seq: int, *, limit: int = 1000, wanted: Selection = _ALL) -> list[Entry]:
        """Give the entries after `seq`, in order, at most `limit` of those that are wanted. Raises StoreError.

        Fewer than `limit`: nothing else fits up to the `head` of before the call. `seq + 1 < oldest`, looked at after
        the call: what came after `seq` is not all there.
        """
        if not self._tail or seq + 1 < self._tail[0].seq:
            return await self._read(seq, limit, wanted)
        start = seq + 1 - self._tail[0].seq
        if wanted.everything:
            return self._tail[start : start + limit]
        found: list[Entry] = []
        for entry in self._tail[start:]:
            if wanted.fits(entry):
                found.append(entry)
                if len(found) == limit:
                    break
        return found

    async def changed(self, after: int) -> int:
        """Wait until there is an entry after `after`; the head."""
        while self.head <= after:
            await self._grown.wait()
        return self.head

    async def prune(self, *, keep: int = 0, before: datetime | None = None, step: int = _STEP) -> int:
        """Forget the oldest entries: those that are more than `keep`, those from before a time; how many.

        At most `step` go at once: call it again until there are none. 0 and None are no limit. Entries go from the
        old end only, so an old one behind a young one (the clock was set back) stays as long as that one. Raises
        StoreError.
        """
        oldest = await self._oldest_to_keep(keep, before, step)
        count = oldest - self.oldest
        if count <= 0:
            return 0
        self.oldest = oldest  # told before it is done: who reads meanwhile looks here afterwards
        del self._tail[: max(0, oldest - self._tail[0].seq) if self._tail else 0]
        await self._db.write(lambda tx: tx.execute("DELETE FROM journal WHERE seq < ?", (oldest,)))
        return count

    async def _oldest_to_keep(self, keep: int, before: datetime | None, step: int) -> int:
        """Find the number up to which entries go now."""
        oldest = self.head - keep + 1 if keep else self.oldest
        if before is not None and oldest < self.oldest + step:
            sql = "SELECT seq, at FROM journal WHERE seq >= ? AND seq <= ? ORDER BY seq LIMIT ?"
            limit = time_text(before)
            for seq, at in await self._db.rows(sql, (self.oldest, self.head, step)):
                if at >= limit:
                    break
                oldest = max(oldest, seq + 1)
        return min(oldest, self.oldest + step)

    def _feed(self, entries: Sequence[Entry]) -> None:
        """Take what was committed, and wake all who wait."""
        self._tail += entries
        if len(self._tail) > self._limit + self._limit // 4:  # not at every batch: cutting moves the whole list
            del self._tail[: -self._limit]
        self.head = entries[-1].seq
        self._grown.set()
        self._grown = asyncio.Event()

    async def _read(self, seq: int, limit: int, wanted: Selection) -> list[Entry]:
        """Read from the disk, up to the head: what is committed but not yet told to all here comes later."""
        condition, params = _condition(wanted)
        window = self.head if wanted.everything or wanted.about or _tenant(wanted) else _WINDOW
        head, found = self.head, list[Entry]()
        seq = max(seq, self.oldest - 1)
        while seq < head and len(found) < limit:
            end = min(head, seq + window)
            rows = await self._db.rows(
                "SELECT seq, at, type, subject, CAST(data AS BLOB), cause, tenant, request FROM journal"  # noqa: S608 - the condition has no value in it
                f" WHERE seq > ? AND seq <= ?{condition} ORDER BY seq LIMIT ?",
                (seq, end, *params, limit - len(found)),
            )
            found += map(_entry, rows)
            seq = end
        return found


def _entry(row: Row) -> Entry:
    """Make an entry of what is stored."""
    seq, at, kind, subject, data, cause, tenant, request = row
    return Entry(
        seq=seq,
        at=datetime.fromisoformat(at),
        type=kind,
        subject=subject,
        data=data,
        cause=cause,
        tenant=tenant,
        request=request,
    )


def _tenant(wanted: Selection) -> str:
    """A tenant that all that is wanted belongs to."""
    return wanted.owner or wanted.tenant


def _condition(wanted: Selection) -> tuple[str, tuple[str | int, ...]]:
    """Say what is wanted as a condition of SQL and its parameters."""
    condition, params = "", list[str | int]()
    for tenant in (wanted.owner, wanted.tenant or None):
        if tenant is not None:
            condition += " AND tenant = ?" + (" AND tenant <> ''" if tenant else "")  # as the index has it
            params.append(tenant)
    if wanted.machine:
        condition += " AND subject = ?"
        params.append(f"machines/{wanted.machine}")
    if wanted.subject.endswith("/"):
        condition += " AND substr(subject, 1, ?) = ?"
        params += [len(wanted.subject), wanted.subject]
    elif wanted.subject:
        condition += " AND subject = ?"
        params.append(wanted.subject)
    kinds = []
    for word in wanted.types:
        prefix = word.endswith(".")
        kinds.append("substr(type, 1, ?) = ?" if prefix else "type = ?")
        params += [len(word), word] if prefix else [word]
    return condition + (f" AND ({' OR '.join(kinds)})" if kinds else ""), tuple(params)
