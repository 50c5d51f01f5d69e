"""One route at work: who calls, what they send, whether they may, what comes of it."""

import asyncio
import itertools
import re
import secrets
import types
from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final, TypeVar

import msgspec
from aiohttp import HttpVersion11, web
from aiohttp.hdrs import CONTENT_TYPE, ETAG, EXPECT
from multidict import istr

from fibrix.api import decode, negotiate, versions
from fibrix.api.auth import caller_of, check, known
from fibrix.api.change import Asked, Change, ChangePorts
from fibrix.api.limits import Limits
from fibrix.api.problems import NotJsonError, SlowClientError
from fibrix.api.record import body_of
from fibrix.api.route import JSON, Call, Encoded, Flow, Nothing, Reply, Route
from fibrix.api.router import NAMES
from fibrix.domain.access import Caller
from fibrix.domain.ports.gate import Gate
from fibrix.domain.ports.ledger import Ledger

CALLER: Final = web.RequestKey("caller", Caller)
REQUEST_ID: Final = web.RequestKey("request_id", str)

X_REQUEST_ID: Final = istr("X-Request-Id")

R = TypeVar("R")

_THIS_PROCESS: Final = secrets.token_hex(6)
_COUNTER: Final = itertools.count()

_SANE_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What all routes share."""

    gate: Gate
    ledger: Ledger
    limits: Limits
    now: Callable[[], datetime]


class Endpoint:
    """A request in, a response out. All that can be known of the route before is worked out once.

    `mirror` is the route that shows what this one changes: where ETags and the audit look.
    """

    def __init__(self, route: Route, desk: Desk, mirror: Route | None) -> None:
        self._route = route
        self._desk = desk
        self._types = route.types
        self._bare = self._types.query is Nothing
        self._nothing: Final = Nothing()
        ports = ChangePorts(ledger=desk.ledger, now=desk.now, handle_s=desk.limits.handle_s)
        self._change = Change(route, mirror, ports) if route.changes else None

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Serve one request. Raises FibrixError, HTTPException, TimeoutError."""
        route = self._route
        if self._change is not None:
            return await self._changing(request, self._change)
        caller = caller_of(request, self._desk.gate, route.may)
        request[CALLER] = caller
        negotiate.check_accept(request, route.media)
        if request.body_exists:
            decode.body(await self._read(request), Nothing)
        query = self._nothing if self._bare and not request.query_string else self._query(request)
        call: Call[Any, Any] = Call(request[NAMES], query, self._nothing, caller, request.headers)
        return self._shown(request, await self._handled(call))

    async def _changing(self, request: web.Request, change: Change) -> web.StreamResponse:
        """Serve a request that is meant to change something: whoever is known and is refused is on record."""
        caller = request[CALLER] = known(request, self._desk.gate, self._route.may)

        async def prepare() -> Asked:
            check(request, self._desk.gate, caller, self._route.may)
            negotiate.check_accept(request, self._route.media)
            return await self._asked(request, caller)

        return await change.serve(request, caller, prepare)

    async def _asked(self, request: web.Request, caller: Caller) -> Asked:
        """Read and decode a request that is meant to change something."""
        negotiate.check_content(request, JSON)
        data = await self._read(request)
        parameters = decode.joined(request.query)
        rehearse = decode.flag(parameters, "dry_run") if self._route.rehearsable else False
        call: Call[Any, Any] = Call(
            path=request[NAMES],
            query=decode.query(parameters, self._types.query),
            body=decode.body(data, self._types.body),
            caller=caller,
        )
        return Asked(call, data, rehearse)

    def _query(self, request: web.Request) -> msgspec.Struct:
        return decode.query(decode.joined(request.query), self._types.query)

    async def _handled(self, call: Call[Any, Any]) -> Reply[Any]:
        """Run a reading handler within its time; a flow takes as long as the client wants it to.

        Most have the answer at once: the clock is set only for those that wait for something.
        """
        if self._types.flows:
            return await self._route.handler(call)
        handling = self._route.handler(call)
        try:
            awaited = handling.send(None)
        except StopIteration as done:
            reply: Reply[Any] = done.value
            return reply
        async with asyncio.timeout(self._desk.limits.handle_s):
            return await go_on(handling, awaited)

    async def _read(self, request: web.Request) -> bytes:
        """Read the body. Raises SlowClientError, NotJsonError, HTTPRequestEntityTooLarge."""
        if not request.can_read_body:
            return b""
        limit_s = self._desk.limits.read_s
        try:
            async with asyncio.timeout(limit_s):
                await _let_send(request)
                return await request.read()
        except TimeoutError as exc:
            raise SlowClientError(f"the body did not arrive within {limit_s:g} s") from exc
        except web.RequestPayloadError as exc:
            raise NotJsonError("the body is not coded as its head says: Content-Encoding, Transfer-Encoding") from exc

    def _shown(self, request: web.Request, reply: Reply[Any]) -> web.StreamResponse:
        """Encode what a reading handler gave, unless the client has it already."""
        value = reply.value
        if isinstance(value, Flow):
            return FlowResponse(value, self._route, reply)
        status = reply.status or self._route.status
        if status != HTTPStatus.OK or value is None:
            return encoded(self._route, reply)
        body = body_of(reply)
        tag = (value.etag if isinstance(value, Encoded) else "") or versions.etag_of(body)
        if versions.is_known(request, tag):
            known_by = {"ETag": versions.quoted(tag, compressed=False)}
            return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=known_by)
        headers = {**reply.headers, CONTENT_TYPE: reply.media or self._route.media}
        response = web.Response(body=body, headers=headers)
        response.headers[ETAG] = versions.quoted(tag, compressed=negotiate.compress(request, response))
        return response


