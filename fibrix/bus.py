"""The event bus: facts out to whoever subscribed, in order, without waiting for anyone."""

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from fibrix.events.base import Event


class Subscription:
    """One listener's queue: bounded, first in first out, woken once per batch."""

    def __init__(self, kinds: tuple[type[Event], ...], limit: int) -> None:
        self.kinds = kinds
        self.lagged = 0  # events dropped because the queue was full; a listener that sees it grow re-reads the store
        self._events: deque[Event] = deque()
        self._limit = limit
        self._wake = asyncio.Event()

    def offer(self, event: Event) -> None:
        """Queue one event, or count it as lagged when the queue is full."""
        if len(self._events) >= self._limit:
            self.lagged += 1
            return
        self._events.append(event)
        self._wake.set()

    async def batch(self) -> list[Event]:
        """Wait for events and take all that are there, oldest first."""
        await self._wake.wait()
        self._wake.clear()
        taken = list(self._events)
        self._events.clear()
        return taken


class Bus:
    """Publishing is synchronous and never raises; a slow listener loses events of its own, never another's."""

    def __init__(self) -> None:
        self._subscriptions: list[Subscription] = []
        self._routes: dict[type[Event], tuple[Subscription, ...]] = {}

    def publish(self, *events: Event) -> None:
        """Hand events to every subscription that wants their type or a base of it."""
        for event in events:
            kind = type(event)
            route = self._routes.get(kind)
            if route is None:
                route = tuple(s for s in self._subscriptions if issubclass(kind, s.kinds))
                self._routes[kind] = route
            for subscription in route:
                subscription.offer(event)

    @contextmanager
    def subscribe(self, *kinds: type[Event], limit: int = 10_000) -> Iterator[Subscription]:
        """Listen to these types and all that derive from them, for as long as the block runs."""
        subscription = Subscription(kinds, limit)
        self._subscriptions.append(subscription)
        self._routes.clear()
        try:
            yield subscription
        finally:
            self._subscriptions.remove(subscription)
            self._routes.clear()

    @property
    def lagged(self) -> int:
        """Events that present subscriptions lost, summed."""
        return sum(s.lagged for s in self._subscriptions)
