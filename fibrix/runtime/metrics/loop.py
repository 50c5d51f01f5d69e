"""How late the event loop is: what everything that waits for it waits longer."""

import asyncio
from typing import Final

from fibrix.runtime.clock import monotonic_s
from fibrix.runtime.metrics.spread import QUICK_S, Spread

_LOOK_S: Final = 0.25


class LoopMeter:
    """A service that wakes up often and notes by how much it was woken too late."""

    name = "loop-meter"

    def __init__(self) -> None:
        self.lag = Spread(QUICK_S)

    async def run(self, ready: asyncio.Event) -> None:
        """Measure until cancelled."""
        ready.set()
        while True:
            due_s = monotonic_s() + _LOOK_S
            await asyncio.sleep(_LOOK_S)
            self.lag.add(max(0.0, monotonic_s() - due_s))
