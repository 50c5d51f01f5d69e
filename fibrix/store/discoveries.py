"""Hosts that were heard on the wire: tens of thousands, so they are read from the disk, a page at a time."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from fibrix.domain.census.host import Host
from fibrix.domain.census.sighting import Role
from fibrix.store.codec import time_text
from fibrix.store.db import Database
from fibrix.store.transaction import Row, Transaction
from fibrix.types import MacAddress

PAGE: Final = 250
"""So many are read at a time: what is done with them holds nobody up for long."""

_DECODER: Final = msgspec.json.Decoder(Host)
_PUT: Final = (
    "INSERT INTO discoveries (mac, last, bmc, body) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (mac) DO UPDATE SET last = excluded.last, bmc = excluded.bmc, body = excluded.body"
)
_DROP_SILENT: Final = (
    "DELETE FROM discoveries WHERE mac IN (SELECT mac FROM discoveries"
    " WHERE last < ? AND mac NOT IN (SELECT id FROM discovery_marks) LIMIT ?) RETURNING mac"
)
_DROP_OLDEST: Final = (
    "DELETE FROM discoveries WHERE mac IN (SELECT mac FROM discoveries"
    " WHERE mac NOT IN (SELECT id FROM discovery_marks) ORDER BY last LIMIT ?) RETURNING mac"
)


class DiscoveredHosts:
    """Reading sees the last commit; what takes a transaction sees that transaction and those before it."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def get(self, mac: MacAddress) -> Host | None:
        """Read one. Raises StoreError."""
        found = await self._read("WHERE mac = ?", (mac,))
        return found[0] if found else None

    async def page(self, after: str) -> Sequence[Host]:
        """Read the next ones by MAC, at most PAGE; none: that was all. Raises StoreError."""
        return await self._read("WHERE mac > ? ORDER BY mac LIMIT ?", (after, PAGE))

    async def some(self, macs: Sequence[MacAddress]) -> Sequence[Host]:
        """Read those of these that are there, in any order. Raises StoreError."""
        return await self._read("WHERE mac IN (SELECT value FROM json_each(?))", (msgspec.json.encode(macs).decode(),))

    async def beside(self, mac: MacAddress, count: int) -> Sequence[Host]:
        """Read those whose MACs are the next to one, so many on each side, without itself. Raises StoreError."""
        below = await self._read("WHERE mac < ? ORDER BY mac DESC LIMIT ?", (mac, count))
        return [*below, *await self._read("WHERE mac > ? ORDER BY mac LIMIT ?", (mac, count))]

    async def bmcs(self, count: int) -> Sequence[Host]:
        """Read those that are BMCs, by MAC, at most so many. Raises StoreError."""
        return await self._read("WHERE bmc = 1 ORDER BY mac LIMIT ?", (count,))

    async def count(self) -> int:
        """How many there are. Raises StoreError."""
        ((count,),) = await self._db.rows("SELECT count(*) FROM discoveries")
        return int(count)

    def put(self, tx: Transaction, hosts: Sequence[Host]) -> None:
        """Store what is known of hosts now."""
        tx.executemany(_PUT, map(_row, hosts))

    def drop(self, tx: Transaction, macs: Sequence[MacAddress]) -> None:
        """Forget these, as far as they are there."""
        tx.executemany("DELETE FROM discoveries WHERE mac = ?", [(mac,) for mac in macs])

    def drop_silent(self, tx: Transaction, before: datetime, count: int) -> int:
        """Forget hosts that were last heard before a time, at most so many; how many. What people marked stays."""
        return len(tx.execute(_DROP_SILENT, (time_text(before), count)))

    def drop_oldest(self, tx: Transaction, count: int) -> int:
        """Forget the longest silent ones, at most so many; how many. What people marked stays."""
        return len(tx.execute(_DROP_OLDEST, (count,)))

    async def _read(self, condition: str, values: tuple[object, ...]) -> list[Host]:
        rows = await self._db.rows(f"SELECT body FROM discoveries {condition}", values)  # noqa: S608 - our own
        return [_DECODER.decode(body) for (body,) in rows]


class UnitHosts:
    """The hosts as one transaction changes them."""

    def __init__(self, hosts: DiscoveredHosts, tx: Transaction) -> None:
        self._hosts = hosts
        self._tx = tx

    def put(self, hosts: Sequence[Host]) -> None:
        """Store what is known of hosts now."""
        self._hosts.put(self._tx, hosts)

    def drop(self, macs: Sequence[MacAddress]) -> None:
        """Forget these, as far as they are there."""
        self._hosts.drop(self._tx, macs)

    def drop_silent(self, before: datetime, count: int) -> int:
        """Forget hosts that were last heard before a time, at most so many; how many. What people marked stays."""
        return self._hosts.drop_silent(self._tx, before, count)

    def drop_oldest(self, count: int) -> int:
        """Forget the longest silent ones, at most so many; how many. What people marked stays."""
        return self._hosts.drop_oldest(self._tx, count)


def _row(host: Host) -> Row:
    bmc = bool(host.bmc) or Role.BMC.value in host.roles
    return host.mac, time_text(host.last), int(bmc), msgspec.json.encode(host).decode()
