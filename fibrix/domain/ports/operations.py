"""What the API asks of the region about operations."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from fibrix.domain.access import Caller
from fibrix.domain.machine import Stage
from fibrix.domain.operation import Operation
from fibrix.domain.state import State
from fibrix.types import MachineId


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How many of the machine scripts of the present state have ended, and which one runs."""

    ended: int
    count: int
    script: str = ""  # empty: none runs just now


class Live(msgspec.Struct, frozen=True, kw_only=True):
    """An operation with what its machine is doing. Of one that has ended, the machine is no longer looked at."""

    operation: Operation
    machine_state: State | None = None
    stage: Stage | None = None  # of the machine's boot
    deadline: datetime | None = None  # when the present state is given up
    progress: Progress | None = None  # None: the present state has no machine scripts


class Operations(Protocol):
    """Long work, as its callers see it: what is another tenant's is not there."""

    def get(self, operation: str, caller: Caller) -> Operation:
        """Find by id. Raises NotFoundError."""
        ...

    def all(self, caller: Caller, machine: MachineId | None = None) -> Sequence[Operation]:
        """All that the caller may see, or those of one machine, oldest first."""
        ...

    async def live(self, operations: Sequence[Operation]) -> Sequence[Live]:
        """Look at what their machines are doing. Raises StoreError."""
        ...

    async def ended(self, operation: Operation, wait_s: float) -> Operation:
        """Wait until it has ended, this long at most; gives it as it is then."""
        ...

    async def cancel(self, operation: Operation, reason: str) -> Operation:
        """Abort what its machine is doing. Raises ConflictError: it has ended, or cannot be aborted now."""
        ...
