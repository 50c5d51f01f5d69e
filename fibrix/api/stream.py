"""The stream of events by websocket: CloudEvents from a sequence number on (CloudEvents WebSocket binding 1.0.2).

A subscriber first reads the journal at its own pace, then lives from the hub, without a seam between the two: its
position says what it has. One that takes nothing for `slow_s` is told so in the close frame and cut off.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Final

import msgspec
import structlog
from aiohttp import web

from fibrix.api.feed import Feed, Reader
from fibrix.api.hub import Hub, Subscriber, framed
from fibrix.api.socket import accept, refusal
from fibrix.domain.access import Caller
from fibrix.domain.ports.gate import Gate
from fibrix.domain.ports.journal import EventNames, Journal
from fibrix.domain.selection import Selection
from fibrix.errors import ForbiddenError, InvalidError, StoreError, UnauthorizedError
from fibrix.runtime.api_stream import SUBPROTOCOL
from fibrix.wire.websocket import CloseCode

log = structlog.get_logger()

NOW: Final = "now"

_PAGE: Final = 500
_PAGES_AT_ONCE: Final = 2  # so that many who catch up do not hold the loop together
_GOODBYE_S: Final = 1.0


class Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which events: all that is given must be so."""

    type: str = ""  # types, or prefixes as `machine.*`, with commas between them
    subject: str = ""  # as `machines/m0123456789`; or a prefix that ends in a slash
    machine: str = ""  # its id, name or MAC
    tenant: str = ""  # its id or name

    def selection(self, names: EventNames, caller: Caller) -> Selection:
        """Read it for a caller. Raises InvalidError."""
        machine, tenant = names.machine(self.machine, caller), names.tenant(self.tenant, caller)
        return Selection.of(self.type, self.subject, machine, tenant)


class StreamQuery(Wanted, frozen=True, forbid_unknown_fields=True):
    """What to stream."""

    since: str = NOW  # a sequence number, or `now`
    heartbeat: Annotated[int, msgspec.Meta(ge=0, le=3600)] = 0  # seconds without a message until there is a heartbeat

    def position(self, head: int) -> int:
        """Give the number to begin after. Raises InvalidError."""
        return position(self.since, head, "query parameter since")


def position(text: str, head: int, where: str) -> int:
    """Read a sequence number, or `now`. Raises InvalidError."""
    if text == NOW:
        return head
    if not (text.isascii() and text.isdecimal()) or len(text) > len(str(1 << 63)):
        raise InvalidError(f"{where}: write a sequence number, or `now`", pointer="/since")
    return int(text)


class Stream:
    """Serves websockets from the journal."""

    def __init__(
        self,
        journal: Journal,
        gate: Gate,
        names: EventNames,
        subscribers: Counter[str],
        *,
        ping_s: float = 20.0,
        slow_s: float = 15.0,
    ) -> None:
        self.stops = asyncio.Event()  # the controller stops: whoever streams says good-bye
        self._journal = journal
        self._gate = gate
        self._names = names
        self._subscribers = subscribers
        self._slow_s = slow_s
        self._hub = Hub(journal, ping_s=ping_s)
        self._pages = asyncio.Semaphore(_PAGES_AT_ONCE)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Hand out events for as long as the block runs."""
        self.stops.clear()
        async with asyncio.TaskGroup() as group:
            hub = group.create_task(self._hub.run(), name="stream hub")
            try:
                yield
            finally:
                hub.cancel()

    async def serve(self, request: web.Request, caller: Caller, query: StreamQuery) -> web.StreamResponse:
        """Serve one subscriber until either side ends it. Raises InvalidError before the upgrade."""
        refused = refusal(request, SUBPROTOCOL)
        if refused is not None:
            return refused
        reader = Reader(self._gate, caller, query.selection(self._names, caller))
        feed = Feed(self._journal, query.position(self._journal.head), reader)
        socket = await accept(request, SUBPROTOCOL)
        subscriber = Subscriber(socket, feed, query.heartbeat)
        self._hub.enter(subscriber)
        self._subscribers["websocket"] += 1
        try:
            async with asyncio.TaskGroup() as group:
                sender = group.create_task(self._send(subscriber), name="stream sender")
                await socket.ended()
                sender.cancel()
        finally:
            self._subscribers["websocket"] -= 1
            self._hub.leave(subscriber)
        return socket.response

    async def close(self) -> None:
        """Tell all subscribers that the controller stops, and wait a moment for their answers."""
        self.stops.set()
        last = tuple(self._hub.open)
        for subscriber in last:
            subscriber.socket.close(CloseCode.GOING_AWAY, "the controller stops")
        try:
            async with asyncio.timeout(_GOODBYE_S):
                for subscriber in last:
                    await subscriber.socket.ended()
        except TimeoutError:
            for subscriber in last:
                subscriber.socket.abort()

    async def _send(self, subscriber: Subscriber) -> None:
        """Send until the subscriber is gone, is too slow, or may not go on."""
        try:
            while not subscriber.socket.closing:
                await self._catch_up(subscriber)
                await subscriber.left.wait()
        except TimeoutError:
            log.info("stream.slow", position=subscriber.feed.position)
            subscriber.socket.close(CloseCode.TOO_SLOW, "too slow: resume with the last number that you have")
        except StoreError as exc:
            log.warning("stream.store_failed", reason=str(exc))
            subscriber.socket.close(CloseCode.TRY_AGAIN_LATER, "the database is not available")
        except (UnauthorizedError, ForbiddenError) as exc:
            subscriber.socket.close(CloseCode.NOT_ALLOWED, str(exc))
        except ConnectionError:
            log.debug("stream.lost", position=subscriber.feed.position)

    async def _catch_up(self, subscriber: Subscriber) -> None:
        """Send pages of the journal until the hub has it."""
        socket = subscriber.socket
        while not socket.closing:
            async with self._pages:
                messages = await subscriber.feed.page(_PAGE)
                await asyncio.sleep(0)  # a page from memory, to a client that takes it, waits for nothing
            for frames in framed(messages):
                socket.write(frames)
                async with asyncio.timeout(self._slow_s):
                    await socket.drain()
            if len(messages) < _PAGE and self._hub.join(subscriber):
                return
