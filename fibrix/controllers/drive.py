"""Carries out the moves of `domain.power_plan`: store the stage, set the boot device, ask for the action."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import structlog
from msgspec.structs import replace

from fibrix.controllers.acts import Acts
from fibrix.controllers.heard import Heard
from fibrix.controllers.lifecycle import Lifecycle
from fibrix.controllers.ports import Store
from fibrix.domain.machine import Boot, Machine
from fibrix.domain.ports.power import Power
from fibrix.domain.power import PowerKind, PowerReading, PowerState
from fibrix.domain.power_plan import IPXE_POLL_S, Circumstances, Move, may_move, next_move
from fibrix.domain.progress import reach
from fibrix.errors import FibrixError, PowerError
from fibrix.events.machine import BootProgressed, MachineEvent
from fibrix.types import BootId, MachineId

log = structlog.get_logger()
RETRY_S: Final = 2.0
"""After a BMC's first failure it is asked again this much later; twice as long each time, up to 30 s."""


def needs_driving(machine: Machine) -> bool:
    """Whether the controller has something to do about a machine's power."""
    boot = machine.boot
    return boot is not None and (boot.asking is not None or may_move(machine, boot))


class Drive:
    """Moves the power of machines whose boot waits for it. One step per call; the caller never overlaps two."""

    def __init__(
        self, store: Store, lifecycle: Lifecycle, power: Power, heard: Heard, now: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._lifecycle = lifecycle
        self._power = power
        self._acts = Acts(lifecycle, power, now)
        self._heard = heard
        self._now = now
        self._acted: dict[BootId, datetime] = {}
        self._failures: dict[MachineId, tuple[int, datetime]] = {}

    async def step(self, machine_id: MachineId) -> None:
        """Look at the machine, and do the one thing that is next. A failing BMC is a stored fault and a later retry."""
        machine = self._store.machine(machine_id)
        if not needs_driving(machine) or machine.boot is None or self._is_resting(machine_id):
            return
        try:
            reading = await self._power.status(machine_id)
            machine = await self._acts.settle(machine, reading.state)
            if machine.boot is not None and may_move(machine, machine.boot):
                await self._carry_out(machine, machine.boot, self._decide(machine, machine.boot, reading))
            self._failures.pop(machine_id, None)
        except PowerError as exc:
            await self._note_fault(machine, str(exc))

    def _decide(self, machine: Machine, boot: Boot, reading: PowerReading) -> Move:
        seen = Circumstances(
            now=self._now(),
            power=reading.state,
            waits_in_ipxe=self._heard.waited_within(machine.id, IPXE_POLL_S),
            agent_near=self._heard.agent_within(machine.id, 3 * IPXE_POLL_S),
            just_started=self._heard.in_grace(IPXE_POLL_S),
            acted_at=self._acted.get(boot.id),
        )
        move = next_move(machine, boot, seen)
        by_bmc = machine.power.kind is PowerKind.IPMI  # of others it is often unknown, and nothing is wrong
        if by_bmc and reading.state is PowerState.UNKNOWN and move == Move():
            raise PowerError(f"its power state is unknown: {reading.detail}")
        return move

    async def _carry_out(self, machine: Machine, boot: Boot, move: Move) -> None:
        if move.stage or move.wound_down:
            await self._lifecycle.change(machine.id, lambda m: self._stored(m, boot, move))
        if move.device:
            await self._power.set_boot_device(machine.id, move.device)
        if move.action and await self._acts.act(machine, boot, move.action):
            self._acted[boot.id] = self._now()

    def _stored(self, machine: Machine, boot: Boot, move: Move) -> tuple[Machine, list[MachineEvent]]:
        """Advance the boot, unless another has taken its place."""
        present = machine.boot
        if present is None or present.id != boot.id:
            return machine, []
        if move.wound_down:
            return replace(machine, boot=replace(present, wind_down=False, fault="")), []
        if move.stage is None or reach(present, move.stage, self._now()) is present:
            return machine, []
        after = replace(machine, boot=reach(present, move.stage, self._now(), move.detail))
        said = BootProgressed(
            at=self._now(),
            machine=machine.id,
            name=machine.name,
            boot=boot.id,
            stage=move.stage.value,
            detail=move.detail,
        )
        return after, [said]

    def _is_resting(self, machine: MachineId) -> bool:
        _, until = self._failures.get(machine, (0, self._now()))
        return self._now() < until

    async def _note_fault(self, machine: Machine, fault: str) -> None:
        count, _ = self._failures.get(machine.id, (0, self._now()))
        rest = timedelta(seconds=min(RETRY_S * 2**count, 30))
        self._failures[machine.id] = (count + 1, self._now() + rest)
        log.warning("power.failed", machine=machine.id, reason=fault, retry_s=rest.total_seconds())

        def noted(m: Machine) -> tuple[Machine, list[MachineEvent]]:
            if m.boot is None or m.boot.fault == fault:
                return m, []
            return replace(m, boot=replace(m.boot, fault=fault)), []

        try:
            await self._lifecycle.change(machine.id, noted)
        except FibrixError as exc:
            log.warning("power.fault_not_stored", machine=machine.id, reason=str(exc))
