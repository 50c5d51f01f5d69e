"""What is superseded leaves the log of bindings, little by little, and nothing else does."""

import asyncio
import sqlite3
import sys
from asyncio.subprocess import PIPE
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from fibrix.domain.binding import Binding
from fibrix.store.bindings import Bindings
from fibrix.store.db import Database
from tests.store.test_binding_log import bound

ROOT = Path(__file__).parent.parent.parent


async def log_rows(database: Database) -> int:
    ((rows,),) = await database.rows("SELECT count(*) FROM binding_log")
    return int(rows)


async def renew(bindings: Bindings, leases: int, times: int) -> None:
    for until in range(times):
        await bindings.commit([replace(bound(place, owner=place), until_us=until) for place in range(leases)])


async def test_the_file_is_bounded_however_often_leases_are_renewed(tmp_path: Path) -> None:
    async with Database(tmp_path / "rack.db", "rack") as database:
        bindings = Bindings(database)
        assert await bindings.all() == []
        await renew(bindings, 300, 40)
        once = (tmp_path / "rack.db").stat().st_size
        for _ in range(6):
            await renew(bindings, 300, 40)
            assert await log_rows(database) < 11_000
        assert [one.until_us for one in await bindings.all()] == [39] * 300
    assert (tmp_path / "rack.db").stat().st_size < max(once * 1.5, 3_000_000)


async def test_what_was_superseded_before_a_restart_goes_after_it(tmp_path: Path) -> None:
    async with Database(tmp_path / "rack.db", "rack") as database:
        await renew(Bindings(database), 100, 60)
        assert await log_rows(database) == 6_000  # nothing was read: nobody knows what is superseded
    async with Database(tmp_path / "rack.db", "rack") as database:
        bindings = Bindings(database, let_stand=1_000)
        before = await bindings.all()
        for commit in range(1, 30):
            await bindings.commit([bound(0, owner=0, at=commit)])
            assert await log_rows(database) == max(6_000 - 256 * commit, 100) + max(commit - 24, 0) + min(commit, 24)
        assert (await bindings.all())[:-1] == before[1:]


async def test_who_was_cancelled_while_it_committed_is_followed_too(tmp_path: Path) -> None:
    async with Database(tmp_path / "rack.db", "rack") as database:
        bindings = Bindings(database, let_stand=0)
        await bindings.all()
        for until in range(50):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0):
                    await bindings.commit([replace(bound(place, owner=place), until_us=until) for place in range(9)])
        for _ in range(9):
            await bindings.commit([bound(10, owner=10)])
        assert 10 <= await log_rows(database) < 20


def play(stored: dict[int, Binding], line: bytes) -> None:
    for binding in msgspec.json.decode(line.removeprefix(b"? "), type=list[Binding]):
        stored.pop(binding.left, None)
        stored[binding.number] = replace(binding, left=0)


@pytest.mark.parametrize("after", [1, 7, 40])
async def test_killed_while_it_is_tidied_the_log_loses_nothing_that_was_acknowledged(
    tmp_path: Path, after: int
) -> None:
    async with Database(tmp_path / "rack.db", "rack") as database:
        await renew(Bindings(database), 200, 100)
        certain = {one.number: one for one in await Bindings(database).all()}
    command = (sys.executable, "-m", "tests.store.binding_stream", str(tmp_path))
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, cwd=ROOT)
    assert process.stdout is not None
    lines = [await process.stdout.readline() for _ in range(2 * after)]
    process.kill()
    lines += (await process.stdout.read()).splitlines(keepends=True)
    await process.wait()
    told = [line for line in lines if line.startswith(b"? ") and line.endswith(b"\n")]
    acknowledged = lines.count(b"ok\n")
    assert acknowledged >= after
    for line in told[:acknowledged]:
        play(certain, line)
    perhaps = dict(certain)
    for line in told[acknowledged:]:
        play(perhaps, line)

    async with Database(tmp_path / "rack.db", "rack") as database:
        assert 1_000 < await log_rows(database) <= 20_000 - 200 * after, "it was not in the middle of tidying"
        assert {one.number: one for one in await Bindings(database).all()} in (certain, perhaps)
    with closing(sqlite3.connect(tmp_path / "rack.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
