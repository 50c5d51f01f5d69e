"""A request that is meant to change something: once only, for the version that was read, on record, or rehearsed."""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec
from aiohttp import web

from fibrix.api import versions
from fibrix.api.preview import Preview, preview
from fibrix.api.route import JSON, Call, Encoded, Nothing, Reply, Route
from fibrix.domain.attempt import Attempt
from fibrix.domain.ports.ledger import Answer, Ledger
from fibrix.errors import FibrixError, InvalidError, NotFoundError
from fibrix.runtime.scope import Rehearsal, Scope, scope, within

IDEMPOTENCY_KEY: Final = "Idempotency-Key"
REPLAYED: Final = "Idempotency-Replayed"
_KEY_CHARACTERS: Final = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePorts:
    """What changes are put on record by."""

    ledger: Ledger
    now: Callable[[], datetime]


class Change:
    """Carries out the requests of one changing route."""

    def __init__(self, route: Route, mirror: Route | None, ports: ChangePorts) -> None:
        self._route = route
        self._mirror = mirror
        self._ports = ports
        self._same_path = mirror is not None and mirror.path == route.path
        self._turn = asyncio.Lock()  # between the look at If-Match and the change nobody else changes it by this route

    async def carry_out(
        self, request: web.Request, call: Call[Any, Any], data: bytes, *, rehearse: bool
    ) -> web.Response:
        """Serve one request. Raises FibrixError."""
        if not self._same_path:
            return await self._looked(request, call, data, rehearse=rehearse)
        async with self._turn:
            return await self._looked(request, call, data, rehearse=rehearse)

    async def _looked(self, request: web.Request, call: Call[Any, Any], data: bytes, *, rehearse: bool) -> web.Response:
        """Look at what is to be changed, then go on."""
        before = await self._mirrored(call)
        if before and versions.wants_check(request):  # what is not there is the handler's to say
            versions.check_match(request, versions.etag_of(before))
        if rehearse:
            return await self._rehearsed(call)
        attempt = self._attempt(request, call, data, before)
        if attempt.idempotency_key and (earlier := self._ports.ledger.earlier(attempt)) is not None:
            response = _response(earlier)
            response.headers[REPLAYED] = "true"
            return response
        return await self._recorded(call, attempt)

    async def _recorded(self, call: Call[Any, Any], attempt: Attempt) -> web.Response:
        """Do it, and put on record what came of it, whatever that is."""
        refusal, after = "it was given up on the way", b""
        answer: Answer | None = None
        entered = scope()
        try:
            if entered is not None:
                entered.attempt = attempt
            reply = await self._route.handler(call)
            done = answer = self._answer(reply)
            after = b"" if self._route.confidential else await self._mirrored(call) or done.body
            refusal = ""
        except FibrixError as exc:
            refusal = str(exc)
            raise
        except Exception as exc:
            refusal = f"a fault of Fibrix: {type(exc).__name__}"
            raise
        finally:
            await asyncio.shield(self._ports.ledger.close(attempt, answer, after=after, refusal=refusal))
        return _response(done)

    async def _rehearsed(self, call: Call[Any, Any]) -> web.Response:
        """Do it, undo it, and tell what it would have been."""
        played = Rehearsal()
        entered = scope()
        with within(Scope(request=entered.request if entered else "", caller=call.caller, rehearsal=played)):
            await self._route.handler(call)
        told: Preview = preview(played)
        return web.Response(body=msgspec.json.encode(told), content_type=JSON)

    async def _mirrored(self, call: Call[Any, Any]) -> bytes:
        """Show what is to be changed; empty: it is not there."""
        if self._mirror is None:
            return b""
        shown: Call[Any, Any] = Call(call.path, self._mirror.types.query(), Nothing(), call.caller)
        try:
            reply = await self._mirror.handler(shown)
        except NotFoundError:
            return b""
        return body_of(reply)

    def _answer(self, reply: Reply[Any]) -> Answer:
        media = "" if reply.value is None else reply.media or self._route.media
        return Answer(
            status=reply.status or self._route.status, headers=dict(reply.headers), body=body_of(reply), media=media
        )

    def _attempt(self, request: web.Request, call: Call[Any, Any], data: bytes, before: bytes) -> Attempt:
        caller, entered = call.caller, scope()
        key = request.headers.get(IDEMPOTENCY_KEY, "") if request.method == "POST" else ""
        if len(key) > _KEY_CHARACTERS or not key.isprintable():
            raise InvalidError(f"{IDEMPOTENCY_KEY} may have {_KEY_CHARACTERS} printable characters at most")
        subject = self._mirror.path if self._mirror else self._route.path
        return Attempt(
            request=entered.request if entered else "",
            at=self._ports.now(),
            user=caller.user,
            user_name=caller.name,
            tenant=caller.tenant,
            key=caller.key,
            address=caller.address or request.remote or "",
            action=self._route.action,
            method=request.method,
            path=request.path,
            subject=subject.format(**call.path).removeprefix("/api/v1/"),
            before=b"" if self._route.confidential else before,
            idempotency_key=key,
            fingerprint=_fingerprint(request, data) if key else "",
        )


def body_of(reply: Reply[Any]) -> bytes:
    """The body of an answer, as it is sent."""
    match reply.value:
        case None:
            return b""
        case Encoded(data=data) | (bytes() as data):
            return data
        case value:
            return msgspec.json.encode(value)


def _fingerprint(request: web.Request, data: bytes) -> str:
    """Tell requests apart: the same key must come with the same request."""
    parts = (request.method.encode(), request.path_qs.encode(), hashlib.sha256(data).digest())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _response(answer: Answer) -> web.Response:
    typed = {"Content-Type": answer.media} if answer.media else {}
    return web.Response(status=answer.status, body=answer.body or None, headers=answer.headers | typed)
