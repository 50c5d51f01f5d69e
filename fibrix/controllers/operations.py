"""Operations as the API shows, awaits and cancels them; those that ended long ago are forgotten."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

import structlog
from msgspec.structs import replace

from fibrix.bus import Bus
from fibrix.controllers.lifecycle import Lifecycle
from fibrix.controllers.ports import Store, Unit
from fibrix.domain.access import Caller, Role
from fibrix.domain.account import User
from fibrix.domain.machine import Machine, RunStatus, ScriptRun
from fibrix.domain.operation import Operation
from fibrix.domain.ports.operations import Live, Progress
from fibrix.domain.trigger import Trigger
from fibrix.domain.verdict import ENDED, present
from fibrix.errors import ConflictError, FibrixError, NotFoundError
from fibrix.events.operation import OperationEnded
from fibrix.types import MachineId, OperationId, UserId

log = structlog.get_logger()

PRUNE_S: Final = 3600.0
"""How often those that ended long ago are looked for."""

PRUNE_AT_ONCE: Final = 500
"""So many are forgotten in one unit, so that nobody else waits long for the store."""


class OperationController:
    """Fits `domain.ports.operations.Operations`. `cancel_scan` ends those that are no machine's, with a reason."""

    def __init__(
        self, store: Store, lifecycle: Lifecycle, bus: Bus, cancel_scan: Callable[[OperationId, str], Awaitable[None]]
    ) -> None:
        self._store = store
        self._lifecycle = lifecycle
        self._cancel_scan = cancel_scan
        self._bus = bus
        self._kept = store.of(Operation)

    def get(self, operation: str, caller: Caller) -> Operation:
        """Find by id. Raises NotFoundError; another tenant's is not there either."""
        found = self._kept.get(operation)
        if not caller.sees(found.tenant):
            raise NotFoundError(f"there is no operation {operation!r}")
        return self._shown(found, caller)

    def all(self, caller: Caller, machine: MachineId | None = None) -> Sequence[Operation]:
        """All that the caller may see, or those of one machine, oldest first."""
        found = [o for o in self._kept.all() if caller.sees(o.tenant) and machine in (None, o.machine)]
        return [self._shown(operation, caller) for operation in sorted(found, key=lambda o: (o.created_at, o.id))]

    async def live(self, operations: Sequence[Operation]) -> Sequence[Live]:
        """Look at what their machines are doing. Raises StoreError."""
        runs = await self._store.runs_of([o.machine for o in operations if o.running and o.machine])
        return [self._live(o, runs.get(o.machine, ())) if o.running else Live(operation=o) for o in operations]

    def _live(self, operation: Operation, runs: Sequence[ScriptRun]) -> Live:
        try:
            machine = self._store.machine(operation.machine)
        except NotFoundError:  # it was deleted while its runs were read
            return Live(operation=operation)
        return Live(
            operation=operation,
            machine_state=machine.state,
            stage=machine.boot.stage if machine.boot else None,
            deadline=machine.deadline,
            progress=_progress(present(machine.state, runs)),
        )

    async def ended(self, operation: Operation, wait_s: float) -> Operation:
        """Wait until it has ended, this long at most; gives it as it is then. Raises NotFoundError."""
        with self._bus.subscribe(OperationEnded) as facts, suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                while self._kept.get(operation.id).running:
                    await facts.batch()
        return replace(self._kept.get(operation.id), user=operation.user)

    async def cancel(self, operation: Operation, reason: str) -> Operation:
        """Abort what its machine is doing, or the scan. Raises ConflictError: it has ended, or cannot be now."""
        if operation.scan is not None:
            await self._cancel_scan(operation.id, reason)
            return replace(self._kept.get(operation.id), user=operation.user)

        def still_running(unit: Unit, machine: Machine) -> Machine:
            now = unit.of(Operation).read(operation.id)
            if not now.running:
                raise ConflictError(f"operation {now.id} has ended already ({now.state.value}): nothing is to cancel")
            return machine

        await self._lifecycle.fire(operation.machine, Trigger.ABORT, reason, first=still_running)
        return replace(self._kept.get(operation.id), user=operation.user)

    def _shown(self, operation: Operation, caller: Caller) -> Operation:
        """Leave out who asked where a tenant asks about somebody of the region's."""
        if caller.role is not Role.TENANT or not operation.user or operation.user == caller.user:
            return operation
        with suppress(NotFoundError):
            if self._store.of(User).get(operation.user).tenant == caller.tenant:
                return operation
        return replace(operation, user=UserId(""))


class OperationKeeper:
    """The service that forgets operations some time after they ended."""

    name = "operations"

    def __init__(self, store: Store, kept_days: int, now: Callable[[], datetime]) -> None:
        self._store = store
        self._kept = timedelta(days=kept_days)
        self._now = now

    async def run(self, ready: asyncio.Event) -> None:
        """Serve until cancelled."""
        ready.set()
        while True:
            try:
                await self.prune()
            except FibrixError as exc:
                log.warning("operations.not_pruned", reason=str(exc))
            await asyncio.sleep(PRUNE_S)

    async def prune(self) -> int:
        """Forget those that ended long ago; says how many. Raises StoreError."""
        before = self._now() - self._kept
        old = [o.id for o in self._store.of(Operation).all() if o.ended_at is not None and o.ended_at < before]
        for start in range(0, len(old), PRUNE_AT_ONCE):
            part = old[start : start + PRUNE_AT_ONCE]
            await self._store.change(lambda unit, part=part: _delete(unit, part))  # type: ignore[misc]
        if old:
            log.info("operations.pruned", count=len(old))
        return len(old)


def _progress(runs: Sequence[ScriptRun]) -> Progress | None:
    if not runs:
        return None
    running = [run.script for run in runs if run.status is RunStatus.RUNNING]
    ended = sum(run.status in ENDED for run in runs)
    return Progress(ended=ended, count=len(runs), script=running[0] if running else "")


def _delete(unit: Unit, operations: Sequence[OperationId]) -> None:
    for operation in operations:
        unit.of(Operation).delete(operation)
