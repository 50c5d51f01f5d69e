"""One subscriber's walk through the journal: what the stream and the list of events have in common."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import msgspec

from fibrix.domain.access import Caller, Permission
from fibrix.domain.ports.gate import Gate
from fibrix.domain.ports.journal import Journal, JournalEntry
from fibrix.domain.selection import Selection
from fibrix.errors import FibrixError, ForbiddenError, UnauthorizedError

_OVER: Final = "the API key, session or user is no longer let in"
_MAY_NOT: Final = "the user or the API key may no longer read events"


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """A message that is not of the journal: CloudEvents JSON like the others, but its `id` is no number."""

    specversion: str = "1.0"
    id: str
    source: str = "/fibrix"
    type: str
    datacontenttype: str = "application/json"
    data: dict[str, int]


def gap(position: int, oldest: int) -> bytes:
    """Make the message that stands for events that are no longer kept."""
    notice = Notice(id=f"gap-{position}-{oldest}", type="fibrix.gap", data={"oldest": oldest})
    return msgspec.json.encode(notice)


def heartbeat(position: int, number: int) -> bytes:
    """Make the message that says: nothing more up to this position."""
    notice = Notice(id=f"heartbeat-{position}-{number}", type="fibrix.heartbeat", data={"position": position})
    return msgspec.json.encode(notice)


class Reader:
    """Who reads, and what they want of what they may see. It is looked at anew for each batch of events."""

    def __init__(self, gate: Gate, caller: Caller, wanted: Selection) -> None:
        self._gate = gate
        self._caller = caller
        self._known: Caller | None = None
        self.wanted = wanted  # as of the last look

    def look(self) -> Selection:
        """What to give as of now. Raises UnauthorizedError, ForbiddenError: nothing any more."""
        current = self._gate.current(self._caller)
        if current is None:
            raise UnauthorizedError(_OVER)
        if current is not self._known and current != self._known:
            if Permission.READ not in current.may:
                raise ForbiddenError(_MAY_NOT)
            self._known, self.wanted = current, self.wanted.seen_by(current)
        return self.wanted

    def refusal(self) -> FibrixError | None:
        """Why there is nothing any more; None: go on."""
        try:
            self.look()
        except (UnauthorizedError, ForbiddenError) as exc:
            return exc
        return None


class Feed:
    """Gives the journal's messages after a position, each once and in order, or an explicit gap."""

    def __init__(self, journal: Journal, position: int, reader: Reader) -> None:
        self.position = position  # all up to here was given, or was not wanted
        self.reader = reader
        self._journal = journal

    async def page(self, limit: int) -> list[bytes]:
        """Give the next messages, none if there are none yet. Raises StoreError, UnauthorizedError, ForbiddenError."""
        told, entries = await self.entries(limit)
        return [*([told] if told else []), *(entry.cloudevent() for entry in entries)]

    async def entries(self, limit: int) -> tuple[bytes, Sequence[JournalEntry]]:
        """Give the next entries, and the gap before them if there is one. Raises as `page`."""
        while True:
            start, told = self._start()
            head = self._journal.head  # read before the entries: what comes after it is for the next page
            wanted = self.reader.look()
            entries = await self._journal.since(start, limit=limit, wanted=wanted)
            if start + 1 < self._journal.oldest or self.reader.look() != wanted:
                continue  # forgotten while they were read, or no longer theirs to see
            last = entries[-1].seq if entries else start
            self.position = last if len(entries) >= limit else max(last, head)
            return told, entries

    async def page_within(self, limit: int, wait_s: float) -> list[bytes]:
        """Give the next messages, waiting up to `wait_s` for the first. Raises as `page`."""
        messages = await self.page(limit)
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                while not messages:
                    await self.changed()
                    messages = await self.page(limit)
        return messages

    async def changed(self) -> None:
        """Wait until the journal has more."""
        await self._journal.changed(self.position)

    def _start(self) -> tuple[int, bytes]:
        """Skip what is not kept, and say so. A position ahead of the journal is of another journal: begin anew."""
        oldest = max(self._journal.oldest, 1)
        if oldest - 1 <= self.position <= self._journal.head:
            return self.position, b""
        return oldest - 1, gap(self.position, oldest)
