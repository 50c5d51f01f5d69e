"""What is kept of hosts over a restart, and what happens when the disk does not take it."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from fibrix.domain.census.hiding import HiddenNetwork, Veil
from fibrix.domain.census.host import Host, HostAddress
from fibrix.services.sniffer import memory
from fibrix.services.sniffer.memory import Memory
from fibrix.store.db import Database
from fibrix.store.hosts import Hosts
from fibrix.types import MacAddress

NOW = datetime(2026, 1, 31, tzinfo=UTC)


def host(number: int, last: datetime = NOW) -> Host:
    octets = (0x525400000000 + number).to_bytes(6)
    return Host(mac=MacAddress(octets.hex(":")), interface="eth1", first=last, last=last)


def used(one: Host, *addresses: str) -> Host:
    return replace(one, addresses=tuple(HostAddress(address=each, first=NOW, last=NOW) for each in addresses))


def memory_of(database: Database, most: int = 100_000, keep_days: int = 30) -> Memory:
    return Memory(Hosts(database), lambda: NOW, most=most, keep_days=keep_days)


async def run_and_end(kept: Memory, database: Database) -> None:
    """It hands over what is left; then the store is done with it."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(kept.run(), name="memory")
        await asyncio.sleep(0)
        task.cancel()
    await database.probe()


async def loads(database: Database, hosts: list[Host]) -> None:
    """Wait until these are loaded."""
    async with asyncio.timeout(5):
        while await memory_of(database).load() != hosts:
            await database.probe()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_PAUSE_S", 0.01)


async def test_what_was_told_last_is_loaded_and_what_is_old_is_not(tmp_path: Path) -> None:
    async with Database(tmp_path / "rack.db", "rack") as database:
        kept = memory_of(database)
        for one in (host(1, NOW - timedelta(days=1)), host(1), host(2, NOW - timedelta(days=31)), host(3)):
            kept.note(one)
        await run_and_end(kept, database)
        assert await memory_of(database).load() == [host(1), host(3)]


async def test_with_no_limit_the_oldest_is_kept(tmp_path: Path) -> None:
    old = host(1, NOW - timedelta(days=20_000))
    async with Database(tmp_path / "rack.db", "rack") as database:
        kept = memory_of(database, keep_days=0)
        kept.note(old)
        await run_and_end(kept, database)
        assert await memory_of(database, keep_days=0).load() == [old]


async def test_a_great_many_are_written_in_batches_while_it_runs(tmp_path: Path, quick: None) -> None:
    async with Database(tmp_path / "rack.db", "rack") as database:
        kept = memory_of(database)
        for number in range(5000):
            kept.note(host(number))
        async with asyncio.TaskGroup() as group:
            task = group.create_task(kept.run(), name="memory")
            await loads(database, [host(number) for number in range(5000)])
            task.cancel()


async def test_more_than_can_wait_are_counted(tmp_path: Path) -> None:
    async with Database(tmp_path / "rack.db", "rack") as database:
        kept = memory_of(database)
        for number in range(10_010):
            kept.note(host(number))
        kept.note(host(0, NOW + timedelta(seconds=1)))
        assert kept.lost == 10
        await run_and_end(kept, database)
        assert (await memory_of(database).load())[0].last == NOW + timedelta(seconds=1)


async def test_what_the_disk_did_not_take_waits_for_it(tmp_path: Path, quick: None) -> None:
    database = Database(tmp_path / "rack.db", "rack")
    kept = memory_of(database)
    assert await kept.load() == []
    kept.note(host(1))
    async with asyncio.TaskGroup() as group:
        task = group.create_task(kept.run(), name="memory")
        await asyncio.sleep(0.05)
        async with database:
            await loads(database, [host(1)])
            task.cancel()
            await asyncio.sleep(0)


async def test_no_more_are_loaded_than_are_to_be_kept_and_those_are_the_newest(tmp_path: Path) -> None:
    async with Database(tmp_path / "rack.db", "rack") as database:
        kept = memory_of(database)
        for number in range(50):
            kept.note(host(number, NOW + timedelta(seconds=number % 7)))
        await run_and_end(kept, database)
        loaded = await memory_of(database, most=21).load()
        assert sorted(one.last.second for one in loaded) == [4] * 7 + [5] * 7 + [6] * 7


async def test_what_is_hidden_is_neither_loaded_nor_kept(tmp_path: Path, quick: None) -> None:
    veil = Veil([HiddenNetwork(id="h1", network="203.0.113.0/24"), HiddenNetwork(id="h2", interface="eth9")])
    stored = [used(host(1), "203.0.113.9"), used(host(2), "10.0.0.5"), used(host(3), "203.0.113.7", "10.0.0.6")]
    shown = [stored[1], used(host(3), "10.0.0.6")]
    async with Database(tmp_path / "rack.db", "rack") as database:
        await Hosts(database).commit(stored, most=100, since=NOW - timedelta(days=30))
        kept = memory_of(database)
        kept.note(replace(host(4), interface="eth9"))
        kept.hide(veil)
        assert await kept.load() == shown
        assert await memory_of(database).load() == stored, "they are still on the disk"
        async with asyncio.TaskGroup() as group:
            task = group.create_task(kept.run(), name="memory")
            await loads(database, shown)
            task.cancel()
