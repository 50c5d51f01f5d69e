"""The store when its process is killed or its disk is full: what was acknowledged is there, and nothing by halves."""

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Iterator
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

import pytest

from fibrix.bus import Bus
from fibrix.errors import StoreError
from fibrix.events.base import Event
from fibrix.store.db import Database
from fibrix.store.journal import Journal
from tests.store.stream import write

ROOT = Path(__file__).parent.parent.parent


async def stream(*arguments: str) -> Process:
    """Start the writer of `tests/store/stream.py`."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.store.stream", *arguments, stdout=PIPE, cwd=ROOT
    )


def assert_whole(path: Path, acknowledged: set[int]) -> int:
    """Each event has its change and each change its event; the numbers have no holes. How many there are."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        numbers = [seq for (seq,) in connection.execute("SELECT seq FROM journal ORDER BY seq")]
        changes = {int(owner) for (owner,) in connection.execute("SELECT owner FROM secrets")}
    assert numbers == list(range(1, len(numbers) + 1))
    assert changes == set(numbers)
    assert acknowledged <= changes
    return len(numbers)


@pytest.mark.parametrize("after", [1, 40, 300])
async def test_a_killed_writer_loses_nothing_that_it_acknowledged(tmp_path: Path, after: int) -> None:
    process = await stream(str(tmp_path), "1000000")
    assert process.stdout is not None
    acknowledged = [await process.stdout.readline() for _ in range(after)]
    process.kill()
    acknowledged += (await process.stdout.read()).splitlines(keepends=True)
    await process.wait()
    seqs = {int(line) for line in acknowledged if line.endswith(b"\n")}  # the last line may be cut
    async with Database(tmp_path / "region.db", "region") as db:  # the lock went with the process
        journal = await Journal.load(db)
        assert [entry.seq for entry in await journal.since(0, limit=10**6)] == list(range(1, journal.head + 1))
    assert assert_whole(tmp_path / "region.db", seqs) >= after


async def test_a_file_that_may_not_grow_is_told_and_writing_goes_on_once_it_may(tmp_path: Path) -> None:
    process = await stream(str(tmp_path), "-", "1500000")
    out, _ = await process.communicate()
    assert process.returncode == 0
    lines = out.decode().splitlines()
    (refusal,) = [line for line in lines if line.startswith("refused")]
    assert "nothing was written" in refusal
    seqs = {int(line) for line in lines if line != refusal}
    assert assert_whole(tmp_path / "region.db", seqs) == len(seqs) > 10
    assert lines[-2] == refusal
    assert lines[-1] == str(len(seqs))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB."""
    mount = shutil.which("mount")
    if os.geteuid() != 0 or mount is None:
        pytest.skip("mounting a small file system takes root")
    folder = tmp_path / "small"
    folder.mkdir()
    done = subprocess.run([mount, "-t", "tmpfs", "-o", "size=1500k", "tmpfs", str(folder)], check=False)
    if done.returncode:
        pytest.skip("no tmpfs can be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


async def test_a_full_disk_refuses_writes_keeps_what_was_there_and_recovers(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 200_000)
    bus, acknowledged = Bus(), set[int]()
    async with Database(small_disk / "region.db", "region", bus) as db:
        journal = await Journal.load(db)
        with bus.subscribe(Event) as heard:
            with pytest.raises(StoreError, match="full"):
                await fill(db, acknowledged)
            assert journal.head == len(acknowledged) > 5
            assert {event.seq for event in await heard.batch()} == acknowledged

            for _ in range(3):  # it stays so, for many at once too
                async with asyncio.TaskGroup() as group:
                    for _ in range(5):
                        group.create_task(refused(db))
            assert journal.head == len(acknowledged)
            assert len(await journal.since(0)) == len(acknowledged)

            ballast.unlink()
            acknowledged.add(await db.write(partial(write, text="room")))
            assert max(acknowledged) == len(acknowledged) == journal.head
            assert [event.seq for event in await heard.batch()] == [journal.head]
    assert_whole(small_disk / "region.db", acknowledged)


async def fill(db: Database, acknowledged: set[int]) -> None:
    while True:
        acknowledged.add(await db.write(partial(write, text="x" * 5000)))


async def refused(db: Database) -> None:
    with pytest.raises(StoreError):
        await db.write(partial(write, text="x" * 100_000))


async def test_many_callers_that_are_cancelled_leave_the_store_whole(tmp_path: Path) -> None:
    acknowledged: set[int] = set()

    async def writer(db: Database) -> None:
        while True:
            acknowledged.add(await db.write(partial(write, text="x")))

    async with Database(tmp_path / "region.db", "region") as db:
        for _ in range(30):
            with suppress(TimeoutError):
                async with asyncio.timeout(0.01), asyncio.TaskGroup() as group:
                    for _ in range(5):
                        group.create_task(writer(db))
    assert_whole(tmp_path / "region.db", acknowledged)
