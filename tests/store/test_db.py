"""What a store promises: whole or not at all, in order, published only once it is on the disk."""

import asyncio
import sqlite3
import sys
from asyncio.subprocess import PIPE
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from fibrix.bus import Bus
from fibrix.errors import ConflictError, StoreError
from fibrix.events.base import Event
from fibrix.store.db import Database
from fibrix.store.transaction import Transaction
from tests.store.events import added


def put(tx: Transaction, owner: str) -> None:
    tx.execute("INSERT INTO secrets VALUES (?, ?)", (owner, b"x"))


def append(tx: Transaction, name: str) -> int:
    return tx.append(added(name)).seq


async def owners(db: Database) -> list[str]:
    return [owner for (owner,) in await db.rows("SELECT owner FROM secrets ORDER BY owner")]


async def test_what_was_written_is_there_after_reopening(tmp_path: Path) -> None:
    async with Database(tmp_path / "region.db", "region") as db:
        await db.write(lambda tx: put(tx, "a"))
    async with Database(tmp_path / "region.db", "region") as db:
        assert await owners(db) == ["a"]


async def test_a_unit_gives_back_its_result(db: Database) -> None:
    assert await db.write(lambda tx: tx.execute("SELECT 1 + 1")) == [(2,)]


async def test_a_unit_that_raises_is_undone_alone(db: Database) -> None:
    def faulty(tx: Transaction) -> None:
        put(tx, "b")
        raise LookupError("mine")

    async with asyncio.TaskGroup() as group:
        first = group.create_task(db.write(lambda tx: put(tx, "a")))
        group.create_task(refused(db, faulty))
        last = group.create_task(db.write(lambda tx: put(tx, "c")))
    assert first.exception() is last.exception() is None
    assert await owners(db) == ["a", "c"]


@pytest.mark.parametrize("mine", [LookupError("mine"), asyncio.CancelledError("mine"), SystemExit("mine")])
async def test_a_lone_unit_that_raises_is_undone_whole(db: Database, bus: Bus, mine: BaseException) -> None:
    def faulty(tx: Transaction) -> None:
        put(tx, "a")
        tx.append(added("never"))
        raise mine

    with bus.subscribe(Event) as heard:
        await db.write(lambda tx: put(tx, "first"))
        with pytest.raises(type(mine), match="mine"):
            await db.write(faulty)
        assert await owners(db) == ["first"]
        assert await db.write(partial(append, name="next")) == db.head == 1
        assert [event.seq for event in await heard.batch()] == [1]
    assert db.meter.fault == ""


async def refused(db: Database, work: object) -> None:
    with pytest.raises(LookupError, match="mine"):
        await db.write(work)  # type: ignore[arg-type]


async def test_a_constraint_is_a_conflict(db: Database) -> None:
    await db.write(lambda tx: put(tx, "a"))
    with pytest.raises(ConflictError, match="UNIQUE"):
        await db.write(lambda tx: put(tx, "a"))


async def test_sql_that_cannot_be_is_an_error_of_the_store(db: Database) -> None:
    with pytest.raises(StoreError, match="no such table"):
        await db.write(lambda tx: tx.execute("INSERT INTO moons VALUES (1)"))
    with pytest.raises(StoreError, match="no such table"):
        await db.write(lambda tx: tx.executemany("INSERT INTO moons VALUES (?)", [(1,)]))
    with pytest.raises(StoreError, match="no such table"):
        await db.rows("SELECT * FROM moons")


async def test_an_insert_tells_the_number_of_its_last_row(db: Database) -> None:
    sql = "INSERT INTO secrets VALUES ('a', x'00'), ('b', x'00')"
    assert await db.write(lambda tx: tx.insert(sql)) == 2
    with pytest.raises(ConflictError, match="UNIQUE"):
        await db.write(lambda tx: tx.insert(sql))
    with pytest.raises(StoreError, match="no such table"):
        await db.write(lambda tx: tx.insert("INSERT INTO moons VALUES (1)"))


async def test_many_rows_go_in_at_once_or_not_at_all(db: Database) -> None:
    sql = "INSERT INTO secrets VALUES (?, x'00')"
    await db.write(lambda tx: tx.executemany(sql, [("a",), ("b",)]))
    with pytest.raises(ConflictError):
        await db.write(lambda tx: tx.executemany(sql, [("c",), ("a",)]))
    assert await owners(db) == ["a", "b"]


