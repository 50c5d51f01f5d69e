"""The audit on the disk: only ever longer, found by what it tells, verified as it is."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from fibrix.domain.audit import Result, Verdict, Walk, entry_of
from fibrix.domain.ports.audit import Wanted
from fibrix.errors import ConflictError, NotFoundError, StoreError
from fibrix.store.audit import CHUNK, AuditLog, append
from fibrix.store.db import Database
from fibrix.store.transaction import Transaction
from fibrix.types import UserId
from tests.support.attempts import attempt

COPY = (
    "INSERT INTO audit SELECT {seq}, at, user, user_name, tenant, key, address, request, action, method, path, subject,"
    " before, after, status, result, reason, {prev}, hash FROM audit WHERE seq = 3"
)


async def fill(db: Database, count: int = 3, **fields: Any) -> None:
    """Put records at the end, all in one transaction."""

    def work(tx: Transaction) -> None:
        for number in range(count):
            append(tx, entry_of(attempt(number, **fields), result=Result.DONE, status=200))

    await db.write(work)


async def verdict(db: Database) -> Verdict:
    return [told async for told in AuditLog(db).verify()][-1]


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE audit SET reason = 'never' WHERE seq = 2",
        "UPDATE audit SET hash = hash",
        "DELETE FROM audit WHERE seq = 2",
        "DELETE FROM audit",
        "REPLACE INTO audit SELECT * FROM audit WHERE seq = 2",
        COPY.format(seq="seq + 5", prev="hash"),
        COPY.format(seq="seq + 1", prev="prev"),
        COPY.format(seq="0", prev="prev"),
    ],
)
async def test_a_record_can_neither_be_changed_nor_removed_nor_put_in_between(db: Database, sql: str) -> None:
    await fill(db)
    before = await db.rows("SELECT * FROM audit")
    with pytest.raises(ConflictError, match="a record of the audit can"):
        await db.write(lambda tx: tx.execute(sql))
    assert await db.rows("SELECT * FROM audit") == before


async def test_each_record_follows_the_one_before_across_transactions(db: Database) -> None:
    assert await verdict(db) == Verdict(ok=True, records=0, first=0, last=0, hash="")
    await fill(db, CHUNK)
    await fill(db, 5)
    newest = await AuditLog(db).get(CHUNK + 5)
    assert await verdict(db) == Verdict(ok=True, records=CHUNK + 5, first=1, last=CHUNK + 5, hash=newest.hash)
    with pytest.raises(NotFoundError, match="no record 9999"):
        await AuditLog(db).get(9999)


@pytest.mark.parametrize(
    ("sql", "fault"),
    [
        ("UPDATE audit SET reason = 'never' WHERE seq = 4", "record 4 is not what was written"),
        ("UPDATE audit SET result = 'maybe' WHERE seq = 4", "what comes after record 3 is no record"),
        ("UPDATE audit SET before = x'ff' WHERE seq = 4", "record 4 is not what was written"),
        ("DELETE FROM audit WHERE seq = 4", "after record 3 comes 5"),
    ],
)
async def test_what_somebody_did_past_the_triggers_is_found(tmp_path: Path, sql: str, fault: str) -> None:
    path = tmp_path / "region.db"
    async with Database(path, "region") as db:
        await fill(db, CHUNK + 10)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DROP TRIGGER audit_unchanged")
        connection.execute("DROP TRIGGER audit_kept")
        connection.execute(sql)
    async with Database(path, "region") as db:
        found = await verdict(db)
        assert not found.ok
        assert found.last == 3
        assert fault in found.fault
        if "maybe" in sql:
            with pytest.raises(StoreError, match="record 4 of the audit was tampered with"):
                await AuditLog(db).get(4)


async def test_records_are_found_by_what_they_tell(db: Database) -> None:
    await fill(db, 2)
    await fill(db, 1, user=UserId("u000000002"), user_name="bob", action="machines_delete", subject="machines/m2")
    await fill(db, 1, action="subnets_update", subject="subnets/racks", request="mine")
    log = AuditLog(db)

    async def found(**wanted: Any) -> list[int]:
        return [r.seq for r in await log.page(Wanted(**wanted), after=0, limit=9, newest_first=False)]

    assert await found(user="bob") == await found(user="u000000002") == [3]
    assert await found(action="machines_") == await found(subject="machines/") == [1, 2, 3]
    assert await found(action="machines_delete") == await found(subject="machines/m2") == [3]
    assert await found(action="machines") == await found(subject="machines/m") == []
    assert await found(request="mine") == await found(subject="subnets/") == [4]
    assert await found(result=Result.REFUSED) == []
    assert await found(since="2026-03-01T12:00:00.000001+00:00") == []
    assert await found(until="2026-03-01T12:00:00.000001+00:00", user="ada") == [1, 2, 4]
    assert await found(user="' OR 1=1 --") == []


async def test_pages_go_on_in_either_direction(db: Database) -> None:
    await fill(db, 5)
    log, every = AuditLog(db), Wanted()
    assert [r.seq for r in await log.page(every, after=0, limit=2, newest_first=True)] == [5, 4]
    assert [r.seq for r in await log.page(every, after=4, limit=9, newest_first=True)] == [3, 2, 1]
    assert [r.seq for r in await log.page(every, after=4, limit=9, newest_first=False)] == [5]


async def test_an_export_is_a_part_of_the_chain_without_holes(db: Database) -> None:
    await fill(db, CHUNK)
    await fill(db, 1, at=attempt().at.replace(year=2025))  # it came long before, and took its time
    await fill(db, 3)

    async def exported(after: int = 0, since: str = "", until: str = "") -> Verdict:
        walk = Walk()
        async for chunk in AuditLog(db).lines(after, since, until):
            for text in chunk.splitlines():
                walk.take(text)
        return walk.verdict

    assert await exported() == await verdict(db)
    part = await exported(after=CHUNK - 2, since="2026")
    assert (part.ok, part.first, part.last) == (True, CHUNK - 1, CHUNK + 4)
    assert (await exported(until="2026")).last == CHUNK + 1
    assert (await exported(since="2027")).records == 0
    assert (await exported(after=10**17)).records == 0
