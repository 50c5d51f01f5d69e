"""A rack that scans nothing, and tells what it is told to tell."""

from fibrix.bus import Bus
from fibrix.domain.scan import ScanOrder
from fibrix.domain.scan_report import ScanReport
from fibrix.errors import ConflictError
from fibrix.events.scan import ScanFinished
from fibrix.runtime.clock import utc_now
from fibrix.types import OperationId


class FakeScanner:
    """Fits `domain.ports.scan.Scanner`."""

    def __init__(self, bus: Bus) -> None:
        self.orders: list[ScanOrder] = []
        self.cancelled: list[OperationId] = []
        self.running: dict[OperationId, ScanReport] = {}
        self.refuses = ""
        self._bus = bus

    async def begin(self, order: ScanOrder) -> None:
        if self.refuses:
            raise ConflictError(self.refuses)
        self.orders.append(order)
        self.running[order.id] = ScanReport()

    async def cancel(self, scan: OperationId) -> None:
        self.cancelled.append(scan)
        self.running.pop(scan, None)

    def progress(self, scan: OperationId) -> ScanReport | None:
        return self.running.get(scan)

    def end(self, scan: OperationId, report: ScanReport) -> None:
        """The scan is over."""
        del self.running[scan]
        self._bus.publish(ScanFinished(at=utc_now(), operation=scan, report=report))
