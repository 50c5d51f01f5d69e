"""Connections of the API before there is a request on them: how many, how long a head may take, what is no HTTP.

aiohttp parses; this adds what it leaves open. A client that sends the head of its first request too slowly, or none at
all, is told so and cut off; one connection too many is refused before anything is read from it. The unix socket does
not count: whoever runs the controller gets in, however many others are there.
"""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

import structlog
from aiohttp import web

from fibrix.api import problems
from fibrix.api.limits import Limits
from fibrix.api.route import BODY_BYTES

log = structlog.get_logger()

_HEAD: Final[dict[str, int]] = {"max_line_size": 8190, "max_field_size": 8190, "max_headers": 100}


class Connection(web.RequestHandler):
    """One client."""

    __slots__ = ("_connections", "_timer")

    def __init__(self, connections: "Connections", **settings: Any) -> None:
        super().__init__(connections, **settings)
        self._connections = connections
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let a client in, or refuse it."""
        super().connection_made(transport)
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - of a stream server
        if not self._connections.enter(self, transport):
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, "there are too many connections: close some, or try again")
            return
        limit_s = self._connections.limits.head_s
        self._timer = asyncio.get_running_loop().call_later(limit_s, self._too_slow)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget a client."""
        self.heard()
        self._connections.leave(self)
        super().connection_lost(exc)

    def heard(self) -> None:
        """Take note of the first request: from now on the limit for idle connections holds."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - the parser's words quote what was sent
    ) -> web.StreamResponse:
        """Answer what is no HTTP, and close the connection: nobody knows where the next request would begin."""
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            log.error("api.failed", path=request.path, exc_info=exc)
            response = problems.of_bug()
        else:
            detail = "this is not HTTP/1.1 as RFC 9112 has it, or a part of its head is too long"
            response = problems.answer(HTTPStatus(status), HTTPStatus(status).phrase, detail)
        response.force_close()
        return response

    def _too_slow(self) -> None:
        """Cut off a client whose first request does not come."""
        self._timer = None
        log.info("api.slow_head", peer=str(self.peername))
        limit_s = self._connections.limits.head_s
        self._refuse(HTTPStatus.REQUEST_TIMEOUT, f"the head of the request did not arrive within {limit_s:g} s")

    def _refuse(self, status: HTTPStatus, detail: str) -> None:
        """Say why, and close."""
        transport = self.transport
        if transport is None:
            return
        body = problems.answer(status, status.phrase, detail).body
        assert isinstance(body, bytes)  # noqa: S101 - it was made just now
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {problems.MEDIA_TYPE}\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        transport.write(head.encode() + body)
        self.force_close()
        transport.close()


class Connections(web.Server):
    """All clients."""

    def __init__(self, handler: Callable[[web.Request], Any], limits: Limits) -> None:
        self.limits = limits
        self._counted: set[Connection] = set()
        self._settings: dict[str, Any] = {"access_log": None, "keepalive_timeout": 75, "lingering_time": 2} | _HEAD
        self._running = asyncio.get_running_loop()
        super().__init__(handler, request_factory=self._request)  # type: ignore[arg-type]

    def __call__(self) -> Connection:
        """Make what serves the next client."""
        return Connection(self, loop=self._running, **self._settings)

    def enter(self, connection: Connection, transport: asyncio.Transport) -> bool:
        """Count a client; False: it is one too many."""
        if not isinstance(transport.get_extra_info("peername"), tuple):
            return True  # by the unix socket
        if len(self._counted) >= self.limits.connections:
            return False
        self._counted.add(connection)
        return True

    def leave(self, connection: Connection) -> None:
        """Count it no more."""
        self._counted.discard(connection)

    def _request(self, message: Any, payload: Any, protocol: Connection, writer: Any, task: Any) -> web.Request:
        protocol.heard()
        return web.Request(message, payload, protocol, writer, task, self._running, client_max_size=BODY_BYTES)
