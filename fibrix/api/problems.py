"""What the API says when it says no: problem details (RFC 9457), one kind for each error of the tree."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

import msgspec
from aiohttp import web

from fibrix.errors import (
    ConflictError,
    FibrixError,
    InvalidError,
    NotFoundError,
    PowerError,
    StoreError,
    UnauthorizedError,
)

MEDIA_TYPE: Final = "application/problem+json"


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why a request was refused (RFC 9457 §3.1)."""

    type: str  # a path of this API that explains the kind
    title: str  # the kind, in a few words
    status: int  # HTTP's
    detail: str  # what is wrong with this request, and what to do
    pointer: str = ""  # to the fault in the body (RFC 6901)


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
        "The path, or something that the request names, is not there.",
    ),
    ConflictError: Kind(
        "conflict",
        HTTPStatus.CONFLICT,
        "It clashes with what is there",
        "A name, address or MAC is in use, or the machine's state does not allow the action.",
    ),
    UnauthorizedError: Kind(
        "unauthorized",
        HTTPStatus.UNAUTHORIZED,
        "No valid API key",
        "Send the header `Authorization: Bearer KEY` with a key of this controller.",
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


def of_error(error: FibrixError) -> web.Response:
    """Make the answer to a request that ended in an error."""
    kind = next((KINDS[base] for base in type(error).__mro__ if base in KINDS), UNEXPECTED)
    pointer = error.pointer if isinstance(error, InvalidError) else ""
    response = answer(kind.status, kind.title, str(error), name=kind.name, pointer=pointer)
    if kind.status is HTTPStatus.UNAUTHORIZED:  # RFC 9110 §11.6.1: such an answer must name the scheme
        response.headers["WWW-Authenticate"] = 'Bearer realm="fibrix"'
    if kind.status is HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers["Retry-After"] = "5"
    return response


def of_http(error: web.HTTPException) -> web.Response:
    """Make the answer to a request that aiohttp itself refuses: no such path, another method, a body too large."""
    response = answer(HTTPStatus(error.status), error.reason, _advice(error))
    if isinstance(error, web.HTTPMethodNotAllowed):
        response.headers["Allow"] = ", ".join(sorted(error.allowed_methods))
    return response


def answer(status: HTTPStatus, title: str, detail: str, *, name: str = "", pointer: str = "") -> web.Response:
    """Make a problem answer; without a name its type is `about:blank`: HTTP's status says it all (RFC 9457 §4.2.1)."""
    kind = f"/api/v1/problems/{name}" if name else "about:blank"
    problem = Problem(type=kind, title=title, status=status, detail=detail, pointer=pointer)
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
