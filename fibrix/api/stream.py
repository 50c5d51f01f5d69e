"""The stream of events by websocket: CloudEvents from a sequence number on (CloudEvents WebSocket binding 1.0.2).

Each subscriber reads the journal at its own pace, so a slow one costs a position and at most one page of messages. One
that takes nothing for `slow_s` is told so in the close frame and cut off.
"""

import asyncio
import weakref
from typing import Final

import msgspec
import structlog
from aiohttp import WSCloseCode, WSMsgType, web

from fibrix.api.feed import Feed, Selection
from fibrix.domain.access import Caller
from fibrix.domain.ports.journal import Journal
from fibrix.errors import InvalidError, StoreError
from fibrix.runtime.api_stream import SUBPROTOCOL

log = structlog.get_logger()

TOO_SLOW: Final = 4008
"""Close code for a subscriber that does not keep up; RFC 6455 §7.4.2 leaves 4000 and above to us."""

_PAGE: Final = 200
_CLOSE_S: Final = 10.0
_MAX_MESSAGE_BYTES: Final = 4096  # of what a subscriber sends, which is ignored


class StreamQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to stream."""

    since: str = "now"  # a sequence number, or `now`
    type: str = ""  # types or prefixes, with commas between them
    subject: str = ""

    def position(self, head: int) -> int:
        """Give the number to begin after. Raises InvalidError."""
        if self.since == "now":
            return head
        if not self.since.isdecimal():
            raise InvalidError("query parameter since: write a sequence number, or `now`", pointer="/since")
        return int(self.since)


class Stream:
    """Serves websockets from the journal."""

    def __init__(self, journal: Journal, *, ping_s: float = 20.0, slow_s: float = 15.0) -> None:
        self._journal = journal
        self._ping_s = ping_s
        self._slow_s = slow_s
        self._open: weakref.WeakSet[web.WebSocketResponse] = weakref.WeakSet()

    async def serve(self, request: web.Request, _caller: Caller, query: StreamQuery) -> web.WebSocketResponse:
        """Serve one subscriber until either side ends it. Raises InvalidError before the upgrade."""
        feed = Feed(self._journal, query.position(self._journal.head), Selection.of(query.type, query.subject))
        socket = web.WebSocketResponse(
            protocols=(SUBPROTOCOL,),
            heartbeat=self._ping_s,
            timeout=_CLOSE_S,
            compress=False,
            max_msg_size=_MAX_MESSAGE_BYTES,
        )
        await socket.prepare(request)
        self._open.add(socket)
        async with asyncio.TaskGroup() as group:
            sender = group.create_task(self._send(socket, feed, request.transport), name="stream sender")
            async for _ in socket:
                pass  # nothing is expected; reading answers pings and sees the close
            sender.cancel()
        return socket

    async def close(self, _: web.Application) -> None:
        """Tell all subscribers that the controller stops."""
        async with asyncio.TaskGroup() as group:
            for socket in set(self._open):
                goodbye = socket.close(code=WSCloseCode.GOING_AWAY, message=b"the controller stops", drain=False)
                group.create_task(goodbye, name="stream close")

    async def _send(self, socket: web.WebSocketResponse, feed: Feed, transport: asyncio.Transport | None) -> None:
        """Send pages until the subscriber is gone, or is too slow."""
        try:
            while True:
                for message in await feed.page(_PAGE):
                    async with asyncio.timeout(self._slow_s):
                        await socket.send_frame(message, WSMsgType.TEXT)
                await feed.changed()
        except TimeoutError:
            reason = b"too slow: resume with the last number that you have"
            log.info("stream.slow", position=feed.position)
            await _cut(socket, TOO_SLOW, reason, transport)
        except StoreError as exc:
            log.warning("stream.store_failed", reason=str(exc))
            await _cut(socket, WSCloseCode.TRY_AGAIN_LATER, b"the database is not available", transport)
        except ConnectionError:
            log.debug("stream.lost", position=feed.position)


async def _cut(socket: web.WebSocketResponse, code: int, reason: bytes, transport: asyncio.Transport | None) -> None:
    """Close with a reason; a subscriber that does not take that either is dropped a little later."""
    await socket.close(code=code, message=reason, drain=False)
    if transport is not None:
        asyncio.get_running_loop().call_later(_CLOSE_S, transport.abort)
