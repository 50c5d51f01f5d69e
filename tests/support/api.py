"""What serves the API in a test, and where."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fibrix.api.service import ApiService


@asynccontextmanager
async def serving(service: ApiService) -> AsyncIterator[Callable[[], object]]:
    """Run a service for as long as the block runs; gives what stops it early."""
    async with asyncio.TaskGroup() as group:
        ready = asyncio.Event()
        task = group.create_task(service.run(ready), name="api")
        await ready.wait()
        yield task.cancel
        task.cancel()


def free_port() -> int:
    """Find a TCP port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
