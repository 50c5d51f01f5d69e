"""What the API asks for when somebody takes a backup."""

from collections.abc import AsyncIterator
from typing import Protocol

from fibrix.domain.access import Caller


class Backups(Protocol):
    """Backups of the whole controller, taken while it works."""

    async def take(self, caller: Caller, *, with_key: bool) -> AsyncIterator[bytes]:
        """Copy everything as of now, and give the file piece by piece. Raises ConflictError, StoreError.

        `with_key`: with the key that opens the stored secrets. ConflictError: another one is being taken.
        """
        ...
