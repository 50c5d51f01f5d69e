"""What is made when it is first asked for, and kept."""

import asyncio
from collections.abc import Callable


class Once:
    """Octets that take long to make: in a thread, so that nobody else waits, and once for all who ask meanwhile."""

    def __init__(self, make: Callable[[], bytes]) -> None:
        self._make = make
        self._made: bytes | None = None
        self._lock = asyncio.Lock()

    async def get(self) -> bytes:
        """Give them."""
        async with self._lock:
            if self._made is None:
                self._made = await asyncio.to_thread(self._make)
            return self._made
