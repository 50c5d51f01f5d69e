"""Operations as edges of the lifecycle begin and end them: in the same unit as the machine's change."""

from datetime import datetime

from fibrix.controllers.ports import Unit
from fibrix.domain.machine import Machine
from fibrix.domain.operation import Asked, Operation, OperationState, begun, ended, gone_on, running_key
from fibrix.domain.trigger import Trigger
from fibrix.events.operation import OperationEnded, OperationStarted
from fibrix.runtime.scope import Scope
from fibrix.types import MachineId, OperationId


def follow(
    unit: Unit,
    trigger: Trigger,
    edge: tuple[Machine, Machine],
    *,
    request: Scope | None,
    id_: OperationId,
    now: datetime,
) -> Operation | None:
    """End the operation that a machine's edge, from one to the other, ends; begin the one that it begins."""
    before, after = edge
    running = _running_of(unit, after.id)
    if running is not None:
        store(unit, gone_on(running, trigger, after, now=now), now)
    operation = begun(id_, trigger, before, after, asked=asked_by(request), now=now)
    if operation is not None:
        begin(unit, operation, now)
    return operation


def forget(unit: Unit, machine: Machine, now: datetime) -> None:
    """End the operation of a machine that is about to be deleted."""
    running = _running_of(unit, machine.id)
    if running is not None:
        store(unit, ended(running, OperationState.CANCELLED, f"{machine.name} was deleted", now=now), now)


def asked_by(request: Scope | None) -> Asked:
    """Tell who asks. Outside of a request it is the controller itself."""
    if request is None:
        return Asked()
    user = request.attempt.user if request.attempt is not None else request.caller.user
    return Asked(user=user, request=request.request)


def _running_of(unit: Unit, machine: MachineId) -> Operation | None:
    """Find the operation that a machine works for just now."""
    return unit.of(Operation).by_key(running_key(machine))


def begin(unit: Unit, operation: Operation, now: datetime) -> None:
    """Put a new operation into the store, and tell of it."""
    unit.of(Operation).insert(operation)
    unit.append(
        OperationStarted(
            at=now,
            tenant=operation.tenant,
            operation=operation.id,
            kind=operation.kind,
            machine=operation.machine,
            name=operation.about,
        )
    )
    if not operation.running:
        _tell_end(unit, operation, now)


def store(unit: Unit, operation: Operation, now: datetime) -> None:
    """Store an operation that was changed; that it ended is told."""
    unit.of(Operation).update(operation)
    if not operation.running:
        _tell_end(unit, operation, now)


def _tell_end(unit: Unit, operation: Operation, now: datetime) -> None:
    unit.append(
        OperationEnded(
            at=now,
            tenant=operation.tenant,
            operation=operation.id,
            kind=operation.kind,
            machine=operation.machine,
            name=operation.about,
            state=operation.state.value,
            detail=operation.detail,
        )
    )
