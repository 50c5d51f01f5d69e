"""Backups: copied in a thread, one at a time, and noted in the journal."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from datetime import datetime
from typing import Protocol

import structlog

from fibrix.controllers.ports import Store
from fibrix.domain.access import Caller
from fibrix.errors import ConflictError
from fibrix.events.controller import BackupTaken

log = structlog.get_logger()


class Snapshot(Protocol):
    """A copy that is ready to be sent."""

    @property
    def total_bytes(self) -> int:
        """Its size, before it is compressed."""
        ...

    def chunks(self) -> Iterator[bytes]:
        """Pack it, piece by piece. Reads files."""
        ...

    def close(self) -> None:
        """Let go of its files."""
        ...


class Source(Protocol):
    """Where copies come from."""

    def take(self, *, with_key: bool) -> Snapshot:
        """Copy everything as of now. Blocks. Raises StoreError."""
        ...


class BackupController:
    """Fits `domain.ports.backups.Backups`."""

    def __init__(self, store: Store, source: Source, now: Callable[[], datetime]) -> None:
        self._store = store
        self._source = source
        self._now = now
        self._copying = asyncio.Lock()

    async def take(self, caller: Caller, *, with_key: bool) -> AsyncIterator[bytes]:
        """Copy everything, then give it piece by piece. Raises ConflictError, StoreError.

        The event comes with the copy, and not with the last byte: whoever has a part of a key has too much of it.
        """
        if self._copying.locked():
            raise ConflictError("another backup is being taken just now: wait until it is done")
        async with self._copying:
            snapshot = await asyncio.to_thread(lambda: self._source.take(with_key=with_key))
        try:
            taken = BackupTaken(at=self._now(), user=caller.name, with_key=with_key, total_bytes=snapshot.total_bytes)
            await self._store.change(lambda unit: unit.append(taken))
        except BaseException:
            snapshot.close()
            raise
        log.info("backup.taken", user=caller.name, with_key=with_key, total_bytes=snapshot.total_bytes)
        return _sent(snapshot)


async def _sent(snapshot: Snapshot) -> AsyncIterator[bytes]:
    """Give the pieces; each is read and compressed in a thread."""
    with closing(snapshot):
        chunks = snapshot.chunks()
        while chunk := await asyncio.to_thread(next, chunks, b""):
            yield chunk
