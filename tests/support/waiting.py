"""Waiting for what has no event of its own."""

import asyncio
from collections.abc import Callable


async def until(so: Callable[[], bool], timeout_s: float = 8) -> None:
    """Wait until something is so. Raises TimeoutError."""
    try:
        async with asyncio.timeout(timeout_s):
            while not so():  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    except TimeoutError:
        if not so():  # it may have come while this process stood still
            raise
