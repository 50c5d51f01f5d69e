"""What the API says when it says no: problem details (RFC 9457), one kind for each error of the tree."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Final

import msgspec
from aiohttp import web

from fibrix.errors import (
    AnswerLostError,
    ConflictError,
    Fault,
    FibrixError,
    ForbiddenError,
    InvalidError,
    KeyReusedError,
    NotFoundError,
    PowerError,
    PreconditionError,
    QuotaError,
    StoreError,
    ThrottledError,
    UnauthorizedError,
    UnconditionalError,
    UnderWayError,
)

MEDIA_TYPE: Final = "application/problem+json"


class NotJsonError(InvalidError):
    """The body is not JSON at all."""


class SlowClientError(FibrixError):
    """A client took too long to send its request."""


class FaultView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that is wrong with the body."""

    detail: str
    pointer: str = ""  # to the fault in the body (RFC 6901)


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why a request was refused (RFC 9457 §3.1)."""

    type: str  # a path of this API that explains the kind
    title: str  # the kind, in a few words
    status: int  # HTTP's
    detail: str  # what is wrong with this request, and what to do
    pointer: str = ""  # to the first fault in the body (RFC 6901)
    faults: tuple[FaultView, ...] = ()  # all that is wrong with the body, where there is more than one thing


class Kind(msgspec.Struct, frozen=True):
    """A kind of problem."""

    name: str  # the last part of its `type`
    status: HTTPStatus
    title: str
    explanation: str


UNEXPECTED: Final = Kind(
    "unexpected", HTTPStatus.INTERNAL_SERVER_ERROR, "The controller failed", "A fault of Fibrix itself: see its log."
)

KINDS: Final[Mapping[type[FibrixError], Kind]] = {
    NotJsonError: Kind(
        "not-json",
        HTTPStatus.BAD_REQUEST,
        "The body is not JSON",
        "Send JSON in UTF-8 (RFC 8259).",
    ),
    SlowClientError: Kind(
        "too-slow",
        HTTPStatus.REQUEST_TIMEOUT,
        "The request came too slowly",
        "The whole body must arrive within the time limit.",
    ),
    InvalidError: Kind(
        "invalid",
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "A value cannot be",
        "The request is well formed, but a field is unknown, is missing, or has a value that cannot be.",
    ),
    NotFoundError: Kind(
        "not-found",
        HTTPStatus.NOT_FOUND,
        "No such thing",
        "The path, or something that the request names, is not there, or is not yours to see.",
    ),
    ConflictError: Kind(
        "conflict",
        HTTPStatus.CONFLICT,
        "It clashes with what is there",
        "A name, address or MAC is in use, or the machine's state does not allow the action.",
    ),
    QuotaError: Kind(
        "quota",
        HTTPStatus.CONFLICT,
        "The quota does not allow it",
        "The tenant would have more than its quota: release something, or ask for a larger quota.",
    ),
    KeyReusedError: Kind(
        "key-reused",
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "The Idempotency-Key stands for another request",
        "A key stands for one request of one user for a day: give each new request a key of its own.",
    ),
    UnderWayError: Kind(
        "under-way",
        HTTPStatus.CONFLICT,
        "The first request is under way",
        "A request with the same Idempotency-Key is not done yet: ask again after Retry-After.",
    ),
    AnswerLostError: Kind(
        "answer-lost",
        HTTPStatus.CONFLICT,
        "It was done, its answer is lost",
        "The request with this Idempotency-Key was carried out and will not be again: look at what it was about.",
    ),
    UnauthorizedError: Kind(
        "unauthorized",
        HTTPStatus.UNAUTHORIZED,
        "Nobody is logged in",
        "Send the header `Authorization: Bearer KEY` with an API key of this controller, or log in.",
    ),
    ForbiddenError: Kind(
        "forbidden",
        HTTPStatus.FORBIDDEN,
        "Not allowed",
        "The user's role, or the scopes of the API key, do not allow this.",
    ),
    PreconditionError: Kind(
        "changed-since",
        HTTPStatus.PRECONDITION_FAILED,
        "It was changed since you read it",
        "The ETag in If-Match is not the present one: read the thing again, look at what changed, and send it anew.",
    ),
    UnconditionalError: Kind(
        "if-match-needed",
        HTTPStatus.PRECONDITION_REQUIRED,
        "If-Match is needed",
        "Send the ETag that you read the thing with in If-Match, so that nobody else's change is lost; "
        "`If-Match: *` changes it whatever it is by now.",
    ),
    ThrottledError: Kind(
        "throttled",
        HTTPStatus.TOO_MANY_REQUESTS,
        "Too often",
        "It was tried too often: Retry-After says when it may be tried again.",
    ),
    PowerError: Kind(
        "power",
        HTTPStatus.BAD_GATEWAY,
        "The power supply did not do it",
        "The machine's BMC refused, answered nonsense or did not answer.",
    ),
    StoreError: Kind(
        "store",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The database is not available",
        "Nothing was changed. Try again later; the controller's log says what is wrong.",
    ),
}
"""The kind of each error; an error that is not here is `unexpected`."""

BY_NAME: Final = {kind.name: kind for kind in (*KINDS.values(), UNEXPECTED)}
"""All kinds by name."""


def kind_of(error: type[FibrixError]) -> Kind:
    """Find the kind of an error: its own, or that of the nearest base."""
    return next((KINDS[base] for base in error.__mro__ if base in KINDS), UNEXPECTED)


def of_error(error: FibrixError) -> web.Response:
    """Make the answer to a request that ended in an error."""
    kind = kind_of(type(error))
    faults = error.faults if isinstance(error, InvalidError) else ()
    response = answer(kind.status, kind.title, str(error), name=kind.name, faults=faults)
    if isinstance(error, UnauthorizedError):  # RFC 9110 §11.6.1: such an answer must name the scheme
        response.headers["WWW-Authenticate"] = 'Bearer realm="fibrix"'
    if isinstance(error, StoreError):
        response.headers["Retry-After"] = "5"
    if isinstance(error, ThrottledError | UnderWayError):
        response.headers["Retry-After"] = str(error.retry_after_s)
    if isinstance(error, SlowClientError):
        response.force_close()
    return response


def of_bug() -> web.Response:
    """Make the answer to a request that a fault of our own ended; the log has the traceback."""
    kind = UNEXPECTED
    return answer(kind.status, kind.title, "a fault of Fibrix itself: its log has more, by this request's id")


def of_http(error: web.HTTPException) -> web.Response:
    """Make the answer to a request that aiohttp itself refuses: no such path, another method, a body too large."""
    response = answer(HTTPStatus(error.status), error.reason, _advice(error))
    if isinstance(error, web.HTTPMethodNotAllowed):
        response.headers["Allow"] = ", ".join(sorted(error.allowed_methods))
    return response


def answer(
    status: HTTPStatus, title: str, detail: str, *, name: str = "", faults: Sequence[Fault] = ()
) -> web.Response:
    """Make a problem answer; without a name its type is `about:blank`: HTTP's status says it all (RFC 9457 §4.2.1)."""
    problem = Problem(
        type=f"/api/v1/problems/{name}" if name else "about:blank",
        title=title,
        status=status,
        detail=detail,
        pointer=faults[0].pointer if faults else "",
        faults=tuple(FaultView(detail=f.detail, pointer=f.pointer) for f in faults) if len(faults) > 1 else (),
    )
    return web.Response(status=status, body=msgspec.json.encode(problem), content_type=MEDIA_TYPE)


def _advice(error: web.HTTPException) -> str:
    """Say what to do about a refusal of aiohttp's."""
    match error:
        case web.HTTPMethodNotAllowed():
            return f"{error.method} is not for this path: use {', '.join(sorted(error.allowed_methods))}"
        case web.HTTPNotFound():
            return "there is no such path: /api/v1/openapi.json lists them all"
        case web.HTTPRequestEntityTooLarge():
            return f"the body is too large: {error.text}"
        case _:
            return error.text or error.reason
