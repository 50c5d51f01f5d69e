"""Reading what a machine sent: bounded in size and time, checked, and refused with the place of the fault."""

import asyncio
import re
from http import HTTPStatus
from typing import Final, TypeVar

import msgspec
from aiohttp import web

from fibrix.api.machine_facing.problem import ProblemError
from fibrix.errors import InvalidError, UnauthorizedError

BODY_S: Final = 30.0
"""A body must have come whole by then."""

_BEARER: Final = re.compile(r"bearer +([A-Za-z0-9._~+/=-]{1,256})", re.IGNORECASE)  # RFC 6750 §2.1, b64token
_JSON_PATH: Final = re.compile(r" - at `\$(.*)`$")
_PATH_STEP: Final = re.compile(r"\.([^.\[]+)|\[(\d+|\.\.\.)\]")

T = TypeVar("T")


async def read(request: web.Request, *, limit: int) -> bytes:
    """The body, of at most `limit` bytes. Raises ProblemError: 413 too large, 408 too slow."""
    if (request.content_length or 0) > limit:
        raise _too_large(limit)
    data = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            async for chunk in request.content.iter_any():
                data += chunk
                if len(data) > limit:
                    raise _too_large(limit)
    except TimeoutError as exc:
        raise ProblemError(HTTPStatus.REQUEST_TIMEOUT, f"the body was not whole after {BODY_S:g} s") from exc
    return bytes(data)


async def read_json(request: web.Request, kind: type[T], *, limit: int) -> T:
    """The body as a value. Raises ProblemError (400: it is no JSON), InvalidError with a pointer to what is wrong."""
    data = await read(request, limit=limit)
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.ValidationError as exc:
        raise InvalidError(str(exc), pointer=_pointer(str(exc))) from exc
    except msgspec.DecodeError as exc:
        raise ProblemError(HTTPStatus.BAD_REQUEST, f"the body is no JSON: {exc}") from exc


def bearer(request: web.Request) -> str:
    """The token of the Authorization header. Raises UnauthorizedError, which never repeats what was sent."""
    match = _BEARER.fullmatch(request.headers.get("Authorization", "").strip())
    if not match:
        raise UnauthorizedError("Authorization: Bearer and a token are needed")
    return match[1]


def query_count(request: web.Request, name: str) -> int:
    """A query parameter that counts something. Raises InvalidError."""
    text = request.query.get(name, "")
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(2**63))):
        raise InvalidError(f"?{name}= must be a number from 0 on, and is {text[:40]!r}")
    return int(text)


def _too_large(limit: int) -> ProblemError:
    return ProblemError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body is larger than {limit} bytes")


def _pointer(message: str) -> str:
    """The JSON pointer of msgspec's `$.a.b[0]`."""
    match = _JSON_PATH.search(message)
    return "".join(f"/{key or index}" for key, index in _PATH_STEP.findall(match[1])) if match else ""
