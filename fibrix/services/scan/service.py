"""Scans subnets when it is told to. A rack-side service: it serves from the snapshot, and never sends elsewhere."""

import asyncio
import secrets
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final

import structlog

from fibrix.bus import Bus
from fibrix.domain.rack import RackSnapshot
from fibrix.domain.scan import ScanOrder, unfit
from fibrix.domain.scan_report import ScanReport, ScanTally
from fibrix.errors import ConflictError
from fibrix.events.scan import ScanFinished
from fibrix.runtime.cell import Cell
from fibrix.runtime.clock import utc_now
from fibrix.services.scan.running import Scan
from fibrix.types import OperationId

log = structlog.get_logger()

HTTPS: Final = 443


class ScanService:
    """Fits `domain.ports.scan.Scanner`. `sent` and `answered` count by kind, of all scans that are over."""

    name = "scan"

    def __init__(
        self,
        snapshot: Cell[RackSnapshot],
        bus: Bus,
        *,
        redfish_port: int = HTTPS,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._over_sent: Counter[str] = Counter()
        self._over_answered: Counter[str] = Counter()
        self._snapshot = snapshot
        self._bus = bus
        self._port = redfish_port
        self._now = now
        self._running: dict[OperationId, Scan] = {}
        self._group: asyncio.TaskGroup | None = None

    async def run(self, ready: asyncio.Event) -> None:
        """Scan when told to, until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                ready.set()
                await asyncio.Event().wait()
        finally:
            self._group = None

    @property
    def sent(self) -> Counter[str]:
        """Packets that were sent, of Redfish connections, by kind."""
        return self._over_sent + _sent(tally for scan in self._running.values() for tally in scan.tallies())

    @property
    def answered(self) -> Counter[str]:
        """Hosts that answered, by kind."""
        return self._over_answered + _answered(tally for scan in self._running.values() for tally in scan.tallies())

    async def begin(self, order: ScanOrder) -> None:
        """Begin a scan. Raises ConflictError."""
        if self._group is None:
            raise ConflictError("the scan service does not run: look at `fibrix health`")
        busy = {share.subnet for scan in self._running.values() for share in scan.order.shares}
        for share in order.shares:
            if share.subnet in busy:
                raise ConflictError(f"subnet {share.subnet!r} is being scanned: wait for the end of that")
            if reason := unfit(share, self._snapshot.value.subnets):
                raise ConflictError(f"subnet {share.subnet!r} cannot be scanned as planned: {reason}")
        mark = secrets.randbelow(1 << 16)
        scan = Scan(order, mark, self._snapshot, self._bus, redfish_port=self._port, now=self._now)
        self._running[order.id] = scan
        self._group.create_task(self._see_through(scan), name=f"scan {order.id}")

    async def cancel(self, scan: OperationId) -> None:
        """Send nothing more."""
        if (running := self._running.get(scan)) is not None:
            running.cancel()

    def progress(self, scan: OperationId) -> ScanReport | None:
        """What it has come to so far."""
        running = self._running.get(scan)
        return running.report() if running is not None else None

    async def _see_through(self, scan: Scan) -> None:
        """Whatever becomes of it, it is told."""
        order = scan.order
        log.info("scan.started", operation=order.id, subnets=[share.subnet for share in order.shares], rate=order.rate)
        try:
            await scan.run()
        finally:
            del self._running[order.id]
            report = scan.report()
            self._over_sent += _sent(report.tallies)
            self._over_answered += _answered(report.tallies)
            self._bus.publish(ScanFinished(at=self._now(), operation=order.id, report=report))
            log.info("scan.ended", operation=order.id, found=report.found, faults=report.faults)


def _sent(tallies: Iterable[ScanTally]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for tally in tallies:
        counts[tally.kind.value] += tally.sent
    return counts


def _answered(tallies: Iterable[ScanTally]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for tally in tallies:
        counts[tally.kind.value] += tally.answered
    return counts
