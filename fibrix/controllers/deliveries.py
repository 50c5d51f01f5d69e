"""The service that delivers to webhooks: a lane for each, woken by the journal only for what it wants."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import structlog

from fibrix.bus import Bus, Subscription
from fibrix.controllers.lane import Lane
from fibrix.controllers.mailroom import Mailroom
from fibrix.controllers.upcoming import News, Record
from fibrix.domain.webhook import Webhook
from fibrix.errors import FibrixError, NotFoundError, StoreError
from fibrix.events.webhook import WebhookEvent
from fibrix.runtime.clock import monotonic_s
from fibrix.types import WebhookId

log = structlog.get_logger()

LOOK_S: Final = 2.0
"""How often it is looked who stands behind each webhook; before each attempt it is looked anyway."""
SAVE_S: Final = 1.0
"""How often it is stored how far deliveries have come: so much may be delivered twice when the process is killed."""
IDLE_SAVE_S: Final = 60.0
"""The same for what was only passed by."""
PRUNE_S: Final = 600.0
FAULT_S: Final = 5.0
"""The pause of a lane that the store failed."""
_PAGE: Final = 1000


class WebhookService:
    """Delivers events to webhooks, at least once each, in order unless a webhook is told otherwise."""

    name = "webhooks"

    def __init__(self, bus: Bus, room: Mailroom, journal: Record) -> None:
        self._bus = bus
        self._room = room
        self._journal = journal
        self._lanes: dict[WebhookId, tuple[Lane, asyncio.Task[None]]] = {}
        self._saved: dict[WebhookId, int] = {}

    @property
    def lanes(self) -> int:
        """How many webhooks are delivered to."""
        return len(self._lanes)

    def poke(self, webhook: WebhookId) -> None:
        """The letters of a webhook were changed: look at them at once."""
        found = self._lanes.get(webhook)
        if found is not None:
            found[0].poke()

    async def run(self, ready: asyncio.Event) -> None:
        """Deliver until cancelled."""
        self._lanes.clear()
        try:
            with self._bus.subscribe(WebhookEvent) as changes:
                async with self._room.sender, asyncio.TaskGroup() as group:
                    await self._look(group)
                    ready.set()
                    group.create_task(self._keep_looking(changes, group), name="webhooks")
                    group.create_task(self._hear(), name="webhooks journal")
                    group.create_task(self._keep_saving(), name="webhooks positions")
        finally:
            await self._save([lane for lane, _ in self._lanes.values()], idle=True)

    async def _keep_looking(self, changes: Subscription, group: asyncio.TaskGroup) -> None:
        """Follow the webhooks as they are made, changed and removed."""
        pruned_at = monotonic_s()
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await changes.batch()
            try:
                await self._look(group)
                if monotonic_s() - pruned_at > PRUNE_S:
                    pruned_at = monotonic_s()
                    await self._room.forget_aged()
            except FibrixError as exc:
                log.warning("webhooks.look_failed", reason=str(exc))

    async def _look(self, group: asyncio.TaskGroup) -> None:
        """Have a lane for each webhook that is enabled, and for no other."""
        for webhook in self._room.all():
            await self._check(webhook)
        wanted = {webhook.id: webhook for webhook in self._room.all() if webhook.enabled}
        for lane, task in list(self._lanes.values()):
            webhook_now = wanted.get(lane.id)
            if webhook_now is None or webhook_now.starts != lane.starts:
                await self._end(lane, task)
            elif webhook_now.revision != lane.revision:
                lane.revision = webhook_now.revision
                lane.poke()
        for webhook in wanted.values():
            if webhook.id not in self._lanes:
                self._begin(group, webhook)

    async def _check(self, webhook: Webhook) -> None:
        """Remove a webhook whose tenant is gone, disable one that nobody stands behind."""
        if not self._room.tenant_there(webhook):
            with suppress(NotFoundError):
                await self._room.remove(webhook)
        elif webhook.enabled and (fault := self._room.fault(webhook)):
            await self._room.disable(webhook, fault)

    def _begin(self, group: asyncio.TaskGroup, webhook: Webhook) -> None:
        """Start a lane."""
        with suppress(NotFoundError):  # it was removed just now
            lane = Lane(self._room, webhook)
            task = group.create_task(self._keep(lane), name=f"webhook {webhook.id}")
            self._lanes[webhook.id] = (lane, task)
            self._saved[webhook.id] = lane.position

    async def _end(self, lane: Lane, task: asyncio.Task[None]) -> None:
        """End a lane; what it has done is stored first, so that the next one goes on from there."""
        task.cancel()
        await asyncio.wait([task])
        del self._lanes[lane.id]
        await self._save([lane], idle=True)
        self._saved.pop(lane.id, None)
        self._room.last.pop(lane.id, None)

    async def _keep(self, lane: Lane) -> None:
        """Run a lane; one that the store failed is tried again after a pause."""
        while True:
            try:
                await lane.run()
            except* FibrixError as group:
                log.warning("webhook.lane_failed", webhook=lane.id, reason="; ".join(map(str, group.exceptions)))
            await asyncio.sleep(FAULT_S)

    async def _hear(self) -> None:
        """Hand what is new in the journal to the lanes that wait for it."""
        seen = self._journal.head
        while True:
            await self._journal.changed(seen)
            try:
                entries = await self._journal.since(seen, limit=_PAGE)
            except StoreError as exc:
                log.warning("webhooks.read_failed", reason=str(exc))
                await asyncio.sleep(FAULT_S)
                continue
            if not entries:  # they were forgotten already
                seen = self._journal.head
                continue
            news = News(entries)
            for lane, _ in self._lanes.values():
                with suppress(NotFoundError):
                    lane.hear(self._room.webhook(lane.id), news)
            seen = news.last
            await asyncio.sleep(0)

    async def _keep_saving(self) -> None:
        """Store now and then how far the deliveries have come."""
        idle_at = monotonic_s()
        while True:
            await asyncio.sleep(SAVE_S)
            idle = monotonic_s() - idle_at > IDLE_SAVE_S
            idle_at = monotonic_s() if idle else idle_at
            await self._save([lane for lane, _ in self._lanes.values()], idle=idle)

    async def _save(self, lanes: Sequence[Lane], *, idle: bool) -> None:
        """Store how far lanes have come: those that delivered something, and with `idle` those that moved at all."""
        marks = [lane.mark for lane in lanes if lane.position != self._saved.get(lane.id) and (lane.moved or idle)]
        try:
            await self._room.save(marks)
        except StoreError as exc:
            log.warning("webhooks.save_failed", reason=str(exc))
            return
        self._saved |= {mark.webhook: mark.position for mark in marks}
