"""Events as Server-Sent Events (WHATWG HTML §9.2): for browsers, and for whoever has HTTP but no websocket."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

import structlog

from fibrix.api.feed import Feed
from fibrix.errors import FibrixError
from fibrix.runtime.clock import monotonic_s

log = structlog.get_logger()

MEDIA: Final = "text/event-stream"
HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # the second: nginx passes each piece on
RETRY_MS: Final = 2000
"""What a browser is told to wait before it comes back."""

_PAGE: Final = 200
_LOOK_S: Final = 0.5  # how long a reader that is no longer let in goes unnoticed, at most
_HEARTBEAT_S: Final = 15.0


async def chunks(feed: Feed, stops: asyncio.Event, subscribers: Counter[str]) -> AsyncIterator[bytes]:
    """Give pieces of the body until the reader is no longer let in, or the controller stops.

    An event's `id` is its sequence number, which a browser sends back in Last-Event-ID. In quiet times a block of an
    `id` alone moves that on, and shows that the connection lives. What ends the stream is said in an event `closed`.
    """
    sent_s = monotonic_s()
    subscribers["sse"] += 1
    try:
        yield f"retry: {RETRY_MS}\n\n".encode()
        while not stops.is_set():
            piece = await _page(feed)
            if not piece and monotonic_s() - sent_s >= _HEARTBEAT_S:
                piece = b": nothing new\nid: %d\n\n" % feed.position
            if piece:
                sent_s = monotonic_s()
                yield piece
            else:
                await _wait(feed)
    except FibrixError as exc:
        log.info("sse.ended", reason=str(exc))
        yield f"event: closed\ndata: {' '.join(str(exc).split())}\n\n".encode()
    finally:
        subscribers["sse"] -= 1


async def _page(feed: Feed) -> bytes:
    """Give the blocks of the next events; JSON has no line ends of its own."""
    gap, entries = await feed.entries(_PAGE)
    blocks = [b"data: %b\n\n" % gap] if gap else []
    blocks += [b"id: %d\ndata: %b\n\n" % (entry.seq, entry.cloudevent()) for entry in entries]
    return b"".join(blocks)


async def _wait(feed: Feed) -> None:
    """Wait for an event, or until it is time to look at the reader again."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_LOOK_S):
            await feed.changed()