async def test_a_unit_cannot_write_outside_of_its_transaction(db: Database) -> None:
    def rogue(tx: Transaction) -> None:
        tx.execute("ROLLBACK")  # as SQLite does by itself when the disk is full
        with suppress(StoreError):
            put(tx, "outside")
        put(tx, "outside")

    with pytest.raises(StoreError, match=r"nothing was written: .*given the transaction up"):
        await db.write(rogue)
    await db.write(lambda tx: put(tx, "a"))
    assert await owners(db) == ["a"]


async def test_a_write_that_nobody_waits_for_tells_its_failure_in_the_log(tmp_path: Path) -> None:
    with capture_logs() as logs:
        async with Database(tmp_path / "region.db", "region") as db:
            db.post(lambda tx: put(tx, "a"))
            db.post(lambda tx: put(tx, "a"))
            await db.write(lambda tx: None)
            await asyncio.sleep(0)
            assert await owners(db) == ["a"]
        db.post(lambda tx: put(tx, "b"))
    reasons = [line["reason"] for line in logs if line["event"] == "store.write_failed"]
    assert ["UNIQUE" in reasons[0], "not open" in reasons[1]] == [True, True]


async def test_a_store_that_is_closing_takes_no_more(tmp_path: Path) -> None:
    db = Database(tmp_path / "region.db", "region")
    async with db, asyncio.TaskGroup() as group:
        group.create_task(db._open_writer().close())
        await asyncio.sleep(0)
        with pytest.raises(StoreError, match="closed"):
            await db.write(lambda tx: None)


async def test_a_unit_that_raises_stop_iteration_does_not_hang_its_caller(db: Database) -> None:
    with pytest.raises(RuntimeError, match="StopIteration"):
        await db.write(lambda tx: next(iter(())))


async def test_units_that_wait_together_share_one_commit(db: Database) -> None:
    async with asyncio.TaskGroup() as group:
        for number in range(500):
            group.create_task(db.write(partial(put, owner=f"{number:03}")))
    assert len(await owners(db)) == 500


async def test_events_are_published_in_order_after_the_commit(db: Database, bus: Bus) -> None:
    order: list[str] = []
    with bus.subscribe(Event) as heard:

        def work(tx: Transaction) -> int:
            tx.on_commit(lambda: order.append(f"callback, {heard_count()} published"))
            return tx.append(added("one")).seq + tx.append(added("two")).seq

        def heard_count() -> int:
            return len(heard._events)

        assert await db.write(work) == 3
        assert [event.seq for event in await heard.batch()] == [1, 2]
    assert order == ["callback, 0 published"]


async def test_a_unit_that_raises_leaves_no_hole_in_the_numbers(db: Database, bus: Bus) -> None:
    def faulty(tx: Transaction) -> None:
        tx.append(added("never"))
        raise LookupError("mine")

    with bus.subscribe(Event) as heard:
        async with asyncio.TaskGroup() as group:
            for number in range(20):
                group.create_task(db.write(partial(append, name=str(number))))
                group.create_task(refused(db, faulty))
        seen: list[Event] = []
        while len(seen) < 20:
            seen += await heard.batch()
    assert [event.seq for event in seen] == list(range(1, 21))
    assert db.head == 20


async def test_numbers_go_on_after_reopening(tmp_path: Path) -> None:
    for expected in (1, 2):
        async with Database(tmp_path / "region.db", "region") as db:
            assert (await db.write(lambda tx: tx.append(added("x")))).seq == expected


async def test_a_cancelled_caller_changes_nothing_for_the_others(db: Database, bus: Bus) -> None:
    with bus.subscribe(Event) as heard:
        async with asyncio.TaskGroup() as group:
            gone = group.create_task(db.write(lambda tx: tx.append(added("gone"))))
            group.create_task(db.write(lambda tx: tx.append(added("stays"))))
            await asyncio.sleep(0)
            gone.cancel()
        assert [event.seq for event in await heard.batch()] == [1, 2]  # it was asked for, so it is done


