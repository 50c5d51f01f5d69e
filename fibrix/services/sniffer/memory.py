"""What is known of hosts, on its way to the disk and back. Nobody waits for it."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from heapq import nlargest
from typing import Final

import structlog

from fibrix.domain.census.hiding import Veil
from fibrix.domain.census.host import Host
from fibrix.domain.ports.hosts import Hosts
from fibrix.errors import StoreError
from fibrix.types import MacAddress

log = structlog.get_logger()

_PAUSE_S: Final = 3.0  # between two batches
_BATCH: Final = 2_000  # hosts
_PAGE: Final = 1_000
_MOST_WAITING: Final = 10_000
_EVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TIDY_S: Final = 3600.0  # the longest that a table is left alone when there is nothing new


class Memory:
    """Holds back what has changed and writes it in batches. `lost` counts what had no room while the disk was slow.

    A host that is silent for `keep_days` is forgotten; 0: none is.
    """

    def __init__(self, hosts: Hosts, clock: Callable[[], datetime], *, most: int, keep_days: int) -> None:
        self.lost = 0
        self._hosts = hosts
        self._clock = clock
        self._most = most
        self._kept = timedelta(days=keep_days)  # 0: for ever
        self._waiting: dict[MacAddress, Host] = {}
        self._veil = Veil()
        self._to_wash = False  # there may be what is hidden

    def hide(self, veil: Veil) -> None:
        """Keep nothing of what is hidden from now on; what is kept of it is forgotten some time soon."""
        self._veil = veil
        self._to_wash = True

    async def load(self) -> list[Host]:
        """All that is known, but for what is to be forgotten; of too many the newest. What cannot be read is logged."""
        found: list[Host] = []
        since, after = self._since(), None
        try:
            while page := await self._hosts.page(after, _PAGE):
                found += [shown for host in page if host.last >= since and (shown := self._veil.show(host)) is not None]
                after = page[-1].mac
        except StoreError as exc:
            log.warning("sniffer.not_read", reason=str(exc))
        return found if len(found) <= self._most else nlargest(self._most, found, key=lambda host: host.last)

    def note(self, host: Host) -> None:
        """Write what may be kept of a host some time soon. One that finds no room is told of again when it is heard."""
        if host.mac not in self._waiting and len(self._waiting) >= _MOST_WAITING:
            self.lost += 1
            return
        self._waiting[host.mac] = host

    async def run(self) -> None:
        """Write until cancelled; then hand over what is left."""
        idle_s = washed_s = 0.0
        try:
            while True:
                await asyncio.sleep(_PAUSE_S)
                washed_s += _PAUSE_S
                if self._to_wash or washed_s >= _TIDY_S:  # some were kept before they showed a hidden address
                    await self._wash()
                    washed_s = 0.0
                idle_s = 0.0 if self._waiting else idle_s + _PAUSE_S
                if self._waiting or idle_s >= _TIDY_S:
                    await self._write()
                    idle_s = 0.0
        finally:
            if self._waiting:
                self._hosts.post(self._take(len(self._waiting)), most=self._most, since=self._since())

    async def _wash(self) -> None:
        """Forget what is kept of hidden hosts."""
        veil, after = self._veil, None
        if veil:
            shown_now = [shown for host in self._waiting.values() if (shown := veil.show(host)) is not None]
            self._waiting = {host.mac: host for host in shown_now}
        try:
            while veil and (page := await self._hosts.page(after, _PAGE)):
                after = page[-1].mac
                changed = [(host.mac, shown) for host in page if (shown := veil.show(host)) is not host]
                left = [shown for _, shown in changed if shown is not None]
                await self._hosts.commit(left, most=self._most, since=self._since())
                await self._hosts.drop([mac for mac, shown in changed if shown is None])
            self._to_wash = self._veil is not veil
        except StoreError as exc:
            log.warning("sniffer.not_washed", reason=str(exc))

    async def _write(self) -> None:
        batch = self._take(_BATCH)
        try:
            await self._hosts.commit(batch, most=self._most, since=self._since())
        except StoreError as exc:
            log.warning("sniffer.not_kept", hosts=len(batch), reason=str(exc))
            for host in batch:
                if host.mac not in self._waiting:
                    self.note(host)

    def _take(self, most: int) -> list[Host]:
        """Take the first of those that wait."""
        macs = list(self._waiting)[:most]
        return [self._waiting.pop(mac) for mac in macs]

    def _since(self) -> datetime:
        return self._clock() - self._kept if self._kept else _EVER