@types.coroutine
def go_on(begun: Coroutine[Any, Any, R], awaited: Any) -> Generator[Any, Any, R]:
    """Go on with a coroutine that was begun, and now waits for something, as if it had been awaited all along."""
    while True:
        try:
            try:
                sent = yield awaited
            except BaseException as exc:  # noqa: BLE001 - a cancellation too belongs to the coroutine
                awaited = begun.throw(exc)
            else:
                awaited = begun.send(sent)
        except StopIteration as done:
            value: R = done.value
            return value


async def _let_send(request: web.Request) -> None:
    """Tell a client that waits for it that its body is wanted (RFC 9110 §10.1.1): only now is it known who it is."""
    if request.headers.get(EXPECT, "").lower() == "100-continue" and request.version == HttpVersion11:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # that was not yet the answer


def new_request_id(request: web.Request) -> str:
    """Take the id that the client gave the request, where it is a sane one, or make one."""
    given = request.headers.get(X_REQUEST_ID, "")
    return given if given and _SANE_ID.fullmatch(given) else f"{_THIS_PROCESS}{next(_COUNTER):08x}"


def encoded(route: Route, reply: Reply[Any]) -> web.Response:
    """Encode what a handler gave."""
    status, value = reply.status or route.status, reply.value
    if value is None:
        return web.Response(status=status, headers=reply.headers)
    match value:
        case Encoded():
            body = value.data
        case bytes():
            body = value
        case _:
            body = msgspec.json.encode(value)
    return web.Response(status=status, body=body, content_type=reply.media or route.media, headers=reply.headers)


class FlowResponse(web.StreamResponse):
    """A body that is made while it is sent."""

    def __init__(self, flow: Flow[Any], route: Route, reply: Reply[Any]) -> None:
        super().__init__(status=reply.status or route.status, headers=reply.headers)
        self.content_type = reply.media or route.media
        self._flow = flow

    async def send(self, request: web.Request, limit_s: float) -> None:
        """Send all of it; the client must take each piece within the limit. Raises TimeoutError."""
        async with asyncio.timeout(limit_s):
            await self.prepare(request)
        if request.method != "HEAD":  # RFC 9110 §9.3.2
            async for chunk in self._flow.chunks:
                async with asyncio.timeout(limit_s):
                    await self.write(chunk)
        async with asyncio.timeout(limit_s):
            await self.write_eof()
