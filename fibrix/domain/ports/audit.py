"""What the API asks about who did what."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from fibrix.domain.audit import AuditRecord, Result, Timestamp, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which records; what is empty does not matter."""

    user: str = ""  # id or name
    action: str = ""  # whole, or its beginning up to a `_`: `machines_`
    subject: str = ""  # whole, or its beginning up to a `/`: `machines/`
    request: str = ""
    result: Result | None = None
    since: Timestamp = ""
    until: Timestamp = ""  # this moment is not in it


class Audit(Protocol):
    """The records, as of the last commit. Nothing here changes one."""

    async def get(self, seq: int) -> AuditRecord:
        """Read one. Raises NotFoundError, StoreError."""
        ...

    async def page(self, wanted: Wanted, *, after: int, limit: int, newest_first: bool) -> Sequence[AuditRecord]:
        """Read at most `limit` records that come after the number `after` in this order; 0: from the beginning.

        Raises StoreError.
        """
        ...

    def lines(self, after: int, since: Timestamp, until: Timestamp) -> AsyncIterator[bytes]:
        """Read a part of the chain as the lines of an export, many to a chunk.

        It goes from the first record behind the number `after` that is not older than `since` to the last one that is
        older than `until`, and leaves none between them out, whatever their times; empty: no matter. Raises StoreError.
        """
        ...

    def verify(self) -> AsyncIterator[Verdict]:
        """Walk along the whole chain and tell from time to time how it looks; the last word is the verdict.

        Raises StoreError.
        """
        ...
