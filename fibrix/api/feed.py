"""One subscriber's walk through the journal: what the stream and the list of events have in common."""

import asyncio
from contextlib import suppress
from typing import Final

import msgspec

from fibrix.domain.ports.journal import Journal

_PREFIX: Final = "fibrix."


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """Which events a subscriber wants. Types are exact, or a prefix that ends in a dot."""

    types: tuple[str, ...] = ()
    subject: str = ""

    @classmethod
    def of(cls, types: str, subject: str) -> "Selection":
        """Read the query: `fibrix.machine.deployed,machine.*`, with or without the prefix and the star."""
        wanted = (word.strip().removeprefix(_PREFIX).removesuffix("*") for word in types.split(","))
        return cls(types=tuple(word for word in wanted if word), subject=subject.lstrip("/"))


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """The message that stands for events that are no longer kept: CloudEvents JSON, but not of the journal."""

    class Data(msgspec.Struct, frozen=True):
        """Where the journal begins now."""

        oldest: int

    specversion: str = "1.0"
    id: str
    source: str = "/fibrix"
    type: str = "fibrix.gap"
    datacontenttype: str = "application/json"
    data: Data


class Feed:
    """Gives the journal's messages after a position, each once and in order, or an explicit gap."""

    def __init__(self, journal: Journal, position: int, selection: Selection) -> None:
        self.position = position  # all up to here was given, or was not wanted
        self._journal = journal
        self._selection = selection

    async def page(self, limit: int) -> list[bytes]:
        """Give the next messages, none if there are none yet. Raises StoreError."""
        gap = self._gap()
        head = self._journal.head  # read before the entries: what comes after it is for the next page
        entries = await self._journal.since(
            self.position, limit=limit, types=self._selection.types, subject=self._selection.subject
        )
        last = entries[-1].seq if entries else self.position
        self.position = last if len(entries) >= limit else max(last, head, self.position)
        return [*gap, *(entry.cloudevent() for entry in entries)]

    async def page_within(self, limit: int, wait_s: float) -> list[bytes]:
        """Give the next messages, waiting up to `wait_s` for the first. Raises StoreError."""
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

    def _gap(self) -> list[bytes]:
        """Skip what is not kept, and say so. A position ahead of the journal is of another journal: begin anew."""
        oldest = max(self._journal.oldest, 1)
        if oldest - 1 <= self.position <= self._journal.head:
            return []
        gap = Gap(id=f"gap-{self.position}-{oldest}", data=Gap.Data(oldest))
        self.position = oldest - 1
        return [msgspec.json.encode(gap)]
