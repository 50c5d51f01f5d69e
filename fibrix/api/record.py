"""What is kept of a request that is meant to change something: the attempt, and the answer that ended it."""

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec
from aiohttp import web
from msgspec.structs import replace

from fibrix.api.route import JSON, Encoded, Reply, Route
from fibrix.domain.access import Caller
from fibrix.domain.attempt import Attempt
from fibrix.domain.audit import shown
from fibrix.domain.ports.ledger import Answer, Closing
from fibrix.errors import InvalidError
from fibrix.runtime.scope import scope

IDEMPOTENCY_KEY: Final = "Idempotency-Key"
_KEY: Final = re.compile(r"[ -~]{1,255}")
_API: Final = "/api/v1/"


class _Known(msgspec.Struct, frozen=True):
    """What most things show."""

    id: str = ""


@dataclass(slots=True)
class Course:
    """How far a request has come. With no answer it was cut short, and `refusal` says by what."""

    attempt: Attempt
    on_record: bool
    begun: bool = False  # its handler was, or may have been, at work
    answer: Answer | None = None
    refusal: str = "it was given up on the way"
    after: bytes = b""

    def done(self, answer: Answer) -> None:
        """Take the good answer."""
        self.answer, self.refusal = answer, ""

    def refused(self, response: web.Response, why: str) -> None:
        """Take the answer that says no."""
        body = response.body if isinstance(response.body, bytes) else b""
        self.answer = Answer(status=response.status, headers={}, body=body, media=response.content_type)
        self.refusal = why

    def cut(self, why: str) -> None:
        """Take note why it ended without an answer of ours; what was done before stays done."""
        if self.answer is None:
            self.refusal = why

    def closing(self) -> Closing | None:
        """What is to be written of it; None: nothing."""
        if not self.on_record or not (self.begun or self.answer):
            return None
        return Closing(attempt=self.attempt, answer=self.answer, refusal=self.refusal, after=self.after)


def attempt_of(request: web.Request, caller: Caller, route: Route, subject: str, now: datetime) -> Attempt:
    """Take note of who asks for what, as soon as that is known."""
    entered = scope()
    return Attempt(
        id=secrets.token_hex(8),
        request=entered.request if entered else "",
        at=now,
        user=caller.user,
        user_name=caller.name,
        tenant=caller.tenant,
        key=caller.key,
        address=caller.address or request.remote or "",
        action=route.action,
        method=request.method,
        path=_sane(request.path),
        subject=_sane(subject.removeprefix(_API)),
    )


def keyed(attempt: Attempt, request: web.Request, data: bytes) -> Attempt:
    """Add the idempotency key, where there is one. Raises InvalidError."""
    key = request.headers.get(IDEMPOTENCY_KEY, "")
    if not key or request.method != "POST" or not attempt.user:
        return attempt
    if not _KEY.fullmatch(key):
        raise InvalidError(f"{IDEMPOTENCY_KEY}: write 1 to 255 printable characters of ASCII")
    return replace(attempt, idempotency_key=key, fingerprint=_fingerprint(request, data))


def looked_at(attempt: Attempt, before: bytes, *, confidential: bool) -> Attempt:
    """Add what the subject looks like, and its id in place of the name that it was asked for by."""
    name = _id_of(before)
    subject = f"{attempt.subject.rpartition('/')[0]}/{name}" if name and "/" in attempt.subject else attempt.subject
    return replace(attempt, subject=subject, before=b"" if confidential else shown(before).encode())


def created(attempt: Attempt, reply: Reply[Any]) -> Attempt:
    """Name as the subject what was made, where the answer says where that is; it was not there before."""
    place = reply.headers.get("Location", "").removeprefix(_API)
    return replace(attempt, subject=place, before=b"") if place.startswith(f"{attempt.subject}/") else attempt


def answer_of(route: Route, reply: Reply[Any]) -> Answer:
    """What a handler's reply looks like when it is sent."""
    media = "" if reply.value is None else reply.media or route.media
    return Answer(status=reply.status or route.status, headers=dict(reply.headers), body=body_of(reply), media=media)


def body_of(reply: Reply[Any]) -> bytes:
    """The body of an answer, as it is sent."""
    match reply.value:
        case None:
            return b""
        case Encoded(data=data) | (bytes() as data):
            return data
        case value:
            return msgspec.json.encode(value)


def json_of(answer: Answer) -> bytes:
    """The body of an answer where it is JSON, which is all that goes on record."""
    return answer.body if answer.media == JSON else b""


def response_of(answer: Answer) -> web.Response:
    """Make the response that an answer stands for."""
    typed = {"Content-Type": answer.media} if answer.media else {}
    return web.Response(status=answer.status, body=answer.body or None, headers=answer.headers | typed)


def _fingerprint(request: web.Request, data: bytes) -> str:
    """Tell requests apart: the same key must come with the same request."""
    parts = (request.method.encode(), _sane(request.path_qs).encode(), hashlib.sha256(data).digest())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _id_of(body: bytes) -> str:
    try:
        return msgspec.json.decode(body, type=_Known).id if body else ""
    except msgspec.DecodeError:
        return ""


def _sane(text: str) -> str:
    """Write what is no text (octets of a path that are not UTF-8) in a way that can be stored."""
    return text.encode(errors="backslashreplace").decode()
