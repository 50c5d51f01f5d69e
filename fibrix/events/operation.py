"""What happened to operations. All journaled, with the change of the machine that they stand for."""

from typing import ClassVar

from fibrix.events.base import Event
from fibrix.types import MachineId, OperationId


class OperationEvent(Event, frozen=True, kw_only=True):
    """Something about one operation."""

    operation: OperationId
    kind: str  # `commission`, `test`, `deploy`, `release`, `scan`
    machine: MachineId  # empty: a scan
    name: str  # of the machine; of a scan, those of its subnets

    @property
    def subject(self) -> str:
        """Its path in the API."""
        return f"operations/{self.operation}"


class OperationStarted(OperationEvent, frozen=True, kw_only=True):
    """Someone asked for long work, and it began. By controllers.lifecycle, controllers.scans; for the stream."""

    TYPE: ClassVar[str] = "operation.started"


class OperationEnded(OperationEvent, frozen=True, kw_only=True):
    """It succeeded, failed or was cancelled. By controllers.lifecycle, .scans; for the stream and for who awaits it."""

    TYPE: ClassVar[str] = "operation.ended"
    state: str  # `succeeded`, `failed`, `cancelled`
    detail: str  # why
