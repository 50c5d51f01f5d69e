"""Who calls: an API key, shown as a bearer token (RFC 6750 §2.1), or the cookie of a browser's session."""

import hmac
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.hdrs import AUTHORIZATION

from fibrix.api.route import READING
from fibrix.domain.access import Caller, Permission
from fibrix.domain.ports.gate import Gate
from fibrix.errors import ForbiddenError, UnauthorizedError

COOKIE: Final = "fibrix_session"
CSRF_HEADER: Final = "X-CSRF-Token"


def caller_of(request: web.Request, gate: Gate, may: Permission) -> Caller:
    """Find out who calls, and that they may. Raises UnauthorizedError, ForbiddenError."""
    caller = known(request, gate, may)
    check(request, gate, caller, may)
    return caller


def known(request: web.Request, gate: Gate, may: Permission) -> Caller:
    """Find the caller by what they show; on a public route it is nobody. Raises UnauthorizedError."""
    if may is Permission.PUBLIC:
        return Caller(address=request.remote or "")
    header = request.headers.get(AUTHORIZATION, "")
    if header:
        scheme, _, key = header.strip().partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            raise UnauthorizedError("this needs an API key: send the header `Authorization: Bearer KEY`")
        return gate.by_key(key.strip(), request.remote or "")
    cookie = request.cookies.get(COOKIE, "")
    if not cookie:
        raise UnauthorizedError("this needs an API key: send the header `Authorization: Bearer KEY`")
    return gate.by_cookie(cookie, request.remote or "")


def check(request: web.Request, gate: Gate, caller: Caller, may: Permission) -> None:
    """Refuse a caller who may not, or a browser that another site's page made ask. Raises ForbiddenError."""
    by_browser = bool(caller.session) or may is Permission.PUBLIC
    if by_browser and (request.method not in READING or request.headers.get("Upgrade")):
        _check_origin(request)
    if caller.session and request.method not in READING:
        _check_token(request, gate.csrf(caller))
    if may not in caller.may:
        raise ForbiddenError(_refusal(caller, may))


def _check_origin(request: web.Request) -> None:
    """Refuse what another site's page makes a browser send along with our cookie. Raises ForbiddenError."""
    origin = request.headers.get("Origin")
    if origin is not None and _host_of(origin) != request.host:
        raise ForbiddenError(f"a page of {origin} may not act for a browser that is logged in here")


def _host_of(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""  # no browser sends such a thing


def _check_token(request: web.Request, token: str) -> None:
    """Ask for what only our own pages can read. Raises ForbiddenError."""
    shown = request.headers.get(CSRF_HEADER, "").encode(errors="surrogateescape")
    if not hmac.compare_digest(shown, token.encode()):
        raise ForbiddenError(f"a changing request of a browser's session needs the header {CSRF_HEADER}: see /session")


def _refusal(caller: Caller, may: Permission) -> str:
    """Say why a caller may not."""
    role = caller.role.value if caller.role else "nobody"
    narrowed = " with this API key's scopes" if caller.key else ""
    return f"this needs the permission {may.value!r}, which {caller.name} ({role}) does not have{narrowed}"
