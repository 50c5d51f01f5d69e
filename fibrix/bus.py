"""The event bus: facts out to whoever subscribed, in order, without waiting for anyone."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from fibrix.events.base import Event


class Subscription:
    """One listener's queue: bounded, first in first out, woken once per batch."""

    def __init__(self, kinds: tuple[type[Event], ...], limit: int, name: str = "") -> None:
        self.kinds = kinds
        self.name = name  # whose it is, for the metrics
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

    @property
    def queued(self) -> int:
        """Events that wait to be taken."""
        return len(self._events)

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
        self._lost: Counter[str] = Counter()  # events that former subscriptions lost, by name

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
    def subscribe(self, *kinds: type[Event], limit: int = 10_000, name: str = "other") -> Iterator[Subscription]:
        """Listen to these types and all that derive from them, for as long as the block runs."""
        subscription = Subscription(kinds, limit, name)
        self._subscriptions.append(subscription)
        self._routes.clear()
        try:
            yield subscription
        finally:
            self._subscriptions.remove(subscription)
            self._lost[name] += subscription.lagged
            self._routes.clear()

    @property
    def lagged(self) -> int:
        """Events that present subscriptions lost, summed."""
        return sum(s.lagged for s in self._subscriptions)

    def queued_by_name(self) -> Counter[str]:
        """Events that wait, by the name of the subscription."""
        return self._by_name(lambda subscription: subscription.queued)

    def lagged_by_name(self) -> Counter[str]:
        """Events lost since the start, by the name of the subscription."""
        lagged = self._by_name(lambda subscription: subscription.lagged)
        lagged.update(self._lost)  # not `+`, which drops those that lost none
        return lagged

    def _by_name(self, count: Callable[[Subscription], int]) -> Counter[str]:
        found: Counter[str] = Counter()
        for subscription in self._subscriptions:
            found[subscription.name] += count(subscription)
        return found
