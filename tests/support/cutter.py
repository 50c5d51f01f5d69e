"""A wire that is cut at random: a TCP relay that drops its connections after so many bytes, on both sides at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random

from tests.support.api import free_port


@dataclass
class Cutter:
    """Relays from its own port to another, until it has cut `cuts` connections; after that it lets all through."""

    target: int
    cuts: int
    most_bytes: int
    chance: Random
    port: int = field(default_factory=free_port)
    done: int = 0

    async def relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Relay one connection."""
        try:
            upstream, back = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        left = self.chance.randrange(self.most_bytes) if self.done < self.cuts else None
        try:
            async with asyncio.TaskGroup() as group:
                forth = group.create_task(_pump(reader, back, None))
                await _pump(upstream, writer, left)
                forth.cancel()
        except* ConnectionError:
            pass
        finally:
            self.done += left is not None
            writer.transport.abort()
            back.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, left: int | None) -> None:
    """Pass bytes on until there are no more, or so many were."""
    while data := await reader.read(4096 if left is None else min(4096, left)):
        writer.write(data)
        await writer.drain()
        if left is not None:
            left -= len(data)


@asynccontextmanager
async def cutter(target: int, *, cuts: int, most_bytes: int, seed: int) -> AsyncIterator[Cutter]:
    """Run one for as long as the block."""
    made = Cutter(target, cuts, most_bytes, Random(seed))
    async with await asyncio.start_server(made.relay, "127.0.0.1", made.port):
        yield made
