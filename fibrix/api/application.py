"""Routes into an aiohttp application: key, decoding, time limits, answers and refusals, in one place."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import msgspec
import structlog
from aiohttp import web

from fibrix.api import decode, problems
from fibrix.api.auth import KeyCheck
from fibrix.api.route import BODY_BYTES, Call, Reply, Route
from fibrix.errors import FibrixError
from fibrix.runtime.clock import monotonic_s

log = structlog.get_logger()

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_KEY_NAME: Final = web.RequestKey("key_name", str)


@dataclass(frozen=True, slots=True)
class Limits:
    """How long each part of a request may take, in seconds."""

    read_s: float = 10.0  # for the client to send the body
    handle_s: float = 100.0  # for us to have the answer: more than the slowest BMC takes
    send_s: float = 60.0  # for the client to take the answer
    slow_s: float = 15.0  # for a subscriber of the stream to take a message


LIMITS: Final = Limits()
"""What is used unless told otherwise."""


class SlowClientError(FibrixError):
    """A client took too long to send its request."""


def application(routes: Sequence[Route], stream: Handler, check: KeyCheck, limits: Limits = LIMITS) -> web.Application:
    """Build the application; `stream` serves the websocket."""
    app = web.Application(middlewares=[_edge(limits)], client_max_size=BODY_BYTES)
    for route in routes:
        handler = _bound(route, check, limits)
        app.router.add_route(route.method, route.path, handler)
        if route.method == "GET":
            app.router.add_route("HEAD", route.path, handler)
    app.router.add_get("/api/v1/stream", _guarded(stream, check), allow_head=False)
    return app


def _guarded(handler: Handler, check: KeyCheck) -> Handler:
    """Ask for a key first."""

    async def guarded(request: web.Request) -> web.StreamResponse:
        request[_KEY_NAME] = check.holder(request.headers.get("Authorization", ""))
        return await handler(request)

    return guarded


def _bound(route: Route, check: KeyCheck, limits: Limits) -> Handler:
    """Wrap a route's handler: a request in, a response out."""
    types = route.types

    async def answer(request: web.Request) -> web.StreamResponse:
        body = await _read(request, limits.read_s)
        call: Call[Any, Any] = Call(
            path=request.match_info,
            query=decode.query(request.query, types.query),
            body=decode.body(body, types.body),
        )
        async with asyncio.timeout(limits.handle_s):
            return _response(route, await route.handler(call))

    return _guarded(answer, check) if route.needs_key else answer


async def _read(request: web.Request, limit_s: float) -> bytes:
    """Read the body. Raises SlowClientError."""
    if not request.can_read_body:
        return b""
    try:
        async with asyncio.timeout(limit_s):
            return await request.read()
    except TimeoutError as exc:
        raise SlowClientError(f"the body did not arrive within {limit_s:g} s") from exc


def _response(route: Route, reply: Reply[Any]) -> web.Response:
    """Encode what a handler gave."""
    status = reply.status or route.status
    if reply.value is None:
        return web.Response(status=status, headers=reply.headers)
    body = reply.value if isinstance(reply.value, bytes) else msgspec.json.encode(reply.value)
    return web.Response(status=status, body=body, content_type=reply.media or route.media, headers=reply.headers)


def _edge(limits: Limits) -> Callable[..., Awaitable[web.StreamResponse]]:
    """Build the middleware that turns every refusal into problem details, and cuts off clients that do not read."""

    @web.middleware
    async def edge(request: web.Request, handler: Handler) -> web.StreamResponse:
        began = monotonic_s()
        response = await _refusals(request, handler)
        if not response.prepared:
            await _send(request, response, limits.send_s)
        took_ms = round((monotonic_s() - began) * 1000, 1)
        told = log.debug if request.method in {"GET", "HEAD"} else log.info
        told(
            "api.request",
            method=request.method,
            path=request.path,
            status=response.status,
            took_ms=took_ms,
            key=request.get(_KEY_NAME, ""),
        )
        return response

    return edge


async def _refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Run a handler; every error that is meant becomes an answer."""
    try:
        return await handler(request)
    except decode.NotJsonError as exc:
        return problems.answer(HTTPStatus.BAD_REQUEST, "The body is not JSON", str(exc))
    except SlowClientError as exc:
        response = problems.answer(HTTPStatus.REQUEST_TIMEOUT, "The request came too slowly", str(exc))
        response.force_close()
        return response
    except FibrixError as exc:
        return problems.of_error(exc)
    except web.HTTPException as exc:
        return problems.of_http(exc)
    except TimeoutError:
        detail = "the controller did not have the answer in time: see its health, and try again"
        return problems.answer(HTTPStatus.GATEWAY_TIMEOUT, "It took too long", detail)


async def _send(request: web.Request, response: web.StreamResponse, limit_s: float) -> None:
    """Send an answer to a client that must take it within the limit; aiohttp has none of its own."""
    try:
        async with asyncio.timeout(limit_s):
            await response.prepare(request)
            await response.write_eof()
    except TimeoutError:
        log.info("api.slow_reader", peer=request.remote, path=request.path)
        if request.transport is not None:
            request.transport.abort()
