"""Waiting for what has no event of its own."""

import asyncio
from collections.abc import Callable


async def until(so: Callable[[], bool], timeout_s: float = 8) -> None:
    """Wait until something is so. Raises TimeoutError."""
    async with asyncio.timeout(timeout_s):
        while True:
            if so():
                return
            await asyncio.sleep(0.01)
