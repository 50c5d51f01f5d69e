"""Attempts, records and answers: together or not at all, whenever the process dies."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from fibrix.bus import Bus
from fibrix.domain.audit import AuditRecord, Result
from fibrix.domain.closing import TOO_LONG
from fibrix.domain.ports.audit import Wanted
from fibrix.domain.ports.ledger import Closing
from fibrix.runtime.scope import Scope, within
from fibrix.store.answers import USER_BYTES
from fibrix.store.region import Region, open_region
from tests.store.events import added
from tests.support.attempts import NOON, answer, attempt

KEYED = attempt(idempotency_key="order 66", fingerprint="f")
DAY_BEFORE = NOON - timedelta(days=1)


@pytest.fixture
async def region(tmp_path: Path) -> AsyncIterator[Region]:
    async with open_region(tmp_path, Bus()) as opened:
        yield opened


async def records(region: Region) -> list[AuditRecord]:
    return list(await region.audit.page(Wanted(), after=0, limit=1000, newest_first=False))


async def change(region: Region, request: Scope) -> None:
    """Change something, as a handler does."""
    with within(request):
        await region.change(lambda unit: unit.append(added("x")))


async def test_a_change_whose_answer_was_lost_is_on_record_and_is_not_made_again(tmp_path: Path) -> None:
    async with open_region(tmp_path, Bus()) as region:
        await change(region, Scope(request="r", attempt=KEYED))
        await change(region, Scope(request="r", attempt=attempt(2)))  # and here the controller dies
    async with open_region(tmp_path, Bus()) as region:
        first, second = await records(region)
        assert (first.result, first.status, first.request) == (Result.LOST, 0, "request-1")
        assert first.reason == "done; the answer was lost: the controller died before it was sent"
        assert second.request == "request-2"
        found = await region.books.find(KEYED, DAY_BEFORE)
        assert found is not None
        assert found.answer is None
        assert found.why == "the controller died before it was sent"
    async with open_region(tmp_path, Bus()) as region:
        assert len(await records(region)) == 2  # told once


async def test_what_was_begun_but_not_stored_may_have_been_done(tmp_path: Path) -> None:
    async with open_region(tmp_path, Bus()) as region:
        await region.books.begin(KEYED)
    async with open_region(tmp_path, Bus()) as region:
        (record,) = await records(region)
        assert record.reason.startswith("begun, and perhaps done; the answer was lost")
        assert await region.books.find(KEYED, DAY_BEFORE) is not None


async def test_a_change_that_is_refused_leaves_no_attempt(tmp_path: Path) -> None:
    async with open_region(tmp_path, Bus()) as region:
        with within(Scope(request="r", attempt=KEYED)), pytest.raises(ZeroDivisionError):
            await region.change(lambda _: 1 // 0)
    async with open_region(tmp_path, Bus()) as region:
        assert await records(region) == []
        assert await region.books.find(KEYED, DAY_BEFORE) is None


async def test_a_request_that_ended_leaves_its_record_and_its_answer_and_no_attempt(tmp_path: Path) -> None:
    async with open_region(tmp_path, Bus()) as region:
        await change(region, Scope(request="r", attempt=KEYED))
        await region.books.close(Closing(attempt=KEYED, answer=answer(), after=b'{"state":"Deploying"}'))
    async with open_region(tmp_path, Bus()) as region:
        (record,) = await records(region)
        assert (record.result, record.status, record.after) == (Result.DONE, 202, '{"state":"Deploying"}')
        found = await region.books.find(KEYED, DAY_BEFORE)
        assert found is not None
        assert found.answer == answer()
        assert region.books.keys(KEYED.user) == region.books.all_keys() == 1


async def test_requests_of_one_id_do_not_hide_one_another(tmp_path: Path) -> None:
    async with open_region(tmp_path, Bus()) as region:
        for number in range(3):  # a client that gives all its requests the same id
            await change(region, Scope(request="same", attempt=attempt(number, request="same")))
        await region.books.close(Closing(attempt=attempt(0, request="same"), answer=answer()))
    async with open_region(tmp_path, Bus()) as region:
        assert [r.result for r in await records(region)] == [Result.DONE, Result.LOST, Result.LOST]


async def test_an_answer_is_not_to_be_read_on_the_disk(region: Region, tmp_path: Path) -> None:
    secret = b"fibrix_shown-once-and-never-again"
    await region.books.close(Closing(attempt=KEYED, answer=answer(201, secret)))
    files = [tmp_path / "region.db", tmp_path / "region.db-wal"]
    assert not any(secret in file.read_bytes() for file in files)
    assert any(b"machines_deploy" in file.read_bytes() for file in files)
    found = await region.books.find(KEYED, DAY_BEFORE)
    assert found is not None
    assert found.answer is not None
    assert found.answer.body == secret


async def test_an_answer_that_was_moved_to_another_key_does_not_open(region: Region) -> None:
    await region.books.close(Closing(attempt=KEYED, answer=answer()))
    await region.db.write(lambda tx: tx.execute("UPDATE answers SET key = 'mine'"))
    found = await region.books.find(attempt(idempotency_key="mine"), DAY_BEFORE)
    assert found is not None
    assert found.answer is None
    assert "cannot be opened" in found.why


async def test_an_answer_is_good_for_a_day(region: Region) -> None:
    await region.books.close(Closing(attempt=KEYED, answer=answer()))
    assert await region.books.find(KEYED, NOON - timedelta(microseconds=1)) is not None
    assert await region.books.find(KEYED, NOON) is None
    await region.books.prune(NOON - timedelta(microseconds=1))
    assert region.books.keys(KEYED.user) == 1
    await region.books.prune(NOON)
    assert region.books.keys(KEYED.user) == 0
    assert await region.books.find(KEYED, DAY_BEFORE) is None


async def test_a_key_whose_day_is_over_stands_for_the_next_request(region: Region) -> None:
    await region.books.close(Closing(attempt=KEYED, answer=answer()))
    later = attempt(2, at=NOON + timedelta(days=2), idempotency_key="order 66", fingerprint="g")
    await region.books.close(Closing(attempt=later, answer=answer(200)))
    found = await region.books.find(later, NOON + timedelta(days=1))
    assert found is not None
    assert (found.fingerprint, found.at) == ("g", later.at)


async def test_what_is_kept_for_one_user_has_an_end(region: Region) -> None:
    body = b"x" * (192 << 10)
    fitting = USER_BYTES // (len(body) * 4 // 3)
    for number in range(fitting + 2):
        await region.books.close(
            Closing(attempt=attempt(number, idempotency_key=f"{number}"), answer=answer(body=body))
        )
    first = await region.books.find(attempt(idempotency_key="0"), DAY_BEFORE)
    last = await region.books.find(attempt(idempotency_key=f"{fitting + 1}"), DAY_BEFORE)
    assert first is not None
    assert first.answer is not None
    assert last is not None
    assert (last.answer, last.why) == (None, TOO_LONG)


async def test_a_refusal_that_is_not_on_record_leaves_nothing_unless_something_was_changed(region: Region) -> None:
    no = answer(409, b"{}")
    await region.books.close(Closing(attempt=KEYED, answer=no, refusal="busy"), on_record=False)
    assert await records(region) == []
    await change(region, Scope(request="r", attempt=KEYED))
    await region.books.close(Closing(attempt=KEYED, answer=no, refusal="busy"), on_record=False)
    assert [r.result for r in await records(region)] == [Result.REFUSED]
    found = await region.books.find(KEYED, DAY_BEFORE)
    assert found is not None
    assert found.answer == no
