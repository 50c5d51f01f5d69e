"""Forgets old events, a few at a time, so that nobody who writes or reads is held up."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, Protocol

import structlog

from fibrix.config import JournalConfig
from fibrix.errors import StoreError

log = structlog.get_logger()

_EVERY_S: Final = 60.0
_PAUSE_S: Final = 0.05  # between two steps: others write meanwhile


class Prunable(Protocol):
    """The journal, as far as it is forgotten."""

    @property
    def oldest(self) -> int:
        """The oldest number that is kept."""
        ...

    async def prune(self, *, keep: int = 0, before: datetime | None = None) -> int:
        """Forget some of those that are more than `keep`, or from before a time; how many. Raises StoreError."""
        ...


class Retention:
    """Keeps the journal within its limits of age and number. Fits `runtime.service.Service`."""

    name = "retention"

    def __init__(self, journal: Prunable, config: JournalConfig, now: Callable[[], datetime]) -> None:
        self._journal = journal
        self._config = config
        self._now = now

    async def run(self, ready: asyncio.Event) -> None:
        """Look once a minute until cancelled."""
        ready.set()
        while True:
            await self.tidy()
            await asyncio.sleep(_EVERY_S)

    async def tidy(self) -> None:
        """Forget all that is too old, or too much; a database that fails is tried again the next time."""
        days, keep = self._config.keep_days, self._config.keep_events
        if not days and not keep:
            return
        before = self._now() - timedelta(days=days) if days else None
        forgotten = 0
        try:
            while count := await self._journal.prune(keep=keep, before=before):
                forgotten += count
                await asyncio.sleep(_PAUSE_S)
        except StoreError as exc:
            log.warning("journal.not_pruned", reason=str(exc))
        if forgotten:
            log.info("journal.pruned", forgotten=forgotten, oldest=self._journal.oldest)
