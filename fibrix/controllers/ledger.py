"""The record of requests: which idempotency keys are taken, what goes into the audit."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Final, Protocol, TypeAlias

import structlog

from fibrix.domain.attempt import Attempt
from fibrix.domain.closing import KEPT_FOR, Remembered, recalled
from fibrix.domain.ports.ledger import Answer, Closing
from fibrix.domain.refusals import Refusals
from fibrix.errors import KeyReusedError, StoreError, ThrottledError, UnderWayError
from fibrix.types import UserId

log = structlog.get_logger()

USER_KEYS: Final = 10_000
ALL_KEYS: Final = 100_000
"""So many idempotency keys may be taken within a day: by one user, by all."""
TICK_S: Final = 60.0
PRUNE_TICKS: Final = 30
RETRY_S: Final = 1
"""When to ask again for the answer of a request that is under way."""

_Place: TypeAlias = tuple[UserId, str]


class Books(Protocol):
    """Where it is written."""

    def keys(self, user: UserId) -> int:
        """How many idempotency keys of a user are kept."""
        ...

    def all_keys(self) -> int:
        """How many are kept in all."""
        ...

    async def find(self, attempt: Attempt, since: datetime) -> Remembered | None:
        """Find what is behind an attempt's idempotency key; older than `since` is nothing. Raises StoreError."""
        ...

    async def begin(self, attempt: Attempt) -> None:
        """Store an attempt before it changes the store. Raises StoreError."""
        ...

    async def close(self, closing: Closing, *, on_record: bool = True) -> None:
        """Write how a request ended; a refusal that is not `on_record` leaves nothing behind. Raises StoreError."""
        ...

    async def prune(self, until: datetime) -> None:
        """Forget the answers to requests that are older than this. Raises StoreError."""
        ...


class Recorder:
    """Fits `domain.ports.ledger.Ledger`; as a service it forgets old answers and writes what could not be written."""

    name = "ledger"

    def __init__(self, books: Books, now: Callable[[], datetime]) -> None:
        self._books = books
        self._now = now
        self._under_way: dict[_Place, Attempt] = {}
        self._refusals = Refusals()
        self._unwritten: list[Closing] = []

    async def earlier(self, attempt: Attempt) -> Answer | None:
        """Give the answer that this idempotency key got already; else it is taken."""
        if not attempt.idempotency_key:
            return None
        self._take(attempt)
        kept = False
        try:
            found = await self._books.find(attempt, self._now() - KEPT_FOR)
            if found is not None:
                return recalled(found, attempt)
            self._check_room(attempt.user)
            kept = True
            return None
        finally:
            if not kept:
                self._release(attempt)

    async def begin(self, attempt: Attempt) -> None:
        """Store an attempt that is going to act on the world."""
        await self._books.begin(attempt)

    async def close(self, closing: Closing) -> None:
        """Put a request on record, and its answer behind its key."""
        refused = closing.answer is not None and bool(closing.refusal)
        on_record = not refused or self._refusals.take(closing.attempt, self._now())
        try:
            await self._books.close(closing, on_record=on_record)
        except StoreError as exc:
            log.error("ledger.unwritten", request=closing.attempt.request, refused=refused, reason=str(exc))  # noqa: TRY400
            if not refused:  # the key stays taken
                self._unwritten.append(closing)
                return
        self._release(closing.attempt)

    async def run(self, ready: asyncio.Event) -> None:
        """Keep house until cancelled."""
        ready.set()
        ticks = 0
        while True:
            await self.tidy(prune=ticks % PRUNE_TICKS == 0)
            await asyncio.sleep(TICK_S)
            ticks += 1

    async def tidy(self, *, prune: bool) -> None:
        """Write what could not be written and what was left out; forget answers whose day is over."""
        try:
            await self._catch_up()
            if prune:
                await self._books.prune(self._now() - KEPT_FOR)
        except StoreError as exc:
            log.warning("ledger.behind", reason=str(exc), waiting=len(self._unwritten))

    async def _catch_up(self) -> None:
        while self._unwritten:
            await self._books.close(self._unwritten[0])
            self._release(self._unwritten.pop(0).attempt)
        for attempt, words in self._refusals.due(self._now()):
            answer = Answer(status=0, headers={}, body=b"", media="")
            await self._books.close(Closing(attempt=attempt, answer=answer, refusal=words))

    def _take(self, attempt: Attempt) -> None:
        """Take a key. Raises UnderWayError, KeyReusedError."""
        place = _place(attempt)
        first = self._under_way.get(place)
        if first is None:
            self._under_way[place] = attempt
        elif first.fingerprint != attempt.fingerprint:
            raise KeyReusedError("this Idempotency-Key stands for another request, which is under way: take a new one")
        else:
            raise UnderWayError(
                f"a request with this Idempotency-Key is under way since {first.at.isoformat(timespec='seconds')}:"
                " ask again in a second",
                retry_after_s=RETRY_S,
            )

    def _release(self, attempt: Attempt) -> None:
        """Let a key go that this very attempt has taken."""
        place = _place(attempt)
        first = self._under_way.get(place)
        if first is not None and first.id == attempt.id:
            del self._under_way[place]

    def _check_room(self, user: UserId) -> None:
        """Raise ThrottledError where there are too many keys."""
        for kept, limit, whose in (
            (self._books.keys(user), USER_KEYS, "you have"),
            (self._books.all_keys(), ALL_KEYS, "all users together have"),
        ):
            if kept >= limit:
                raise ThrottledError(
                    f"{whose} used {limit} idempotency keys within a day, which is all that are kept:"
                    " send requests without one, or wait until the oldest are a day old",
                    retry_after_s=3600,
                )


def _place(attempt: Attempt) -> _Place:
    return attempt.user, attempt.idempotency_key
