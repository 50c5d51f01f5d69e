"""Script runs and their output: said once or twice, it is kept once."""

import sqlite3
from contextlib import closing

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fibrix.domain.machine import RunStatus, ScriptRun
from fibrix.domain.state import State
from fibrix.errors import ConflictError, NotFoundError
from fibrix.store.db import Database
from fibrix.store.migrate import migrate
from fibrix.store.runs import OUTPUT_BYTES, Runs
from fibrix.store.transaction import Transaction
from fibrix.types import MachineId, RunId

BOX = MachineId("m000000001")


def run(number: int, *, machine: MachineId = BOX, state: State = State.TESTING) -> ScriptRun:
    return ScriptRun(id=RunId(f"r{number}"), machine=machine, script="memory-test", state=state, position=number)


@pytest.fixture
async def runs(db: Database) -> Runs:
    runs = Runs(db)
    await db.write(lambda tx: runs.insert(tx, run(1)))
    return runs


async def say(db: Database, runs: Runs, offset: int, data: bytes) -> int:
    return await db.write(lambda tx: runs.append_output(tx, RunId("r1"), offset, data))


async def test_runs_come_oldest_first(db: Database, runs: Runs) -> None:
    await db.write(lambda tx: runs.insert(tx, run(7, state=State.COMMISSIONING)))
    await db.write(lambda tx: runs.insert(tx, run(2)))
    await db.write(lambda tx: runs.insert(tx, run(3, machine=MachineId("m000000002"))))
    assert [r.id for r in await runs.of_machine(BOX)] == ["r1", "r7", "r2"]
    assert await db.write(lambda tx: runs.list(tx, BOX)) == await runs.of_machine(BOX)


async def test_an_id_is_used_once(db: Database, runs: Runs) -> None:
    with pytest.raises(ConflictError):
        await db.write(lambda tx: runs.insert(tx, run(1)))


async def test_a_changed_run_is_read_back_with_its_values(db: Database, runs: Runs) -> None:
    values = {"tested_bytes": msgspec.Raw(b'{"of":[1,2.5,null]}')}
    await db.write(
        lambda tx: runs.update(tx, RunId("r1"), lambda r: replace(r, status=RunStatus.PASSED, values=values))
    )
    (found,) = await runs.of_machine(BOX)
    assert found.status is RunStatus.PASSED
    assert bytes(found.values["tested_bytes"]) == b'{"of":[1,2.5,null]}'


async def test_an_unknown_run_is_not_found(db: Database, runs: Runs) -> None:
    with pytest.raises(NotFoundError):
        await db.write(lambda tx: runs.append_output(tx, RunId("r9"), 0, b"x"))
    with pytest.raises(NotFoundError):
        await db.write(lambda tx: runs.update(tx, RunId("r9"), lambda r: r))
    assert await runs.output(RunId("r9")) == b""


async def test_output_said_twice_is_kept_once(db: Database, runs: Runs) -> None:
    assert await say(db, runs, 0, b"hello ") == 6
    assert await say(db, runs, 0, b"hello ") == 6
    assert await say(db, runs, 4, b"o world") == 11
    assert await runs.output(RunId("r1")) == b"hello world"


async def test_output_that_leaves_a_gap_is_asked_for_again(db: Database, runs: Runs) -> None:
    await say(db, runs, 0, b"abc")
    assert await say(db, runs, 5, b"xyz") == 3
    assert await runs.output(RunId("r1")) == b"abc"


async def test_the_first_four_mebibytes_are_kept_and_the_rest_counted(db: Database, runs: Runs) -> None:
    most = b"x" * (OUTPUT_BYTES - 2)
    await say(db, runs, 0, most)
    assert await say(db, runs, len(most), b"abcd") == OUTPUT_BYTES + 2
    assert await say(db, runs, OUTPUT_BYTES + 2, b"more") == OUTPUT_BYTES + 6
    assert await runs.output(RunId("r1")) == most + b"ab"
    (found,) = await runs.of_machine(BOX)
    assert found.output_bytes == OUTPUT_BYTES + 6


async def test_forgetting_a_machine_forgets_its_runs_and_output(db: Database, runs: Runs) -> None:
    await say(db, runs, 0, b"abc")
    await db.write(lambda tx: runs.delete_for(tx, BOX))
    assert await runs.of_machine(BOX) == []
    assert await runs.output(RunId("r1")) == b""


@given(pieces=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 20)), max_size=20))
def test_whatever_is_repeated_or_comes_out_of_order_what_is_kept_is_true(pieces: list[tuple[int, int]]) -> None:
    """Run without a loop: the transaction is real, its connection in memory."""
    whole = bytes(range(60))
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection, "region")
        connection.execute("BEGIN")
        tx, runs = Transaction(connection, 0), Runs.__new__(Runs)
        runs.insert(tx, run(1))
        known = 0
        for offset, length in pieces:
            now = runs.append_output(tx, RunId("r1"), offset, whole[offset : offset + length])
            assert known <= now <= max(known, offset + length)
            known = now
        rows = tx.execute("SELECT data FROM run_output ORDER BY at_byte")
        assert b"".join(data for (data,) in rows) == whole[:known]
