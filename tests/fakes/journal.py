"""A journal in memory."""

import asyncio
from collections.abc import Sequence

import msgspec


class FakeEntry(msgspec.Struct, frozen=True):
    """An event as simple as can be."""

    seq: int
    type: str
    subject: str = ""
    data: dict[str, object] = {}

    def cloudevent(self) -> bytes:
        """The attributes that CloudEvents asks for, and the event's own."""
        event: dict[str, object] = {
            "specversion": "1.0",
            "id": str(self.seq),
            "source": "/fibrix",
            "type": f"fibrix.{self.type}",
            "time": "2026-01-02T03:04:05Z",
            "data": self.data,
        }
        return msgspec.json.encode(event | ({"subject": self.subject} if self.subject else {}))


class FakeJournal:
    """A list and a wake-up."""

    def __init__(self) -> None:
        self.head = 0
        self.oldest = 1
        self._entries: list[FakeEntry] = []
        self._grown = asyncio.Event()

    def append(self, kind: str, subject: str = "", **data: object) -> None:
        """Let something happen."""
        self.head += 1
        self._entries.append(FakeEntry(self.head, kind, subject, data))
        self._grown.set()
        self._grown = asyncio.Event()

    def forget_before(self, oldest: int) -> None:
        """Keep only what is at `oldest` or newer."""
        self._entries = [entry for entry in self._entries if entry.seq >= oldest]
        self.oldest = oldest

    async def since(self, seq: int, *, limit: int, types: Sequence[str] = (), subject: str = "") -> list[FakeEntry]:
        """As the port says."""
        return [
            entry
            for entry in self._entries
            if entry.seq > seq
            and (not subject or entry.subject == subject)
            and (not types or any(entry.type == t or (t[-1] == "." and entry.type.startswith(t)) for t in types))
        ][:limit]

    async def changed(self, after: int) -> int:
        """As the port says."""
        while self.head <= after:
            await self._grown.wait()
        return self.head
