"""The journal: the same entries from memory and from the disk, in order, found again after a restart."""

import asyncio
import json
from datetime import timedelta
from ipaddress import IPv4Address
from pathlib import Path
from random import Random
from typing import ClassVar

import pytest
from msgspec.structs import replace

from fibrix.bus import Bus
from fibrix.domain.selection import Selection
from fibrix.events.base import Event
from fibrix.events.machine import MachineAccepted
from fibrix.store.db import Database
from fibrix.store.entry import Entry
from fibrix.store.journal import Journal, _condition
from fibrix.types import MachineId, TenantId
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


TENANTS = (TenantId(""), TenantId("t1"), TenantId("t2"))
SELECTIONS = [
    Selection(types=types, subject=subject, machine=machine, tenant=tenant, owner=owner)
    for types in ((), ("ssh_key.",), ("ssh_key.deleted", "machine."), ("machine.accepted",), ("no",))
    for subject in ("", "ssh-keys/", "ssh-keys/k3", "ssh-keys", "machines/m2")
    for machine in ("", "m1")
    for tenant in ("", "t1", "t3")
    for owner in (None, *TENANTS)
]


async def mixed(db: Database, count: int) -> None:
    """Append events of several types, subjects and tenants."""
    made = (
        lambda n: deleted(f"k{n}"),
        lambda n: replace(added(f"k{n}"), tenant=TENANTS[n % 2]),
        lambda n: MachineAccepted(at=NOON, machine=MachineId(f"m{n % 4}"), name="x", tenant=TENANTS[n % 3], cause=n),
    )
    await db.write(lambda tx: [tx.append(made[n % 3](n)) for n in range(count)])


async def test_memory_and_disk_give_the_same_bytes_whatever_is_wanted(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fibrix.store.journal._WINDOW", 7)
    in_memory, on_disk = await Journal.load(db), await Journal.load(db, tail=1)
    await mixed(db, 40)
    on_disk._tail.clear()
    for wanted in [Selection(), *Random(1).sample(SELECTIONS, 99)]:
        for since in (0, 7, 39):
            found = await in_memory.since(since, limit=9, wanted=wanted)
            assert [e.cloudevent() for e in found] == [
                e.cloudevent() for e in await on_disk.since(since, limit=9, wanted=wanted)
            ]
            assert all(wanted.fits(entry) for entry in found)


async def test_a_tenants_events_are_found_by_an_index(db: Database) -> None:
    await mixed(db, 9)
    for wanted in (Selection(owner=TENANTS[1]), Selection(tenant="t1"), Selection(machine="m1")):
        condition, params = _condition(wanted)
        sql = f"EXPLAIN QUERY PLAN SELECT data FROM journal WHERE seq > ? AND seq <= ?{condition} ORDER BY seq LIMIT ?"
        plan = str(await db.rows(sql, (0, 9, *params, 5)))
        assert "USING INDEX journal_" in plan
        assert "TEMP B-TREE" not in plan


async def test_filters_pick_types_and_subjects(db: Database) -> None:
    journal = await Journal.load(db)
    await fill(db, 9)
    assert numbers(await journal.since(0, wanted=Selection.of("ssh_key.deleted"))) == [1, 4, 7]
    assert numbers(await journal.since(0, wanted=Selection.of("ssh_key.*", "ssh-keys/k4"))) == [5]
    assert numbers(await journal.since(0, wanted=Selection.of("ssh"))) == []


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
        assert [await journal.prune(keep=5, step=10) for _ in range(3)] == [10, 5, 0]
        assert (journal.oldest, numbers(await journal.since(0))) == (16, [16, 17, 18, 19, 20])
    async with Database(tmp_path / "region.db", "region") as db:
        journal = await Journal.load(db)
        assert (journal.oldest, journal.head) == (16, 20)
        assert await journal.prune() == 0


async def test_pruning_by_age_goes_up_to_the_first_that_is_young_enough(db: Database) -> None:
    journal = await Journal.load(db)
    hours = (0, 1, 2, 9, 3, 4)
    await db.write(lambda tx: [tx.append(replace(added("k"), at=NOON + timedelta(hours=hour))) for hour in hours])
    assert await journal.prune(before=NOON + timedelta(hours=5), step=2) == 2
    assert await journal.prune(before=NOON + timedelta(hours=5)) == 1
    assert await journal.prune(before=NOON + timedelta(hours=5)) == 0
    assert numbers(await journal.since(0)) == [4, 5, 6]
    assert await journal.prune(keep=2, before=NOON) == 1
    assert await journal.prune(before=NOON + timedelta(hours=10)) == 2
    assert (journal.oldest, journal.head, await journal.since(0)) == (7, 6, [])


async def test_no_number_is_given_twice_even_when_nothing_is_left(tmp_path: Path) -> None:
    for seq in range(1, 7, 2):
        async with Database(tmp_path / "region.db", "region") as db:
            journal = await Journal.load(db)
            assert (journal.oldest, journal.head) == (seq, seq - 1)
            await fill(db, 2)
            assert numbers(await journal.since(0)) == [seq, seq + 1]
            if seq < 3:
                await journal.prune(before=NOON + timedelta(1))
            else:
                await db.write(lambda tx: tx.execute("DELETE FROM journal"))


async def test_who_reads_while_it_is_pruned_misses_nothing_untold(db: Database) -> None:
    journal = await Journal.load(db, tail=10)
    await fill(db, 3000)
    seen: list[int] = []

    async def read() -> None:
        while (seen[-1] if seen else 0) < 3000:
            position = seen[-1] if seen else 0
            found = await journal.since(position, limit=50)
            if position + 1 >= journal.oldest:
                assert numbers(found) == list(range(position + 1, position + 1 + len(found)))
                seen.extend(numbers(found))
            else:
                seen.append(journal.oldest - 1)

    async with asyncio.TaskGroup() as group:
        group.create_task(read())
        while await journal.prune(keep=100, step=70):
            pass
    assert seen[-1] == 3000


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
    assert first.cloudevent() is first.cloudevent()


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
