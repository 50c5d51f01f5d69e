"""Errors as problem+json (RFC 9457). Nothing in them repeats a secret."""

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Final

import msgspec
import structlog
from aiohttp import web

from fibrix.errors import (
    ConflictError,
    FibrixError,
    InvalidError,
    NotFoundError,
    StoreError,
    UnauthorizedError,
)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

STATUS: Final[Mapping[type[FibrixError], HTTPStatus]] = {
    InvalidError: HTTPStatus.UNPROCESSABLE_ENTITY,
    NotFoundError: HTTPStatus.NOT_FOUND,
    ConflictError: HTTPStatus.CONFLICT,
    UnauthorizedError: HTTPStatus.UNAUTHORIZED,
    StoreError: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""Status by error. Any other is the controller's own trouble, 500: an agent asks again."""

_HEADERS: Final[Mapping[HTTPStatus, Mapping[str, str]]] = {
    HTTPStatus.UNAUTHORIZED: {"WWW-Authenticate": "Bearer"},
    HTTPStatus.SERVICE_UNAVAILABLE: {"Retry-After": "2"},
}

log = structlog.get_logger()


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The body of an error (RFC 9457 §3.1)."""

    title: str
    status: int
    detail: str
    pointer: str = ""  # RFC 6901: which value of the body is wrong


class ProblemError(FibrixError):
    """A request that HTTP itself has a status for: too large, too slow, no JSON."""

    def __init__(self, status: HTTPStatus, detail: str) -> None:
        self.status = status
        super().__init__(detail)


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer errors in problem+json, and let each connection carry one request (see `guard`)."""
    try:
        response = await handler(request)
    except web.HTTPException as exc:
        response = _answer(HTTPStatus(exc.status), exc.reason)
    except FibrixError as exc:
        response = _refusal(request, exc)
    response.force_close()
    return response


def _refusal(request: web.Request, exc: FibrixError) -> web.Response:
    status = exc.status if isinstance(exc, ProblemError) else _status_of(exc)
    level = log.warning if status >= HTTPStatus.INTERNAL_SERVER_ERROR else log.info
    # The route's name, never the path: a metadata URL holds its secret.
    level(
        "machine_request.refused",
        route=request.match_info.route.name,
        address=request.remote,
        status=int(status),
        reason=str(exc),
    )
    return _answer(status, str(exc), exc.pointer if isinstance(exc, InvalidError) else "")


def _status_of(exc: FibrixError) -> HTTPStatus:
    kinds = (STATUS[kind] for kind in type(exc).__mro__ if kind in STATUS)
    return next(kinds, HTTPStatus.INTERNAL_SERVER_ERROR)


def _answer(status: HTTPStatus, detail: str, pointer: str = "") -> web.Response:
    problem = Problem(title=status.phrase, status=int(status), detail=detail, pointer=pointer)
    return web.Response(
        status=status,
        body=msgspec.json.encode(problem),
        content_type="application/problem+json",
        headers=_HEADERS.get(status),
    )
