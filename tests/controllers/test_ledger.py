"""Which idempotency keys are taken, and what is done when it cannot be written."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from fibrix.controllers.ledger import ALL_KEYS, USER_KEYS, Recorder
from fibrix.domain.attempt import Attempt
from fibrix.domain.closing import Remembered, settled
from fibrix.domain.ports.ledger import Closing
from fibrix.domain.refusals import ONE_BY_ONE, WINDOW
from fibrix.errors import AnswerLostError, KeyReusedError, StoreError, ThrottledError, UnderWayError
from fibrix.types import UserId
from tests.controllers.rig import Clock
from tests.support.attempts import answer, attempt

KEYED = attempt(idempotency_key="k", fingerprint="f")
AGAIN = attempt(2, idempotency_key="k", fingerprint="f")
OTHER = attempt(3, idempotency_key="k", fingerprint="g")


@dataclass
class FakeBooks:
    """Fits `Books`. Each close is one change of the store; `broken` is why nothing can be written."""

    broken: str = ""
    taken: int = 0
    closed: list[tuple[Closing, bool]] = field(default_factory=list)
    kept: dict[tuple[str, str], Remembered] = field(default_factory=dict)
    pruned: list[datetime] = field(default_factory=list)

    def keys(self, user: UserId) -> int:
        return self.taken

    def all_keys(self) -> int:
        return self.taken

    async def find(self, attempt: Attempt, since: datetime) -> Remembered | None:
        await asyncio.sleep(0)
        return self.kept.get((attempt.user, attempt.idempotency_key))

    async def begin(self, attempt: Attempt) -> None:
        self._check()

    async def close(self, closing: Closing, *, on_record: bool = True) -> None:
        self._check()
        self.closed.append((closing, on_record))
        end = settled(closing, begun=not closing.refusal, changed=not closing.refusal)
        if end.keeps_key:
            given = closing.attempt
            self.kept[(given.user, given.idempotency_key)] = Remembered(
                at=given.at, fingerprint=given.fingerprint, subject=given.subject, why=end.why, answer=closing.answer
            )

    async def prune(self, until: datetime) -> None:
        self._check()
        self.pruned.append(until)

    def _check(self) -> None:
        if self.broken:
            raise StoreError(self.broken)


@pytest.fixture
def books() -> FakeBooks:
    return FakeBooks()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def recorder(books: FakeBooks, clock: Clock) -> Recorder:
    return Recorder(books, clock)


async def test_a_key_is_taken_by_the_first_request_and_answers_the_next(recorder: Recorder) -> None:
    assert await recorder.earlier(KEYED) is None
    with pytest.raises(UnderWayError, match="under way since 2026-03-01T12:00:00"):
        await recorder.earlier(AGAIN)
    with pytest.raises(KeyReusedError, match="another request, which is under way"):
        await recorder.earlier(OTHER)
    await recorder.close(Closing(attempt=KEYED, answer=answer()))
    assert await recorder.earlier(AGAIN) == answer()
    assert await recorder.earlier(AGAIN) == answer()
    with pytest.raises(KeyReusedError):
        await recorder.earlier(OTHER)


async def test_requests_without_a_key_and_of_other_users_do_not_meet(recorder: Recorder) -> None:
    assert await recorder.earlier(attempt()) is None
    assert await recorder.earlier(attempt()) is None
    assert await recorder.earlier(KEYED) is None
    assert await recorder.earlier(attempt(4, user=UserId("u2"), idempotency_key="k", fingerprint="g")) is None


async def test_of_many_at_once_one_is_let_through(recorder: Recorder) -> None:
    async def ask(number: int) -> str:
        try:
            return str(await recorder.earlier(attempt(number, idempotency_key="k", fingerprint="f")))
        except UnderWayError:
            return "under way"

    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(ask(number), name=f"{number}") for number in range(100)]
    assert sorted(task.result() for task in asked) == ["None"] + ["under way"] * 99


async def test_a_refused_request_gives_its_key_back_and_only_its_own(recorder: Recorder) -> None:
    assert await recorder.earlier(KEYED) is None
    await recorder.close(Closing(attempt=AGAIN, answer=answer(409), refusal="under way"))  # it never had the key
    with pytest.raises(UnderWayError):
        await recorder.earlier(AGAIN)
    await recorder.close(Closing(attempt=KEYED, answer=answer(404), refusal="no such thing"))
    assert await recorder.earlier(OTHER) is None


async def test_a_look_that_fails_leaves_the_key_free(recorder: Recorder, books: FakeBooks) -> None:
    books.taken = USER_KEYS
    with pytest.raises(ThrottledError, match=f"you have used {USER_KEYS} idempotency keys"):
        await recorder.earlier(KEYED)
    books.taken = ALL_KEYS
    with pytest.raises(ThrottledError):
        await recorder.earlier(KEYED)
    books.taken = 0
    assert await recorder.earlier(KEYED) is None


async def test_what_was_done_but_could_not_be_written_keeps_its_key_and_is_written_later(
    recorder: Recorder, books: FakeBooks
) -> None:
    assert await recorder.earlier(KEYED) is None
    books.broken = "the disk is full"
    await recorder.close(Closing(attempt=KEYED, answer=answer()))
    await recorder.tidy(prune=True)
    with pytest.raises(UnderWayError):
        await recorder.earlier(AGAIN)
    books.broken = ""
    await recorder.tidy(prune=False)
    assert await recorder.earlier(AGAIN) == answer()
    assert [closing.attempt for closing, _ in books.closed] == [KEYED]


async def test_a_refusal_that_could_not_be_written_is_let_go(recorder: Recorder, books: FakeBooks) -> None:
    assert await recorder.earlier(KEYED) is None
    books.broken = "the disk is full"
    await recorder.close(Closing(attempt=KEYED, answer=answer(503), refusal="the disk is full"))
    books.broken = ""
    await recorder.tidy(prune=False)
    assert books.closed == []
    assert await recorder.earlier(AGAIN) is None


async def test_a_request_that_was_cut_short_is_not_made_again(recorder: Recorder, books: FakeBooks) -> None:
    assert await recorder.earlier(KEYED) is None
    books.kept["u000000001", "k"] = Remembered(at=KEYED.at, fingerprint="f", subject="machines/m1", why="", answer=None)
    await recorder.close(Closing(attempt=KEYED, answer=None, refusal="it took too long"))
    with pytest.raises(AnswerLostError):
        await recorder.earlier(AGAIN)


async def test_a_flood_of_refusals_ends_in_one_record_that_counts_them(
    recorder: Recorder, books: FakeBooks, clock: Clock
) -> None:
    for number in range(ONE_BY_ONE + 50):
        await recorder.close(Closing(attempt=attempt(number), answer=answer(404), refusal="no such thing"))
    assert [on_record for _, on_record in books.closed] == [True] * ONE_BY_ONE + [False] * 50
    clock.pass_(WINDOW.total_seconds())
    await recorder.tidy(prune=False)
    closing, on_record = books.closed[-1]
    assert on_record
    assert closing.refusal.startswith("50 requests of this user that were refused")


async def test_answers_older_than_a_day_are_forgotten(recorder: Recorder, books: FakeBooks, clock: Clock) -> None:
    await recorder.tidy(prune=True)
    assert books.pruned == [clock() - timedelta(days=1)]


async def test_it_runs_as_a_service(recorder: Recorder, books: FakeBooks) -> None:
    async with asyncio.TaskGroup() as group:
        ready = asyncio.Event()
        task = group.create_task(recorder.run(ready), name="ledger")
        await ready.wait()
        await asyncio.sleep(0)
        task.cancel()
    assert len(books.pruned) == 1
