"""What the API asks of the journal: events after a number, and word of new ones."""

from collections.abc import Sequence
from typing import Protocol


class JournalEntry(Protocol):
    """One event of the journal."""

    @property
    def seq(self) -> int:
        """Its sequence number: 1 is the first ever, none is left out."""
        ...

    def cloudevent(self) -> bytes:
        """Its CloudEvents 1.0 JSON, the same bytes every time."""
        ...


class Journal(Protocol):
    """The one source of the stream and of the list of events."""

    @property
    def head(self) -> int:
        """The newest number; 0 when nothing has happened yet."""
        ...

    @property
    def oldest(self) -> int:
        """The oldest number still kept."""
        ...

    async def since(
        self, seq: int, *, limit: int, types: Sequence[str] = (), subject: str = ""
    ) -> Sequence[JournalEntry]:
        """Give the entries after `seq`, in order, at most `limit` of those that fit. Raises StoreError.

        A type is exact (`machine.deployed`) or a prefix that ends in a dot (`machine.`); none: all.
        A subject is exact, or a prefix that ends in a slash (`machines/`); empty: all.
        """
        ...

    async def changed(self, after: int) -> object:
        """Wait until there is an entry after `after`."""
        ...
