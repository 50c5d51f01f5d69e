"""Active scans: the port of the rack that does them, and what the API asks of the region."""

from typing import Protocol

from fibrix.domain.operation import Operation
from fibrix.domain.scan import ScanOrder, ScanSpec
from fibrix.domain.scan_report import ScanReport
from fibrix.types import OperationId


class Scanner(Protocol):
    """The rack's scan service as its region sees it. That one is done, it tells by `rack.scan_finished`."""

    async def begin(self, order: ScanOrder) -> None:
        """Begin a scan. Raises ConflictError: a subnet is being scanned, or no longer as planned."""
        ...

    async def cancel(self, scan: OperationId) -> None:
        """Send nothing more; nothing to do where it is over."""
        ...

    def progress(self, scan: OperationId) -> ScanReport | None:
        """What it has come to so far; None: it does not run."""
        ...


class Scans(Protocol):
    """Scans, as the API asks for them."""

    async def begin(self, spec: ScanSpec) -> Operation:
        """Begin one; where it is only rehearsed, say what would be sent. Raises InvalidError, ConflictError."""
        ...

    def report(self, operation: str) -> ScanReport:
        """What a scan found, or has found so far. Raises NotFoundError."""
        ...
