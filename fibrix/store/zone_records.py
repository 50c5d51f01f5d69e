"""The records that people added to zones."""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Final, Self

from fibrix.domain.zones.things import ZoneRecord
from fibrix.errors import NotFoundError
from fibrix.store.db import Database
from fibrix.store.transaction import Row, Transaction

_COLUMNS: Final = "id, zone, name, type, ttl, value"


class ZoneRecords:
    """All of them by zone and owner, in memory for reading."""

    def __init__(self) -> None:
        self._records: dict[str, ZoneRecord] = {}
        self._zones: dict[str, dict[str, dict[str, ZoneRecord]]] = {}

    @classmethod
    async def load(cls, db: Database) -> Self:
        """Read them all. Raises StoreError."""
        records = cls()
        for row in await db.rows(f"SELECT {_COLUMNS} FROM dns_records"):  # noqa: S608 - names of our own
            records._put(_of_row(row))
        return records

    def get(self, zone: str, record: str) -> ZoneRecord:
        """Find one by id. Raises NotFoundError."""
        found = self._records.get(record)
        if found is None or found.zone != zone:
            raise NotFoundError(f"the zone {zone} has no added record {record!r}")
        return found

    def at(self, zone: str, owner: str) -> Sequence[ZoneRecord]:
        """Those at one name of a zone."""
        return tuple(self._zones.get(zone, {}).get(owner, {}).values())

    def owners(self, zone: str) -> Iterable[str]:
        """The names of a zone at which there are any."""
        return self._zones.get(zone, {}).keys()

    def read_at(self, tx: Transaction, zone: str, owner: str) -> Sequence[ZoneRecord]:
        """Read those at one name as of this transaction."""
        sql = f"SELECT {_COLUMNS} FROM dns_records WHERE zone = ? AND name = ?"  # noqa: S608 - see above
        return [_of_row(row) for row in tx.execute(sql, (zone, owner))]

    def insert(self, tx: Transaction, record: ZoneRecord) -> None:
        """Add one. Raises ConflictError: the very same is there."""
        sql = f"INSERT INTO dns_records ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)"  # noqa: S608 - see above
        tx.execute(sql, (record.id, record.zone, record.name, record.type, record.ttl, record.value))
        tx.on_commit(partial(self._put, record))

    def delete(self, tx: Transaction, record: str) -> ZoneRecord:
        """Remove one; give back what it was. Raises NotFoundError."""
        sql = f"DELETE FROM dns_records WHERE id = ? RETURNING {_COLUMNS}"  # noqa: S608 - see above
        rows = tx.execute(sql, (record,))
        if not rows:
            raise NotFoundError(f"there is no added record {record!r}")
        tx.on_commit(partial(self._drop, record))
        return _of_row(rows[0])

    def delete_of(self, tx: Transaction, zone: str) -> int:
        """Remove all of a zone; tells how many there were."""
        gone = [row[0] for row in tx.execute("DELETE FROM dns_records WHERE zone = ? RETURNING id", (zone,))]
        for record in gone:
            tx.on_commit(partial(self._drop, record))
        return len(gone)

    def _put(self, record: ZoneRecord) -> None:
        """Take a committed record into memory."""
        self._drop(record.id)
        self._records[record.id] = record
        self._zones.setdefault(record.zone, {}).setdefault(record.name, {})[record.id] = record

    def _drop(self, record: str) -> None:
        """Forget a record, if it is there."""
        gone = self._records.pop(record, None)
        if gone is None:
            return
        owners = self._zones[gone.zone]
        del owners[gone.name][record]
        if not owners[gone.name]:
            del owners[gone.name]


def _of_row(row: Row) -> ZoneRecord:
    record, zone, name, kind, ttl, value = row
    return ZoneRecord(id=record, zone=zone, name=name, type=kind, ttl=ttl, value=value)
