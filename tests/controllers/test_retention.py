"""Retention: old events go in small steps, while others read and write."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from fibrix.config import JournalConfig
from fibrix.controllers.retention import Retention
from fibrix.errors import StoreError
from fibrix.store.db import Database
from fibrix.store.journal import Journal
from tests.store.events import added

TODAY = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    """A journal with an event of each of the last 2500 hours."""
    async with Database(tmp_path / "region.db", "region") as db:
        opened = await Journal.load(db)
        hours = range(2499, -1, -1)
        await db.write(lambda tx: [tx.append(replace(added("k"), at=TODAY - timedelta(hours=n))) for n in hours])
        yield opened


@pytest.mark.parametrize(
    ("days", "events", "oldest"),
    [(0, 0, 1), (0, 10, 2491), (1, 0, 2476), (1, 10, 2491), (1, 1000, 2476), (0, 5000, 1), (1000, 0, 1)],
)
async def test_what_is_too_old_or_too_much_goes(journal: Journal, days: int, events: int, oldest: int) -> None:
    await Retention(journal, JournalConfig(keep_days=days, keep_events=events), lambda: TODAY).tidy()
    assert journal.oldest == oldest
    assert [entry.seq for entry in await journal.since(0, limit=5000)] == list(range(oldest, 2501))


async def test_nothing_may_be_left_and_numbers_go_on(journal: Journal) -> None:
    keeper = Retention(journal, JournalConfig(keep_days=1), lambda: TODAY + timedelta(days=9))
    await keeper.tidy()
    assert (journal.oldest, journal.head, await journal.since(0)) == (2501, 2500, [])


async def test_a_database_that_fails_is_tried_again(journal: Journal) -> None:
    class Failing:
        oldest = 1
        asked = 0

        async def prune(self, *, keep: int = 0, before: datetime | None = None) -> int:
            self.asked += 1
            raise StoreError("disk full")

    failing = Failing()
    keeper = Retention(failing, JournalConfig(), lambda: TODAY)
    await keeper.tidy()
    await keeper.tidy()
    assert failing.asked == 2


async def test_the_service_is_ready_at_once_and_goes_on(journal: Journal) -> None:
    ready = asyncio.Event()
    keeper = Retention(journal, JournalConfig(keep_events=7), lambda: TODAY)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(keeper.run(ready))
        async with asyncio.timeout(5):
            await ready.wait()
            for _ in range(400):
                if journal.oldest == 2494:
                    break
                await asyncio.sleep(0.01)
        task.cancel()
    assert journal.oldest == 2494
