"""Listening to the bus, one event after the other."""

from collections.abc import Awaitable, Callable
from typing import Protocol

import structlog

from fibrix.errors import FibrixError
from fibrix.events.base import Event

log = structlog.get_logger()


class Queue(Protocol):
    """A subscription of the bus, as a listener sees it."""

    lagged: int

    async def batch(self) -> list[Event]:
        """Wait for events and take all that are there, oldest first."""
        ...


async def listen(
    subscription: Queue,
    handle: Callable[[Event], Awaitable[None]],
    *,
    resync: Callable[[], Awaitable[None]] | None = None,
) -> None:
    """Hand each event to `handle`, in order, until cancelled. A FibrixError is logged and costs that event only.

    When events were dropped because the queue was full, `resync` is called before going on: re-read the store there.
    """
    known = subscription.lagged
    while True:
        events = await subscription.batch()
        if subscription.lagged > known:
            log.warning("bus.lagged", dropped=subscription.lagged - known)
            known = subscription.lagged
            if resync is not None:
                await _guarded("resync", resync())
        for event in events:
            await _guarded(event.type, handle(event))


async def _guarded(what: str, work: Awaitable[None]) -> None:
    """Await it; log what Fibrix raises on purpose. Anything else is a bug, and the supervisor's."""
    try:
        await work
    except FibrixError as exc:
        log.warning("event.not_handled", what=what, reason=str(exc))
