"""The journal: the same entries from memory and from the disk, in order, found again after a restart."""

import asyncio
import json
from ipaddress import IPv4Address
from pathlib import Path
from typing import ClassVar

import pytest

from fibrix.bus import Bus
from fibrix.events.base import Event
from fibrix.store.db import Database
from fibrix.store.entry import Entry
from fibrix.store.journal import Journal
from tests.store.events import NOON, added, deleted


async def fill(db: Database, count: int) -> None:
    """Append events, each third of another type, in one unit."""
    await db.write(lambda tx: [tx.append(deleted(f"k{n}") if n % 3 == 0 else added(f"k{n}")) for n in range(count)])


def numbers(entries: list[Entry]) -> list[int]:
    return [entry.seq for entry in entries]


async def test_an_empty_journal_has_nothing_and_no_gap(db: Database) -> None:
    journal = await Journal.load(db)
    assert (journal.head, journal.oldest, await journal.since(0)) == (0, 1, [])


async def test_entries_come_in_order_without_holes(db: Database) -> None:
    journal = await Journal.load(db)
    await fill(db, 50)
    assert numbers(await journal.since(0)) == list(range(1, 51))
    assert numbers(await journal.since(40, limit=3)) == [41, 42, 43]
    assert await journal.since(50) == []
    assert journal.head == 50


@pytest.mark.parametrize("types", [(), ("ssh_key.",), ("ssh_key.deleted",), ("ssh_key.deleted", "machine."), ("no",)])
@pytest.mark.parametrize("subject", ["", "ssh-keys/", "ssh-keys/k3", "ssh-keys"])
async def test_memory_and_disk_give_the_same(db: Database, types: tuple[str, ...], subject: str) -> None:
    in_memory, on_disk = await Journal.load(db), await Journal.load(db, tail=1)
    await fill(db, 30)
    for since in (0, 7, 29):
        wanted = await in_memory.since(since, limit=9, types=types, subject=subject)
        assert await on_disk.since(since, limit=9, types=types, subject=subject) == wanted


async def test_filters_pick_types_and_subjects(db: Database) -> None:
    journal = await Journal.load(db)
    await fill(db, 9)
    assert numbers(await journal.since(0, types=["ssh_key.deleted"])) == [1, 4, 7]
    assert numbers(await journal.since(0, types=["ssh_key."], subject="ssh-keys/k4")) == [5]
    assert numbers(await journal.since(0, types=["ssh"])) == []


async def test_a_reopened_journal_is_the_same(tmp_path: Path) -> None:
    async with Database(tmp_path / "region.db", "region") as db:
        journal = await Journal.load(db)
        await fill(db, 20)
        before = await journal.since(0)
    async with Database(tmp_path / "region.db", "region") as db:
        assert await (await Journal.load(db)).since(0) == before


async def test_the_tail_stays_bounded_and_nothing_is_missed(db: Database) -> None:
    journal = await Journal.load(db, tail=8)
    for _ in range(10):
        await fill(db, 7)
    assert len(journal._tail) <= 10
    assert numbers(await journal.since(0)) == list(range(1, 71))
    assert numbers(await journal.since(65)) == list(range(66, 71))


async def test_changed_wakes_whoever_waits(db: Database) -> None:
    journal = await Journal.load(db)
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(journal.changed(1))
        await db.write(lambda tx: tx.append(added("one")))
        await asyncio.sleep(0)
        assert not waiting.done()
        await db.write(lambda tx: tx.append(added("two")))
    assert waiting.result() == 2


async def test_an_entry_is_in_the_journal_before_it_is_on_the_bus(db: Database, bus: Bus) -> None:
    journal = await Journal.load(db)
    with bus.subscribe(Event) as heard:
        async with asyncio.TaskGroup() as group:
            group.create_task(db.write(lambda tx: tx.append(added("one"))))
            (event,) = await heard.batch()
        assert numbers(await journal.since(event.seq - 1)) == [event.seq]


async def test_pruning_leaves_the_newest_and_says_what_is_the_oldest(tmp_path: Path) -> None:
    async with Database(tmp_path / "region.db", "region") as db:
        journal = await Journal.load(db)
        await fill(db, 20)
        await journal.prune(5)
        assert (journal.oldest, numbers(await journal.since(0))) == (16, [16, 17, 18, 19, 20])
    async with Database(tmp_path / "region.db", "region") as db:
        journal = await Journal.load(db)
        assert (journal.oldest, journal.head) == (16, 20)
        await journal.prune(0)
        assert (await db.write(lambda tx: tx.append(added("next")))).seq == 21


async def test_an_entry_is_a_cloudevent(db: Database) -> None:
    journal = await Journal.load(db)
    await db.write(lambda tx: [tx.append(added("one")), tx.append(deleted("one", cause=1))])
    first, second = await journal.since(0)
    assert json.loads(first.cloudevent()) == {
        "specversion": "1.0",
        "id": "1",
        "source": "/fibrix",
        "type": "fibrix.ssh_key.added",
        "subject": "ssh-keys/one",
        "time": NOON.isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "data": {"name": "one", "fingerprint": "SHA256:x"},
    }
    assert json.loads(second.cloudevent())["cause"] == "1"
    assert first.cloudevent() == first.cloudevent()


class Pinged(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "test.pinged"
    address: IPv4Address


class Weighed(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "test.weighed"
    grams: complex


def test_addresses_are_text_and_an_event_of_the_controller_has_no_subject() -> None:
    event = json.loads(Entry.of(Pinged(at=NOON, address=IPv4Address("192.168.1.1"))).cloudevent())
    assert event["data"] == {"address": "192.168.1.1"}
    assert "subject" not in event


def test_an_event_that_json_cannot_hold_is_refused() -> None:
    with pytest.raises(TypeError, match="complex"):
        Entry.of(Weighed(at=NOON, grams=1j))
