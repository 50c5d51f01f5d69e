"""Routes into what answers requests: every request gets an id, every refusal becomes problem details."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Final

import structlog
from aiohttp import web

from fibrix.api import decode, problems
from fibrix.api.auth import caller_of
from fibrix.api.endpoint import (
    CALLER,
    REQUEST_ID,
    X_REQUEST_ID,
    Desk,
    Endpoint,
    FlowResponse,
    new_request_id,
)
from fibrix.api.route import READING, Route, SocketRoute
from fibrix.api.router import NAMES, Handler, Router
from fibrix.errors import FibrixError
from fibrix.runtime.clock import monotonic_s
from fibrix.runtime.scope import Scope, within

log = structlog.get_logger()

SMALL_BYTES: Final = 32 << 10
"""An answer of this size goes into the kernel's buffers whole: nobody waits for the client to take it."""


Observer = Callable[[str, str, int, float], None]
"""Takes note of a request: method, the route's path with {names} (empty: there is no such route), status, seconds."""


def application(routes: Sequence[Route], sockets: Sequence[SocketRoute], desk: Desk, observe: Observer) -> Handler:
    """Build what answers any request."""
    router = Router()
    for route in routes:
        endpoint = Endpoint(route, desk, mirror_of(route, routes))
        answer = _Edge(route.path, endpoint.serve, desk, observe).answer
        router.add(route.method, route.path, answer)
        if route.method == "GET":
            router.add("HEAD", route.path, answer)
    for socket in sockets:
        router.add("GET", socket.path, _Edge(socket.path, _upgrade(socket, desk), desk, observe).answer)
    return _routed(router, desk, observe)


def _routed(router: Router, desk: Desk, observe: Observer) -> Handler:
    """Build what hands requests on to their routes, and answers what no route does."""

    async def refuse(request: web.Request) -> web.StreamResponse:
        router.find(request.method, request.rel_url.raw_path)
        raise web.HTTPNotFound

    strangers = _Edge("", refuse, desk, observe)

    async def routed(request: web.Request) -> web.StreamResponse:
        try:
            handler, request[NAMES] = router.find(request.method, request.rel_url.raw_path)
        except web.HTTPException:
            return await strangers.answer(request)
        return await handler(request)

    return routed


def mirror_of(route: Route, routes: Sequence[Route]) -> Route | None:
    """Find the route that shows what another one changes: GET on its path, or on the nearest thing above it."""
    shows = [
        r
        for r in routes
        if r.method == "GET" and r.path.endswith("}") and (route.path == r.path or route.path.startswith(r.path + "/"))
    ]
    return max(shows, key=lambda r: len(r.path), default=None)


def _upgrade(socket: SocketRoute, desk: Desk) -> Handler:
    """Let a caller in, then hand the connection over."""

    async def upgrade(request: web.Request) -> web.StreamResponse:
        caller = caller_of(request, desk.gate, socket.may)
        request[CALLER] = caller
        return await socket.serve(request, caller, decode.query(decode.joined(request.query), socket.query))

    async def guarded(request: web.Request) -> web.StreamResponse:
        response = await answered(request, upgrade)
        if not response.prepared:
            response.force_close()  # what follows a handshake that is refused may be anything
        return response

    return guarded


class _Edge:
    """The outermost part of a route: ids, refusals, counting, clients that do not read."""

    def __init__(self, path: str, handler: Handler, desk: Desk, observe: Observer) -> None:
        self._path = path
        self._handler = handler
        self._send_s = desk.limits.send_s
        self._observe = observe
        self._log = structlog.get_logger().bind()  # once: it is on the way of every request

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer one request, whatever happens."""
        began = monotonic_s()
        request_id = request[REQUEST_ID] = new_request_id(request)
        if request.method in READING:
            response = await answered(request, self._handler)
        else:
            with within(Scope(request=request_id)), structlog.contextvars.bound_contextvars(request=request_id):
                response = await answered(request, self._handler)
        if not response.prepared:
            response.headers[X_REQUEST_ID] = request_id
            if not _is_small(response):
                await _send(request, response, self._send_s)
        took_s = monotonic_s() - began
        self._observe(request.method, self._path, response.status, took_s)
        if request.method not in READING or self._log.is_enabled_for(logging.DEBUG):
            self._tell(request, response.status, took_s)
        return response

    def _tell(self, request: web.Request, status: int, took_s: float) -> None:
        """Log one line."""
        told = self._log.debug if request.method in READING else self._log.info
        caller = request.get(CALLER)
        told(
            "api.request",
            request=request[REQUEST_ID],
            method=request.method,
            path=request.path,
            status=status,
            took_ms=round(took_s * 1000, 1),
            user=caller.name if caller else "",
            key=caller.key if caller else "",
        )


def _is_small(response: web.StreamResponse) -> bool:
    """Tell whether an answer is whole, and small enough to be sent without a thought for who takes it."""
    body = response.body if isinstance(response, web.Response) else b""
    return body is None or (isinstance(body, bytes) and 0 < len(body) <= SMALL_BYTES)


async def answered(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Run a handler; every error becomes an answer."""
    try:
        return await handler(request)
    except FibrixError as exc:
        return problems.of_error(exc)
    except web.HTTPException as exc:
        return problems.of_http(exc)
    except TimeoutError:
        detail = "the controller did not have the answer in time: see its health, and try again"
        return problems.answer(HTTPStatus.GATEWAY_TIMEOUT, "It took too long", detail)
    except ConnectionError:
        raise
    except Exception:
        log.exception("api.failed", path=request.path)
        return problems.of_bug()


async def _send(request: web.Request, response: web.StreamResponse, limit_s: float) -> None:
    """Send an answer to a client that must take it within the limit; aiohttp has none of its own."""
    try:
        if isinstance(response, FlowResponse):
            await response.send(request, limit_s)
            return
        async with asyncio.timeout(limit_s):
            await response.prepare(request)
            await response.write_eof()
    except TimeoutError:
        log.info("api.slow_reader", peer=request.remote, path=request.path)
        if request.transport is not None:
            request.transport.abort()
    except ConnectionError:
        log.debug("api.reader_gone", peer=request.remote, path=request.path)
