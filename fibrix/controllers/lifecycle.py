"""The only writer of states: one edge of the table, one transaction, then the rack is told."""

from collections.abc import Callable
from datetime import datetime
from typing import Final, TypeAlias

from msgspec.structs import replace

from fibrix.config import LifecycleConfig
from fibrix.controllers import operating
from fibrix.controllers.plan import Planner, Wish
from fibrix.controllers.ports import Store, Unit
from fibrix.domain.enter import content, enter
from fibrix.domain.lifecycle import Effect, step
from fibrix.domain.machine import Machine, RunStatus
from fibrix.domain.names import opaque_id
from fibrix.domain.operation import Operation
from fibrix.domain.state import State
from fibrix.domain.trigger import Trigger
from fibrix.domain.verdict import ENDED
from fibrix.errors import ConflictError, InvalidError
from fibrix.events.machine import MachineEvent, StateChanged
from fibrix.runtime.scope import scope
from fibrix.types import BootId, MachineId, OperationId

NO_WISH: Final = Wish()

First: TypeAlias = Callable[[Unit, Machine], Machine]
"""Looks at a machine before its edge is taken, and gives it back, changed or not. What it raises undoes the unit."""


def _as_it_is(_: Unit, machine: Machine) -> Machine:
    return machine


def _looked(unit: Unit, machine: MachineId, seen: State | None, first: First) -> Machine:
    """Look at a machine before its edge is taken. Raises NotFoundError, ConflictError."""
    before = unit.machine(machine)
    if seen is not None and before.state is not seen:
        raise ConflictError(f"{before.name} is {before.state.value} by now, no longer {seen.value}")
    return first(unit, before)


class Lifecycle:
    """Moves machines from state to state."""

    def __init__(
        self,
        store: Store,
        planner: Planner,
        limits: LifecycleConfig,
        ephemeral: Callable[[], str],
        refresh: Callable[[], None],
        now: Callable[[], datetime],
        draw: Callable[[int], int],
    ) -> None:
        self._store = store
        self._planner = planner
        self._limits = limits
        self._ephemeral = ephemeral
        self._refresh = refresh
        self._now = now
        self._draw = draw

    async def fire(
        self,
        machine: MachineId,
        trigger: Trigger,
        reason: str,
        *,
        wish: Wish = NO_WISH,
        seen: State | None = None,
        first: First = _as_it_is,
    ) -> Machine:
        """Take one edge. `first` looks at the machine in the same unit, and may change it, before the edge is taken.

        `seen`: the state on which the caller decided; another one by now raises ConflictError, as a refused edge does.
        """
        after, _ = await self._run(lambda unit: _looked(unit, machine, seen, first), trigger, reason, wish)
        return after

    async def begin(
        self, machine: MachineId, trigger: Trigger, reason: str, *, wish: Wish = NO_WISH, first: First = _as_it_is
    ) -> Operation:
        """Take an edge that someone asks for and that is long work: gives the operation. Raises as `fire`."""
        _, operation = await self._run(lambda unit: _looked(unit, machine, None, first), trigger, reason, wish)
        if operation is None:
            raise InvalidError(f"{trigger.value} is done at once: it is no operation")
        return operation

    async def take(self, choose: Callable[[Unit], Machine], trigger: Trigger, reason: str) -> Machine:
        """Take one edge of the machine that `choose` finds in the same unit, and may have changed. Raises as `fire`."""
        after, _ = await self._run(choose, trigger, reason, NO_WISH)
        return after

    async def _run(
        self, choose: Callable[[Unit], Machine], trigger: Trigger, reason: str, wish: Wish
    ) -> tuple[Machine, Operation | None]:
        """Take one edge in one unit, with the operation that it begins."""
        request = scope()  # the unit runs in the writer's thread, which knows of no request

        def work(unit: Unit) -> tuple[Machine, Operation | None]:
            before = choose(unit)
            after = self._take(unit, before, trigger, reason, wish)
            id_ = OperationId(opaque_id("o", self._draw))
            return after, operating.follow(unit, trigger, (before, after), request=request, id_=id_, now=self._now())

        done = await self._store.change(work)
        self._refresh()
        return done

    async def change(
        self, machine: MachineId, change: Callable[[Machine], tuple[Machine, list[MachineEvent]]]
    ) -> Machine:
        """Change what is not the state, with its events. A change that gives the same machine back stores nothing."""

        def work(unit: Unit) -> Machine:
            before = unit.machine(machine)
            after, events = change(before)
            if after is before:
                return before
            unit.update(after)
            for event in events:
                unit.append(event)
            return after

        after = await self._store.change(work)
        self._refresh()
        return after

    def _take(self, unit: Unit, before: Machine, trigger: Trigger, reason: str, wish: Wish) -> Machine:
        edge = step(before.state, trigger, content(before))
        if edge.effect is Effect.BOOT and not self._ephemeral():
            raise ConflictError("there is no ephemeral OS to boot: build it with `fibrix ephemeral build`")
        after = enter(
            before,
            edge,
            reason=reason,
            now=self._now(),
            limit_s=self._limit_s(edge.target),
            boot=BootId(opaque_id("b", self._draw)),
        )
        self._abort_runs(unit, before, reason)
        runs = self._planner.runs(after, wish)
        for run in runs:
            unit.insert_run(run)
        unit.foresee(lambda: self._planner.foresee(after, runs))
        unit.update(after)
        unit.append(
            StateChanged(
                at=self._now(),
                tenant=before.tenant or after.tenant,
                machine=after.id,
                name=after.name,
                before=before.state,
                after=after.state,
                trigger=trigger.value,
                reason=reason,
                deadline=after.deadline,
            )
        )
        return after

    def _abort_runs(self, unit: Unit, machine: Machine, reason: str) -> None:
        for run in unit.runs(machine.id):
            if run.status not in ENDED:
                unit.update_run(replace(run, status=RunStatus.ABORTED, ended_at=self._now(), reason=reason))

    def _limit_s(self, state: State) -> float:
        limits = self._limits
        return {
            State.COMMISSIONING: limits.commissioning_s,
            State.TESTING: limits.testing_s,
            State.DEPLOYING: limits.deploying_s,
            State.RELEASING: limits.releasing_s,
        }.get(state, limits.boot_s)
