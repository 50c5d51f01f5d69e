"""Turns: how many deliveries are under way at once, and that nobody takes all of them."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from fibrix.types import TenantId, WebhookId


class Slots:
    """At most so many at once, and a fair part of them for each.

    The first attempt under way of a webhook waits for nobody but the limit of all. Further ones, of webhooks that
    deliver several at once, share a quarter with those of the same owner. Those whose attempt before failed share a
    half. So a receiver that hangs, and even very many that are down together, keep nobody else from a turn.
    """

    def __init__(self, count: int) -> None:
        self._all = asyncio.Semaphore(count)
        self._ailing = asyncio.Semaphore(max(1, count // 2))
        self._further: defaultdict[TenantId, asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(max(1, count // 4))
        )
        self._under_way: Counter[WebhookId] = Counter()

    @asynccontextmanager
    async def turn(self, webhook: WebhookId, owner: TenantId, *, ailing: bool) -> AsyncIterator[None]:
        """Wait for a turn and have it for as long as the block runs."""
        further = self._under_way[webhook] > 0
        self._under_way[webhook] += 1
        try:
            async with AsyncExitStack() as stack:
                if further:
                    await stack.enter_async_context(self._further[owner])
                if ailing:
                    await stack.enter_async_context(self._ailing)
                await stack.enter_async_context(self._all)
                yield
        finally:
            self._under_way[webhook] -= 1
            if not self._under_way[webhook]:
                del self._under_way[webhook]
