"""Every connection is cut off in time: a client that sends or reads a byte a second holds nothing for long."""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Final

import structlog

HEAD_S: Final = 10.0
"""From the connection to the end of the request's head."""

WHOLE_S: Final = 60.0
"""From the connection to the end of the answer: a body, the 20 s of a long poll, and room."""

PER_CLIENT: Final = 32
"""Connections of one address at a time; an agent has at most four."""

_HEAD_END: Final = b"\r\n\r\n"

log = structlog.get_logger()


class Guard(asyncio.Protocol):
    """Stands between a connection and the HTTP protocol of its one request, and holds the watch."""

    def __init__(self, inner: asyncio.Protocol, clients: Counter[str], *, head_s: float, whole_s: float) -> None:
        self._inner = inner
        self._clients = clients
        self._head_s = head_s
        self._whole_s = whole_s
        self._timers: list[asyncio.TimerHandle] = []
        self._client = ""
        self._tail: bytes | None = b""  # the last octets of a head that is not complete; None: it is
        self._refused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the watch, or refuse a client that has too many connections."""
        if not isinstance(transport, asyncio.Transport):
            raise TypeError("a guard stands before a stream")
        self._client = str(transport.get_extra_info("peername", ("",))[0])
        self._refused = self._clients[self._client] >= PER_CLIENT
        self._clients[self._client] += 1
        if self._refused:
            log.info("machine_connection.refused", address=self._client, reason=f"more than {PER_CLIENT} at a time")
            transport.abort()
            return
        loop = asyncio.get_running_loop()
        self._timers = [
            loop.call_later(self._head_s, self._cut, transport, "no whole request head"),
            loop.call_later(self._whole_s, self._cut, transport, "not done"),
        ]
        self._inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Pass on, and note when the head is whole. One connection carries one request, so there is one head."""
        if self._refused:
            return
        if self._tail is not None:
            seen = self._tail + data
            self._tail = seen[-3:]
            if _HEAD_END in seen:
                self._tail = None
                self._timers[0].cancel()
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        """Pass on."""
        return None if self._refused else self._inner.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """End the watch."""
        for timer in self._timers:
            timer.cancel()
        self._clients[self._client] -= 1
        if not self._clients[self._client]:
            del self._clients[self._client]
        if not self._refused:
            self._inner.connection_lost(exc)

    def pause_writing(self) -> None:
        """Pass on."""
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """Pass on."""
        self._inner.resume_writing()

    def _cut(self, transport: asyncio.Transport, reason: str) -> None:
        log.info("machine_connection.cut", address=self._client, reason=reason)
        transport.abort()


def guarded(
    inner: Callable[[], asyncio.Protocol], *, head_s: float = HEAD_S, whole_s: float = WHOLE_S
) -> Callable[[], Guard]:
    """A protocol factory for `create_server` whose connections share one count per client."""
    clients: Counter[str] = Counter()
    return lambda: Guard(inner(), clients, head_s=head_s, whole_s=whole_s)
