"""The zones as they are served: their records, their serials and their newest changes, so that none is told twice."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final, Self

import msgspec

from fibrix.domain.dns import Authority, Record, Zone, ZoneChange
from fibrix.store.db import Database
from fibrix.store.transaction import Transaction


class _Head(msgspec.Struct, frozen=True, kw_only=True):
    """What a zone's SOA record says besides its serial."""

    ttl: int
    authority: Authority


_HEAD: Final = msgspec.json.Decoder(_Head)
_CHANGE: Final = msgspec.json.Decoder(ZoneChange)


class ServedZones:
    """All zones that are served, in memory for reading; those that are gone are remembered by their serials."""

    def __init__(self) -> None:
        self._zones: dict[str, Zone] = {}
        self._gone: dict[str, int] = {}

    @classmethod
    async def load(cls, db: Database) -> Self:
        """Read them all. Raises StoreError."""
        served = cls()
        records: dict[str, dict[str, list[Record]]] = {}
        for zone, name, kind, value, ttl in await db.rows("SELECT zone, name, type, value, ttl FROM dns_served"):
            found = records.setdefault(zone, {}).setdefault(name, [])
            found.append(Record(name=name, type=kind, ttl=ttl, value=value))
        changes: dict[str, list[ZoneChange]] = {}
        for zone, body in await db.rows("SELECT zone, body FROM dns_changes ORDER BY seq"):
            changes.setdefault(zone, []).append(_CHANGE.decode(body))
        for zone, serial, head in await db.rows("SELECT zone, serial, head FROM dns_serials"):
            if not head:
                served._gone[zone] = serial
                continue
            said = _HEAD.decode(head)
            served._zones[zone] = Zone(
                name=zone,
                serial=serial,
                ttl=said.ttl,
                authority=said.authority,
                records={name: tuple(sorted(found)) for name, found in records.get(zone, {}).items()},
                changes=tuple(changes.get(zone, ())),
            )
        return served

    def all(self) -> Mapping[str, Zone]:
        """All that are served, by name."""
        return self._zones

    def serial_of(self, zone: str) -> int:
        """The last serial that a zone of this name had; 0: there never was one."""
        served = self._zones.get(zone)
        return self._gone.get(zone, 0) if served is None else served.serial

    def publish(self, tx: Transaction, zone: Zone, change: ZoneChange | None) -> None:
        """Put a zone in place of the one before, from which `change` leads to it; None: its records are the same."""
        if change is not None:
            self._write(tx, zone, change)
        tx.on_commit(partial(self._put, zone))

    def withdraw(self, tx: Transaction, zone: str) -> None:
        """Serve a zone no more."""
        tx.execute("DELETE FROM dns_served WHERE zone = ?", (zone,))
        tx.execute("DELETE FROM dns_changes WHERE zone = ?", (zone,))
        tx.execute("UPDATE dns_serials SET head = '' WHERE zone = ?", (zone,))
        tx.on_commit(partial(self._drop, zone))

    def _write(self, tx: Transaction, zone: Zone, change: ZoneChange) -> None:
        head = _json(_Head(ttl=zone.ttl, authority=zone.authority))
        tx.execute("DELETE FROM dns_serials WHERE zone = ?", (zone.name,))
        tx.execute("INSERT INTO dns_serials (zone, serial, head) VALUES (?, ?, ?)", (zone.name, zone.serial, head))
        tx.executemany(
            "DELETE FROM dns_served WHERE zone = ? AND name = ? AND type = ? AND value = ?",
            [(zone.name, one.name, one.type, one.value) for one in change.removed],
        )
        tx.executemany(
            "INSERT INTO dns_served (zone, name, type, value, ttl) VALUES (?, ?, ?, ?, ?)",
            [(zone.name, one.name, one.type, one.value, one.ttl) for one in change.added],
        )
        if zone.changes:
            tx.execute("INSERT INTO dns_changes (zone, body) VALUES (?, ?)", (zone.name, _json(change)))
        tx.execute(
            "DELETE FROM dns_changes WHERE zone = ? AND seq NOT IN"
            " (SELECT seq FROM dns_changes WHERE zone = ? ORDER BY seq DESC LIMIT ?)",
            (zone.name, zone.name, len(zone.changes)),
        )

    def _put(self, zone: Zone) -> None:
        """Take a committed zone into memory."""
        self._gone.pop(zone.name, None)
        self._zones[zone.name] = zone

    def _drop(self, zone: str) -> None:
        """Forget a zone, but not its serial."""
        gone = self._zones.pop(zone, None)
        if gone is not None:
            self._gone[zone] = gone.serial


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
