"""Operations: long work that someone asked for, from the 202 to its end. Pure: ids and times are given."""

from datetime import datetime
from enum import Enum
from typing import Final

import msgspec
from msgspec.structs import replace

from fibrix.domain.access import REGION
from fibrix.domain.lifecycle import OWN, TRANSITIONS
from fibrix.domain.machine import Machine
from fibrix.domain.scan_report import ScanRecord
from fibrix.domain.state import PASSING
from fibrix.domain.trigger import Trigger
from fibrix.types import MachineId, OperationId, TenantId, UserId


class OperationState(Enum):
    """How far it has come."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """Long work on one machine: it ends with the state that it leads to, so a restart does not end it. Or a scan."""

    id: OperationId
    kind: str  # the trigger that began it: `commission`, `test`, `deploy`, `release`; or SCAN
    machine: MachineId = MachineId("")  # empty: a scan
    machine_name: str = ""
    tenant: TenantId = REGION  # whose machine it was
    user: UserId = UserId("")  # who asked
    request: str = ""  # id of the request that asked
    state: OperationState = OperationState.RUNNING
    detail: str = ""  # the last that is known of it, or why it ended
    created_at: datetime
    ended_at: datetime | None = None
    revision: int = 1
    scan: ScanRecord | None = None  # None: it is work on a machine

    @property
    def about(self) -> str:
        """What is worked on, in words: the machine's name, or the subnets."""
        return self.machine_name if self.scan is None else ", ".join(self.scan.subnets)

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self.state is OperationState.RUNNING


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Who asked for long work, and by which request; both empty: the controller itself."""

    user: UserId = UserId("")
    request: str = ""


SCAN: Final = "scan"
"""The kind of those that are active scans of subnets."""

LONG: Final = frozenset(
    trigger
    for row in TRANSITIONS.values()
    for trigger, edge in row.items()
    if trigger not in OWN and edge.target in PASSING
)
"""What begins an operation: all that a person may ask for and that a machine has to work on."""


def running_key(machine: MachineId) -> str:
    """What is unique of a running operation: a machine has one at most, and the database sees to it."""
    return f"running/{machine}"


def key_of(operation: Operation) -> str:
    """What is unique of an operation."""
    return running_key(operation.machine) if operation.running and operation.machine else operation.id


def begun(
    id_: OperationId, trigger: Trigger, before: Machine, after: Machine, *, asked: Asked, now: datetime
) -> Operation | None:
    """Begin the operation that an edge from `before` to `after` stands for; None: it stands for none.

    One that has nothing to work on (an allocated machine is released that was never deployed) has ended already.
    """
    if trigger not in LONG:
        return None
    running = after.state in PASSING
    return Operation(
        id=id_,
        kind=trigger.value,
        machine=after.id,
        machine_name=after.name,
        tenant=before.tenant or after.tenant,
        user=asked.user,
        request=asked.request,
        state=OperationState.RUNNING if running else OperationState.SUCCEEDED,
        detail=after.reason,
        created_at=now,
        ended_at=None if running else now,
    )


def gone_on(operation: Operation, trigger: Trigger, after: Machine, *, now: datetime) -> Operation:
    """Tell what became of a running operation when its machine took an edge: it goes on while the machine works.

    It succeeds or fails with the machine. Whatever else a person asks for in between cancels it.
    """
    if trigger is Trigger.SUCCEEDED and after.state in PASSING:
        return replace(operation, detail=after.reason, revision=operation.revision + 1)
    match trigger:
        case Trigger.SUCCEEDED:
            return ended(operation, OperationState.SUCCEEDED, after.reason, now=now)
        case Trigger.FAILED | Trigger.TIMED_OUT:
            return ended(operation, OperationState.FAILED, after.reason, now=now)
        case _:
            return ended(operation, OperationState.CANCELLED, f"{trigger.value}: {after.reason}", now=now)


def ended(operation: Operation, state: OperationState, detail: str, *, now: datetime) -> Operation:
    """End an operation."""
    return replace(operation, state=state, detail=detail, ended_at=now, revision=operation.revision + 1)