async def test_a_faulty_callback_is_told_to_its_own_caller_only(db: Database, bus: Bus) -> None:
    def faulty(tx: Transaction) -> None:
        tx.append(added("kept"))
        tx.on_commit(partial(int, "no number"))

    with bus.subscribe(Event) as heard:
        with pytest.raises(ValueError, match="no number"):
            await db.write(faulty)
        assert [event.seq for event in await heard.batch()] == [1]


async def test_a_failed_commit_undoes_the_batch_and_tells_everyone(db: Database, bus: Bus) -> None:
    def orphan(tx: Transaction) -> None:  # a constraint that SQLite checks at the commit
        tx.execute("PRAGMA defer_foreign_keys = ON")
        tx.execute("INSERT INTO machine_macs VALUES ('52:54:00:00:00:01', 'nobody')")

    called: list[str] = []

    def good(tx: Transaction) -> None:
        tx.append(added("never"))
        tx.on_commit(lambda: called.append("callback"))

    def slow(tx: Transaction) -> None:
        tx.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) SELECT max(i) FROM n"
        )

    async def fails(work: object) -> None:
        with pytest.raises(StoreError, match="nothing was written"):
            await db.write(work)  # type: ignore[arg-type]

    with bus.subscribe(Event) as heard:
        async with asyncio.TaskGroup() as group:
            group.create_task(db.write(slow))  # the two below gather behind it, into one batch
            await asyncio.sleep(0.005)
            group.create_task(fails(good))
            group.create_task(fails(orphan))
        assert (await db.write(lambda tx: tx.append(added("first")))).seq == 1
        assert [event.seq for event in await heard.batch()] == [1]
    assert called == []


async def test_a_second_opener_is_told_who_has_the_store(tmp_path: Path) -> None:
    code = (
        "import asyncio, pathlib, sys\n"
        "from fibrix.store.db import Database\n"
        "async def main():\n"
        "    async with Database(pathlib.Path(sys.argv[1]), 'region'):\n"
        "        print('open', flush=True); await asyncio.to_thread(sys.stdin.read)\n"
        "asyncio.run(main())\n"
    )
    path = tmp_path / "region.db"
    holder = await asyncio.create_subprocess_exec(sys.executable, "-c", code, str(path), stdin=PIPE, stdout=PIPE)
    assert holder.stdout is not None
    assert await holder.stdout.readline() == b"open\n"
    with pytest.raises(StoreError, match=f"in use by process {holder.pid}"):
        async with Database(path, "region"):
            pass
    await holder.communicate(b"")
    async with Database(path, "region"):  # the holder is gone: nothing of it is in the way
        pass


async def test_a_store_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "region.db"
    async with Database(path, "region") as db:
        await db.write(lambda tx: tx.execute("INSERT INTO migrations VALUES (9999, 'x')"))
    with pytest.raises(StoreError, match=r"newer Fibrix \(version 9999"):
        async with Database(path, "region"):
            pass


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "region.db"
    path.write_bytes(b"not a database at all, " * 100)
    with pytest.raises(StoreError, match="not a database"):
        async with Database(path, "region"):
            pass


def modes(folder: Path) -> dict[str, int]:
    return {file.name: file.stat().st_mode & 0o777 for file in folder.glob("region.db*")}


async def test_the_files_are_for_their_owner_alone(db: Database, tmp_path: Path) -> None:
    await db.write(lambda tx: put(tx, "a"))
    assert modes(tmp_path) == {"region.db": 0o600, "region.db-wal": 0o600, "region.db-shm": 0o600}


async def test_readers_cannot_write(db: Database) -> None:
    with pytest.raises(StoreError, match="readonly"):
        await db.rows("INSERT INTO secrets VALUES ('a', x'00')")


async def test_a_closed_store_says_so(tmp_path: Path) -> None:
    db = Database(tmp_path / "region.db", "region")
    with pytest.raises(StoreError, match="not open"):
        await db.write(lambda tx: None)
    with pytest.raises(StoreError, match="not open"):
        await db.rows("SELECT 1")


async def test_what_is_queued_is_written_before_closing(tmp_path: Path) -> None:
    async with asyncio.TaskGroup() as group, Database(tmp_path / "region.db", "region") as db:
        for number in range(100):
            group.create_task(db.write(partial(put, owner=str(number))))
        await asyncio.sleep(0)
    connection = sqlite3.connect(tmp_path / "region.db")
    assert connection.execute("SELECT count(*) FROM secrets").fetchone() == (100,)
    connection.close()
