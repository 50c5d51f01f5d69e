"""The audit on the disk. Triggers keep what is in it: nothing here, or in any other part of Fibrix, can change it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

import msgspec

from fibrix.domain.audit import GENESIS, AuditEntry, AuditRecord, Timestamp, Verdict, Walk, linked
from fibrix.domain.ports.audit import Wanted
from fibrix.errors import NotFoundError, StoreError
from fibrix.store.db import Database
from fibrix.store.transaction import Transaction

CHUNK: Final = 200
"""So many records are read at once: a few milliseconds' work, in another thread."""

_BEHIND: Final = 2**62  # behind every record there will be
_LATEST: Final = "~"  # behind every time there will be

_NAMES: Final = tuple(field.name for field in msgspec.structs.fields(AuditRecord))
_COLUMNS: Final = ", ".join(_NAMES)
_INSERT: Final = f"INSERT INTO audit ({_COLUMNS}) VALUES ({', '.join('?' * len(_NAMES))})"  # noqa: S608 - our own names


def append(tx: Transaction, entry: AuditEntry) -> AuditRecord:
    """Put an entry at the end of the chain."""
    newest = tx.execute("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1")
    seq, prev = newest[0] if newest else (0, GENESIS)
    record = linked(entry, seq + 1, prev)
    tx.execute(_INSERT, tuple(msgspec.to_builtins(getattr(record, name)) for name in _NAMES))
    return record


class AuditLog:
    """Fits `domain.ports.audit.Audit`."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def get(self, seq: int) -> AuditRecord:
        """Read one. Raises NotFoundError, StoreError."""
        found = await self._select("seq = ?", [seq], limit=1)
        if not found:
            raise NotFoundError(f"there is no record {seq} of the audit")
        return _record(found[0])

    async def page(self, wanted: Wanted, *, after: int, limit: int, newest_first: bool) -> Sequence[AuditRecord]:
        """Read at most `limit` records that come after the number `after` in this order. Raises StoreError."""
        conditions, params = _conditions(wanted)
        if after:
            conditions.append("seq < ?" if newest_first else "seq > ?")
            params.append(after)
        rows = await self._select(" AND ".join(conditions), params, limit=limit, newest_first=newest_first)
        return await asyncio.to_thread(lambda: [_record(row) for row in rows])

    async def lines(self, after: int, since: Timestamp, until: Timestamp) -> AsyncIterator[bytes]:
        """Read a part of the chain as the lines of an export, many to a chunk. Raises StoreError."""
        sql = "SELECT coalesce(min(seq), ?) FROM audit WHERE seq > ? AND at >= ?"
        ((first,),) = await self._db.rows(sql, (_BEHIND, after, since))
        sql = "SELECT coalesce(max(seq), 0) FROM audit WHERE at < ?"
        ((last,),) = await self._db.rows(sql, (until or _LATEST,))
        async for rows in self._walk(first - 1, last):
            yield await asyncio.to_thread(_lines, rows)

    async def verify(self) -> AsyncIterator[Verdict]:
        """Walk along the whole chain and tell from time to time how it looks. Raises StoreError."""
        walk = Walk()
        ((newest,),) = await self._db.rows("SELECT coalesce(max(seq), 0) FROM audit")
        async for rows in self._walk(0, newest):
            good = await asyncio.to_thread(_good, walk, rows)
            yield walk.verdict
            if not good:
                return
        yield walk.verdict

    async def _walk(self, after: int, last: int) -> AsyncIterator[Sequence[Any]]:
        """Read the rows behind `after` up to `last`, chunk by chunk."""
        while after < last and (rows := await self._select("seq > ? AND seq <= ?", [after, last], limit=CHUNK)):
            yield rows
            after = rows[-1][_NAMES.index("seq")]

    async def _select(
        self, where: str, params: Sequence[str | int], *, limit: int, newest_first: bool = False
    ) -> list[Any]:
        order = "DESC" if newest_first else "ASC"
        condition = f" WHERE {where}" if where else ""
        sql = f"SELECT {_COLUMNS} FROM audit{condition} ORDER BY seq {order} LIMIT ?"  # noqa: S608 - no value in it
        return await self._db.rows(sql, (*params, limit))


def _conditions(wanted: Wanted) -> tuple[list[str], list[str | int]]:
    """Say in SQL which records are wanted."""
    terms: list[tuple[str, list[str | int]]] = []
    if wanted.user:
        terms.append(("(user = ? OR user_name = ?)", [wanted.user, wanted.user]))
    for column, value, end in (("action", wanted.action, "_"), ("subject", wanted.subject, "/")):
        if value.endswith(end):  # the characters behind the end of a beginning are all below the next one
            terms.append((f"({column} >= ? AND {column} < ?)", [value, f"{value[:-1]}{chr(ord(end) + 1)}"]))
        elif value:
            terms.append((f"{column} = ?", [value]))
    if wanted.request:
        terms.append(("request = ?", [wanted.request]))
    if wanted.result:
        terms.append(("result = ?", [wanted.result.value]))
    if wanted.since:
        terms.append(("at >= ?", [wanted.since]))
    if wanted.until:
        terms.append(("at < ?", [wanted.until]))
    return [term for term, _ in terms], [value for _, values in terms for value in values]


def _record(row: Sequence[Any]) -> AuditRecord:
    """Read a row. Raises StoreError: somebody else wrote into it."""
    fields = dict(zip(_NAMES, row, strict=True))
    try:
        return msgspec.convert(fields, AuditRecord)
    except msgspec.ValidationError as exc:
        raise StoreError(f"record {fields['seq']} of the audit was tampered with: {exc}") from exc


def _lines(rows: Sequence[Any]) -> bytes:
    return b"".join(_line(row) + b"\n" for row in rows)


def _good(walk: Walk, rows: Sequence[Any]) -> bool:
    return all(walk.take(_line(row)) for row in rows)


def _line(row: Sequence[Any]) -> bytes:
    """Write a row as a line of an export, as it is: if somebody else wrote into it, that is to be seen."""
    return msgspec.json.encode(dict(zip(_NAMES, row, strict=True)), order="sorted")
