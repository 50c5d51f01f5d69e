"""Durable events per second: appended to the journal, on the disk, published. Peer: plain sqlite3, a commit per event.

Run: `python -m benchmarks.journal [EVENTS]`. Three interleaved rounds on the same disk, the median is quoted.
"""

import asyncio
import sqlite3
import sys
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from benchmarks.report import middle, report, row
from fibrix.events.controller import SshKeyAdded
from fibrix.store.db import Database
from fibrix.store.entry import Entry
from fibrix.store.journal import Journal
from fibrix.store.transaction import Transaction

EVENT = SshKeyAdded(at=datetime(2026, 1, 31, tzinfo=UTC), name="laptop", fingerprint="SHA256:x")
SQL = "INSERT INTO journal (seq, at, type, subject, data, cause) VALUES (?, ?, ?, ?, ?, ?)"


def unit(tx: Transaction, size: int) -> None:
    """Append so many events in one unit of work."""
    for _ in range(size):
        tx.append(EVENT)


async def ours(folder: Path, events: int, writers: int, size: int) -> float:
    """So many callers that each wait for their own write; events per second."""

    async def writer() -> None:
        for _ in range(events // writers // size):
            await db.write(partial(unit, size=size))

    async with Database(folder / "region.db", "region") as db:
        journal = await Journal.load(db)
        began, before = perf_counter(), journal.head
        async with asyncio.TaskGroup() as group:
            for _ in range(writers):
                group.create_task(writer())
        return (journal.head - before) / (perf_counter() - began)


async def peer(folder: Path, events: int) -> float:
    """Write one row per commit into the same table; events per second."""
    async with Database(folder / "region.db", "region"):
        pass
    with closing(sqlite3.connect(folder / "region.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = FULL")
        began = perf_counter()
        for seq in range(events):
            entry = Entry.of(EVENT)
            values = (seq, entry.at.isoformat(), entry.type, entry.subject, entry.data.decode(), entry.cause)
            connection.execute(SQL, values)
        return events / (perf_counter() - began)


def measure(case: tuple[int, int, int] | None, events: int) -> float:
    """Run one round in a folder of its own, on the disk of the temporary files."""
    with TemporaryDirectory() as folder:
        if case is None:
            return asyncio.run(peer(Path(folder), events // 50))
        factor, writers, size = case
        return asyncio.run(ours(Path(folder), events // factor, writers, size))


def main(events: int) -> None:
    """Measure one caller, many callers, and units of many events."""
    cases = {
        "1 caller, 1 event each": (50, 1, 1),
        "200 callers, 1 event each": (1, 200, 1),
        "1000 callers, 1 event each": (1, 1000, 1),
        "10 callers, 100 events each": (1, 10, 100),
    }
    rounds = [{name: measure(case, events) for name, case in [*cases.items(), ("peer", None)]} for _ in range(3)]
    one_by_one = middle([figures["peer"] for figures in rounds])
    report("journal", [row(name, middle([f[name] for f in rounds]), one_by_one, "events/s") for name in cases])


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50_000)
