"""What the API asks of the journal: events after a number, and word of new ones."""

from collections.abc import Sequence
from typing import Protocol

from fibrix.domain.access import Caller
from fibrix.domain.selection import Selectable, Selection


class JournalEntry(Selectable, Protocol):
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
        """The oldest number still kept; one more than the head where none is."""
        ...

    async def since(self, seq: int, *, limit: int, wanted: Selection = ...) -> Sequence[JournalEntry]:
        """Give the entries after `seq`, in order, at most `limit` of those that are wanted. Raises StoreError.

        Fewer than `limit`: nothing else fits up to the `head` of before the call. `seq + 1 < oldest`, looked at after
        the call: what came after `seq` is not all there.
        """
        ...

    async def changed(self, after: int) -> object:
        """Wait until there is an entry after `after`."""
        ...


class EventNames(Protocol):
    """Finds what a subscriber calls by a name; a name that is not there, or not theirs to see, stays as it is."""

    def machine(self, key: str, caller: Caller) -> str:
        """The id of the machine of this id, name or MAC."""
        ...

    def tenant(self, key: str, caller: Caller) -> str:
        """The id of the tenant of this id or name."""
        ...
