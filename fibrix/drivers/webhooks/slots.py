"""Turns: how many deliveries are under way at once, and that nobody takes all of them."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from fibrix.types import TenantId


class Slots:
    """At most so many at once; receivers that fail share half of them, and the webhooks of one owner a quarter.

    So a tenant whose receivers hang, or all receivers that are down together, never keep the others from a turn.
    """

    def __init__(self, count: int) -> None:
        self._all = asyncio.Semaphore(count)
        self._ailing = asyncio.Semaphore(max(1, count // 2))
        self._owners: defaultdict[TenantId, asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(max(1, count // 4))
        )

    @asynccontextmanager
    async def turn(self, owner: TenantId, *, ailing: bool) -> AsyncIterator[None]:
        """Wait for a turn and have it for as long as the block runs."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._owners[owner])
            if ailing:
                await stack.enter_async_context(self._ailing)
            await stack.enter_async_context(self._all)
            yield
