"""/api/v1/audit: who did what, to what, and what came of it. Nothing here changes a record."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec

from fibrix.api.listing import Page, PageLimit, PageQuery, link
from fibrix.api.route import Call, Flow, Nothing, Reply, Route
from fibrix.domain.access import Permission
from fibrix.domain.audit import AuditRecord, Result, Verdict, timestamp
from fibrix.domain.ports.audit import Audit, Wanted
from fibrix.errors import InvalidError, NotFoundError, StoreError

BASE = "/api/v1/audit"
JSON_LINES: Final = "application/jsonl"

_SEQ_DIGITS: Final = 18  # what SQLite's numbers hold in any case

Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class AuditSpan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which part of the chain: from the first record that fits to the last one, and all between them."""

    after: Annotated[int, msgspec.Meta(ge=0, lt=10**_SEQ_DIGITS)] = 0  # the number of the last one that you have
    since: Moment | None = None
    until: Moment | None = None  # this moment is not in it


class AuditQuery(PageQuery, frozen=True, forbid_unknown_fields=True):
    """Which records; a parameter that is left out does not matter."""

    limit: PageLimit = 100
    sort: Literal["-seq", "seq"] = "-seq"  # newest first, oldest first
    user: str = ""  # an id or a name
    action: str = ""  # an operation's id, as `machines_deploy`, or its beginning up to a `_`
    subject: str = ""  # as `machines/m0123456789`, or its beginning up to a `/`
    request: str = ""  # a request's id
    result: Result | None = None
    since: Moment | None = None
    until: Moment | None = None  # this moment is not in it


class AuditRoutes:
    """The audit."""

    def __init__(self, audit: Audit) -> None:
        self._audit = audit

    def routes(self) -> list[Route]:
        """The part of the route table."""
        broken, may = (StoreError,), Permission.AUDIT
        export = "Give the records as JSON lines, oldest first, to keep or to verify elsewhere"
        return [
            Route("GET", BASE, self.listing, may, "List who did what", broken),
            Route("GET", f"{BASE}/export", self.export, may, export, broken, media=JSON_LINES),
            Route("GET", f"{BASE}/verify", self.verify, may, "Walk along the whole chain of records", broken),
            Route("GET", f"{BASE}/{{seq}}", self.get, may, "Show a record", (NotFoundError, *broken)),
        ]

    async def listing(self, call: Call[Nothing, AuditQuery]) -> Reply[Page[AuditRecord]]:
        """Page by page; a cursor stays good for ever, as records do."""
        query = call.query
        wanted = Wanted(
            user=query.user,
            action=query.action,
            subject=query.subject,
            request=query.request,
            result=query.result,
            since=_text(query.since),
            until=_text(query.until),
        )
        found = await self._audit.page(
            wanted, after=_cursor(query.after), limit=query.limit + 1, newest_first=query.sort == "-seq"
        )
        items = found[: query.limit]
        cursor = str(items[-1].seq) if len(found) > query.limit else ""
        return Reply(Page(items=items, next=cursor), headers=link(query, cursor))

    async def get(self, call: Call[Nothing, Nothing]) -> Reply[AuditRecord]:
        """One of them."""
        seq = call.path["seq"]
        if not _is_number(seq):
            raise NotFoundError(f"there is no record {seq!r} of the audit: they are numbered from 1")
        return Reply(await self._audit.get(int(seq)))

    async def export(self, call: Call[Nothing, AuditSpan]) -> Reply[Flow[bytes]]:
        """Without holes, so that the chain can be followed; records that come meanwhile are not in it."""
        query = call.query
        return Reply(Flow(self._audit.lines(query.after, _text(query.since), _text(query.until))))

    async def verify(self, call: Call[Nothing, Nothing]) -> Reply[Flow[Verdict]]:  # noqa: ARG002
        """It takes about a second for 20,000 records; until the verdict comes there is white space."""
        return Reply(Flow(self._verdict()))

    async def _verdict(self) -> AsyncIterator[bytes]:
        so_far: list[Verdict] = []
        async for verdict in self._audit.verify():
            so_far = [verdict]
            yield b"\n"
        yield msgspec.json.encode(so_far[0])


def _text(moment: datetime | None) -> str:
    return timestamp(moment) if moment else ""


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= _SEQ_DIGITS


def _cursor(text: str) -> int:
    """Read the place in the list. Raises InvalidError."""
    if text and not _is_number(text):
        raise InvalidError("query parameter after: give the `next` of the page before, as it is", pointer="/after")
    return int(text or "0")
