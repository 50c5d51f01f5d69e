"""A request that is meant to change something: once only, for the version that was read, on record, or rehearsed."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec
from aiohttp import web

from fibrix.api import problems, record, versions
from fibrix.api.preview import Preview, preview
from fibrix.api.record import IDEMPOTENCY_KEY, Course, body_of, response_of
from fibrix.api.route import JSON, Call, Nothing, Reply, Route
from fibrix.api.router import NAMES
from fibrix.domain.access import Caller
from fibrix.domain.ports.ledger import Ledger
from fibrix.errors import FibrixError, NotFoundError
from fibrix.runtime.scope import Rehearsal, Scope, scope, within

REPLAYED: Final = "Idempotency-Replayed"

__all__ = ["IDEMPOTENCY_KEY", "REPLAYED", "Asked", "Change", "ChangePorts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePorts:
    """What changes are put on record by."""

    ledger: Ledger
    now: Callable[[], datetime]
    handle_s: float  # so long a handler may take


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that may be made, decoded."""

    call: Call[Any, Any]
    data: bytes  # the body as it came
    rehearse: bool


class Change:
    """Carries out the requests of one changing route."""

    def __init__(self, route: Route, mirror: Route | None, ports: ChangePorts) -> None:
        self._route = route
        self._mirror = mirror
        self._ports = ports
        self._same_path = mirror is not None and mirror.path == route.path
        self._name = mirror.path.rpartition("{")[2].removesuffix("}") if mirror else ""  # of what is changed, in paths
        self._turn = asyncio.Lock()  # between the look at If-Match and the change nobody else changes it by this route

    async def serve(
        self, request: web.Request, caller: Caller, prepare: Callable[[], Awaitable[Asked]]
    ) -> web.Response:
        """Serve one request of a known caller, and put on record what came of it, whatever that is.

        `prepare` checks and decodes it. Raises FibrixError, HTTPException, TimeoutError. What nobody asked for by name
        (a login) and what is only rehearsed is not on record.
        """
        subject = self._mirror.path if self._mirror else self._route.path
        attempt = record.attempt_of(request, caller, self._route, subject.format(**request[NAMES]), self._ports.now())
        course = Course(attempt, on_record=bool(caller.user) and request.query.get("dry_run") != "true")
        try:
            return await self._run(request, await prepare(), course)
        except FibrixError as exc:
            course.refused(problems.of_error(exc), str(exc))
            raise
        except web.HTTPException as exc:
            course.refused(problems.of_http(exc), exc.text or exc.reason)
            raise
        except TimeoutError:
            course.cut("it took too long")
            raise
        except Exception as exc:
            course.cut(f"a fault of Fibrix: {type(exc).__name__}")
            raise
        finally:
            await self._close(course)

    async def _run(self, request: web.Request, asked: Asked, course: Course) -> web.Response:
        """Answer as before, or rehearse it, or do it."""
        async with asyncio.timeout(self._ports.handle_s):
            keyed = record.keyed(course.attempt, request, asked.data)
            if asked.rehearse:
                await self._look(request, asked.call)
                return await self._rehearsed(asked.call)
            course.attempt = keyed
            if (earlier := await self._ports.ledger.earlier(course.attempt)) is not None:
                course.on_record = False
                response = response_of(earlier)
                response.headers[REPLAYED] = "true"
                return response
            course.begun = True
            async with self._turn if self._same_path else nullcontext():
                reply = await self._done(request, asked.call, course)
            answer = record.answer_of(self._route, reply)
            course.done(answer)
            looked_at, course.attempt = course.attempt, record.created(course.attempt, reply)
            if not self._route.confidential:
                course.after = record.json_of(answer)
                if course.attempt is looked_at:
                    course.after = await self._seen(asked.call, looked_at.subject) or course.after
            return response_of(answer)

    async def _done(self, request: web.Request, call: Call[Any, Any], course: Course) -> Reply[Any]:
        """Do it, if it is still what the client wants to change."""
        before = await self._look(request, call)
        course.attempt = record.looked_at(course.attempt, before, confidential=self._route.confidential)
        if self._route.outward:
            await self._ports.ledger.begin(course.attempt)
        entered = scope()
        if entered is not None and course.on_record:
            entered.attempt = course.attempt
        return await self._route.handler(call)

    async def _close(self, course: Course) -> None:
        """Write how it ended; what the request may still set off is no longer its own."""
        if (entered := scope()) is not None:
            entered.attempt = None
        if (closing := course.closing()) is not None:
            await asyncio.shield(self._ports.ledger.close(closing))

    async def _rehearsed(self, call: Call[Any, Any]) -> web.Response:
        """Do it, undo it, and tell what it would have been."""
        played = Rehearsal()
        entered = scope()
        with within(Scope(request=entered.request if entered else "", caller=call.caller, rehearsal=played)):
            await self._route.handler(call)
        told: Preview = preview(played)
        return web.Response(body=msgspec.json.encode(told), content_type=JSON)

    async def _look(self, request: web.Request, call: Call[Any, Any]) -> bytes:
        """Show what is to be changed. Raises PreconditionError, UnconditionalError."""
        before = await self._mirrored(call)
        if before and versions.wants_check(request):  # what is not there is the handler's to say
            versions.check_match(request, versions.etag_of(before))
        return before

    async def _seen(self, call: Call[Any, Any], subject: str) -> bytes:
        """Show what has been changed, which may have another name by now; that it cannot be shown does not undo it."""
        path = {**call.path, self._name: subject.rpartition("/")[2]} if self._name else call.path
        try:
            return await self._mirrored(msgspec.structs.replace(call, path=path))
        except FibrixError:
            return b""

    async def _mirrored(self, call: Call[Any, Any]) -> bytes:
        """Show the subject as the API does; empty: it is not there."""
        if self._mirror is None:
            return b""
        kind = self._mirror.types.query
        query = call.query if isinstance(call.query, kind) else kind()  # it may say whose thing it is
        shown: Call[Any, Any] = Call(call.path, query, Nothing(), call.caller)
        try:
            reply = await self._mirror.handler(shown)
        except NotFoundError:
            return b""
        return body_of(reply)
