"""One webhook's deliveries, from the journal to its receiver: in order, or several at once."""

import asyncio
from collections import deque
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from fibrix.controllers.mailroom import Mailroom, Mark
from fibrix.controllers.upcoming import News
from fibrix.domain.webhook import Letter, LetterState, Outcome, Webhook, failed, held, pause_s
from fibrix.types import WebhookId

ASIDE_MOST: Final = 100
"""So many letters are aside at most; with more nothing new is taken on, and the journal keeps what follows."""
_GONE: Final = "the receiver answered 410: it wants no more events"


class Lane:
    """The deliveries of one webhook. Everything that must not be lost is stored before it goes on.

    In order: an event that fails waits for its next attempt, and all that follow wait for it. Once it has failed for
    `hold_s` the next one is tried as well: if that goes through, the fault lies with the event, and it is moved aside;
    if not, the receiver is down, and all wait. Several at once: what fails is moved aside at once.
    """

    def __init__(self, room: Mailroom, webhook: Webhook) -> None:
        self.id: Final[WebhookId] = webhook.id
        self.starts: Final = webhook.starts
        self.revision = webhook.revision
        self.position = room.position(webhook.id)
        self.moved = False  # something was delivered since the position was stored
        self._room = room
        self._queue: deque[Letter] = deque()  # read ahead
        self._scanned = self.position  # all up to here is dealt with, or in the queue
        self._waiting: Letter | None = None
        self._probed = False  # since the last attempt of the waiting one, one that follows was tried
        self._aside: dict[str, Letter] = {}
        self._failures = 0  # in a row
        self._wake = asyncio.Event()
        self._wake_aside = asyncio.Event()
        self._wants_news = False
        self._poked = False
        self._pokes = 0  # what was read before one of them is no longer good

    @property
    def mark(self) -> Mark:
        """How far it has come."""
        return Mark(webhook=self.id, starts=self.starts, position=self.position)

    async def run(self) -> None:
        """Deliver until cancelled. Raises StoreError; NotFoundError: the webhook is gone."""
        self._queue.clear()
        self._waiting = next(iter(self._room.letters(self.id, LetterState.WAITING)), None)
        self._scanned = max(self.position, self._waiting.seq if self._waiting else 0)
        self._recall()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._forward(), name=f"webhook {self.id}")
            group.create_task(self._second_tries(), name=f"webhook {self.id} aside")

    def poke(self) -> None:
        """The webhook or its letters were changed: read anew what it wants, and try at once what waits."""
        self._poked = True
        self._pokes += 1
        self._queue.clear()
        self._scanned = self._waiting.seq if self._waiting else self.position
        self._recall()
        self._wake.set()
        self._wake_aside.set()

    def hear(self, webhook: Webhook, news: News) -> None:
        """There are new entries in the journal: wake up if one is wanted, else be done with them."""
        if not self._wants_news:
            return
        idle = not self._queue and self._scanned == news.first - 1
        if idle and not news.concern(webhook):
            self._pass_by(news.last)
        else:
            self._wake.set()

    def _recall(self) -> None:
        """Read which letters are aside."""
        self._aside = {letter.id: letter for letter in self._room.letters(self.id, LetterState.ASIDE)}

    def _pass_by(self, seq: int) -> None:
        """Nothing up to here is wanted."""
        self._scanned = seq
        if self._waiting is None and not self._queue:
            self.position = max(self.position, seq)

    async def _forward(self) -> None:
        """Take one after the other."""
        while True:
            webhook = self._room.webhook(self.id)
            if self._waiting is not None:
                await self._again(webhook, self._waiting)
            elif not await self._fill(webhook):
                await self._rest(None, news=True)
            elif webhook.parallel > 1:
                await self._abreast(webhook)
            else:
                await self._first(webhook, self._queue[0])

    async def _fill(self, webhook: Webhook) -> bool:
        """See to it that the queue holds what comes next; False: there is nothing yet."""
        while not self._queue and self._scanned < self._room.upcoming.head:
            pokes = self._pokes
            letters, scanned = await self._room.upcoming.after(webhook, self._scanned)
            if pokes == self._pokes:
                self._queue.extend(letters)
                self._pass_by(scanned)
            else:
                webhook = self._room.webhook(self.id)
            await asyncio.sleep(0)  # a long way through a journal in memory must not hold up the others
        return bool(self._queue)

    async def _first(self, webhook: Webhook, letter: Letter) -> None:
        """Make the first attempt for an event."""
        outcome = await self._attempt(webhook, letter)
        self._take(letter)
        if outcome.delivered:
            self._done(letter.seq)
            return
        now = self._room.now()
        await self._keep_waiting(webhook, self._failed(replace(letter, first_at=now), outcome, now))

    async def _again(self, webhook: Webhook, letter: Letter) -> None:
        """Wait for the waiting one's next attempt and make it, or look whether the next one goes through."""
        now = self._room.now()
        if webhook.parallel > 1:
            await self._move_aside(webhook, letter, letter.seq)
        elif self._poked or letter.next_at is None or letter.next_at <= now:
            self._poked = False
            await self._retry(webhook, letter)
        elif self._may_probe(letter, now) and await self._fill(webhook):
            await self._probe(webhook, letter, self._queue[0])
        else:
            await self._rest(letter.next_at, news=self._may_probe(letter, now))

    async def _retry(self, webhook: Webhook, letter: Letter) -> None:
        """Make another attempt for the one that all wait for."""
        outcome = await self._attempt(webhook, letter)
        if outcome.delivered:
            await self._room.settle(webhook, forget=[letter.id], position=letter.seq)
            self._waiting = None
            self._done(letter.seq)
        else:
            await self._keep_waiting(webhook, self._failed(letter, outcome, self._room.now()))

    async def _keep_waiting(self, webhook: Webhook, letter: Letter) -> None:
        """Store one that failed; when it was tried for long enough, go on without it."""
        dead = letter.state is LetterState.DEAD
        await self._room.settle(webhook, keep=[letter], position=letter.seq if dead else None)
        self._waiting, self._probed = (None if dead else letter), False
        if dead:
            self._done(letter.seq)

    def _may_probe(self, letter: Letter, now: datetime) -> bool:
        return not self._probed and held(letter, now, self._room.patience) and len(self._aside) < ASIDE_MOST

    async def _probe(self, webhook: Webhook, letter: Letter, following: Letter) -> None:
        """Try the next one while another waits: if it goes through, the receiver is well, and need not wait.

        It may have become well just now: the one that waits is tried once more before others go past it.
        """
        self._probed = True
        if not (await self._attempt(webhook, following)).delivered:
            return
        self._take(following)
        if (await self._attempt(webhook, letter)).delivered:
            await self._room.settle(webhook, forget=[letter.id], position=following.seq)
            self._waiting = None
            self._done(following.seq)
        else:
            await self._move_aside(webhook, letter, following.seq)

    async def _move_aside(self, webhook: Webhook, letter: Letter, position: int) -> None:
        """Let the others go on while this one is tried again by itself."""
        aside = replace(letter, state=LetterState.ASIDE)
        await self._room.settle(webhook, keep=[aside], position=position)
        self._aside[aside.id] = aside
        self._waiting = None
        self._done(position)
        self._wake_aside.set()

    async def _abreast(self, webhook: Webhook) -> None:
        """Make the first attempts for several events at once; for one, while the receiver fails."""
        room = min(ASIDE_MOST - len(self._aside), 1 if self._failures else webhook.parallel)
        if room <= 0:
            await self._rest(None, news=False)
            return
        batch = [self._queue[index] for index in range(min(room, len(self._queue)))]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._attempt(webhook, letter)) for letter in batch]
        now = self._room.now()
        pairs = zip(batch, (task.result() for task in tasks), strict=True)
        late = [self._sidelined(letter, outcome, now) for letter, outcome in pairs if not outcome.delivered]
        if late:
            await self._room.settle(webhook, keep=late, position=batch[-1].seq)
        for letter in batch:
            self._take(letter)
        self._aside |= {letter.id: letter for letter in late if letter.state is LetterState.ASIDE}
        self._done(batch[-1].seq)
        self._wake_aside.set()
        if len(late) == len(batch):  # nothing goes through: no hurry with the next
            pause = timedelta(seconds=pause_s(self._failures, self._room.chance(), self._room.patience))
            await self._rest(now + pause, news=False)

    def _sidelined(self, letter: Letter, outcome: Outcome, now: datetime) -> Letter:
        return self._failed(replace(letter, state=LetterState.ASIDE, first_at=now), outcome, now)

    async def _second_tries(self) -> None:
        """Try what is aside, each at its time."""
        while True:
            letter = min(self._aside.values(), key=self._due, default=None)
            wait_s = None if letter is None else (self._due(letter) - self._room.now()).total_seconds()
            if letter is not None and wait_s is not None and wait_s <= 0:
                await self._try_aside(self._room.webhook(self.id), letter)
                continue
            self._wake_aside.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._limited(wait_s)):
                    await self._wake_aside.wait()

    async def _try_aside(self, webhook: Webhook, letter: Letter) -> None:
        """Make another attempt for one that is aside."""
        outcome = await self._attempt(webhook, letter)
        if outcome.delivered:
            await self._room.settle(webhook, forget=[letter.id])
            self._aside.pop(letter.id, None)
        else:
            late = self._failed(letter, outcome, self._room.now())
            await self._room.settle(webhook, keep=[late])
            if late.state is LetterState.DEAD:
                self._aside.pop(letter.id, None)
            else:
                self._aside[letter.id] = late
        self._wake.set()  # there may be room again

    async def _attempt(self, webhook: Webhook, letter: Letter) -> Outcome:
        """Make one attempt. Where the webhook must end, it comes back only if someone changed it in the meantime."""
        fault = self._room.fault(webhook)
        if fault:
            outcome = Outcome(error=fault)
        else:
            outcome = await self._room.send(webhook, letter, ailing=self._failures > 0)
            self._room.count(webhook, outcome)
            self._failures = 0 if outcome.delivered else self._failures + 1
            fault = _GONE if outcome.gone else ""
        if fault and await self._room.disable(webhook, fault):
            await asyncio.Event().wait()  # the service, told by the event, ends this lane
        return outcome

    def _failed(self, letter: Letter, outcome: Outcome, now: datetime) -> Letter:
        return failed(letter, outcome, now, self._room.chance(), self._room.patience)

    def _take(self, letter: Letter) -> None:
        """Take a letter out of the queue, if it is still there: it may have been read anew in the meantime."""
        if self._queue and self._queue[0].id == letter.id:
            self._queue.popleft()
        self._scanned = max(self._scanned, letter.seq)

    def _done(self, position: int) -> None:
        """All up to here is dealt with."""
        self.position, self.moved = max(self.position, position), True

    def _due(self, letter: Letter) -> datetime:
        return letter.next_at or letter.first_at

    async def _rest(self, until: datetime | None, *, news: bool) -> None:
        """Wait until a time, for a change of the webhook or its letters, and if so asked for news of the journal."""
        if self._poked or (news and self._scanned < self._room.upcoming.head):  # since it was looked at
            self._poked = self._poked and self._waiting is not None
            return
        wait_s = None if until is None else (until - self._room.now()).total_seconds()
        self._wants_news = news
        self._wake.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._limited(wait_s)):
                await self._wake.wait()
        self._wants_news = False

    def _limited(self, wait_s: float | None) -> float | None:
        """Limit a wait: a clock that is set back must not make it endless."""
        return None if wait_s is None else min(max(wait_s, 0.0), self._room.patience.most_pause_s)
