"""Operations: long work that someone asked for, from the 202 to its end."""

from datetime import datetime
from enum import Enum

import msgspec

from fibrix.domain.access import REGION
from fibrix.types import MachineId, OperationId, TenantId, UserId


class OperationState(Enum):
    """How far it has come."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """Long work on one machine. It ends with the state that it leads to, so a restart does not end it."""

    id: OperationId
    kind: str  # the trigger that began it: `commission`, `test`, `deploy`, `release`
    machine: MachineId
    machine_name: str
    tenant: TenantId = REGION  # whose machine it was
    user: UserId = UserId("")  # who asked
    request: str = ""  # id of the request that asked
    state: OperationState = OperationState.RUNNING
    detail: str = ""  # the last that is known of it, or why it ended
    created_at: datetime
    ended_at: datetime | None = None
    revision: int = 1
