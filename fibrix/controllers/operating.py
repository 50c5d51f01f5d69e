"""Operations as edges of the lifecycle begin and end them: in the same unit as the machine's change."""

from datetime import datetime

from fibrix.controllers.ports import Unit
from fibrix.domain.machine import Machine
from fibrix.domain.operation import Asked, Operation, OperationState, ended, gone_on, running_key
from fibrix.domain.trigger import Trigger
from fibrix.events.operation import OperationEnded, OperationStarted
from fibrix.runtime.scope import Scope
from fibrix.types import MachineId


def asked_by(request: Scope | None) -> Asked:
    """Tell who asks. Outside of a request it is the controller itself."""
    if request is None:
        return Asked()
    user = request.attempt.user if request.attempt is not None else request.caller.user
    return Asked(user=user, request=request.request)


def running_of(unit: Unit, machine: MachineId) -> Operation | None:
    """Find the operation that a machine works for just now."""
    return unit.of(Operation).by_key(running_key(machine))


def carry_on(unit: Unit, trigger: Trigger, after: Machine, now: datetime) -> None:
    """Let the running operation, if there is one, go on or end with the edge that its machine took."""
    running = running_of(unit, after.id)
    if running is not None:
        _store(unit, gone_on(running, trigger, after, now=now), now)


def begin(unit: Unit, operation: Operation, now: datetime) -> None:
    """Store an operation that begins."""
    unit.of(Operation).insert(operation)
    unit.append(
        OperationStarted(
            at=now,
            tenant=operation.tenant,
            operation=operation.id,
            kind=operation.kind,
            machine=operation.machine,
            name=operation.machine_name,
        )
    )
    if not operation.running:
        _tell_end(unit, operation, now)


def forget(unit: Unit, machine: Machine, now: datetime) -> None:
    """End the operation of a machine that is about to be deleted."""
    running = running_of(unit, machine.id)
    if running is not None:
        _store(unit, ended(running, OperationState.CANCELLED, f"{machine.name} was deleted", now=now), now)


def _store(unit: Unit, operation: Operation, now: datetime) -> None:
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
            name=operation.machine_name,
            state=operation.state.value,
            detail=operation.detail,
        )
    )
