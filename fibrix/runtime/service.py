"""What a service is."""

import asyncio
from typing import Protocol


class Service(Protocol):
    """A part that runs for as long as the process: opens in `run`, closes before `run` returns."""

    name: str

    async def run(self, ready: asyncio.Event) -> None:
        """Open, set `ready`, serve until cancelled, close. The constructor opens nothing."""
        ...
