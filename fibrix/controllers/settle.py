"""Draws the conclusion from script runs: the state succeeded, failed, or goes on."""

import secrets
from collections.abc import Callable
from datetime import datetime

import structlog
from msgspec.structs import replace

from fibrix.controllers.lifecycle import Lifecycle
from fibrix.controllers.ports import Store
from fibrix.domain.enter import new_boot
from fibrix.domain.machine import Boots, Machine
from fibrix.domain.names import opaque_id
from fibrix.domain.state import PASSING, State
from fibrix.domain.trigger import Trigger
from fibrix.domain.verdict import present, verdict
from fibrix.errors import ConflictError
from fibrix.events.machine import BootProgressed, MachineEvent
from fibrix.types import BootId, MachineId

log = structlog.get_logger()


class Settler:
    """Looks at a machine's runs after each result, and again now and then: a crash in between loses nothing."""

    def __init__(self, store: Store, lifecycle: Lifecycle, now: Callable[[], datetime]) -> None:
        self._store = store
        self._lifecycle = lifecycle
        self._now = now

    async def settle(self, machine_id: MachineId) -> None:
        """Take the edge that is due, if one is. Another change that came first is fine."""
        machine = self._store.machine(machine_id)
        found = await self._due(machine)
        if found is None:
            return
        trigger, reason = found
        try:
            if machine.state is State.DEPLOYING and trigger is Trigger.SUCCEEDED and not _has_reported(machine):
                await self._lifecycle.change(machine_id, self._boot_installed)
            else:
                await self._lifecycle.fire(machine_id, trigger, reason, seen=machine.state)
        except ConflictError as exc:
            log.info("settle.overtaken", machine=machine_id, reason=str(exc))

    async def _due(self, machine: Machine) -> tuple[Trigger, str] | None:
        """Decide by what is stored: the runs of the present state, or the installed system's report."""
        boot = machine.boot
        if machine.state not in PASSING or boot is None:
            return None
        if boot.boots is Boots.INSTALLED:
            return (Trigger.SUCCEEDED, "the installed system reported in") if _has_reported(machine) else None
        return verdict(machine.state, present(machine.state, await self._store.runs(machine.id)))

    def _boot_installed(self, machine: Machine) -> tuple[Machine, list[MachineEvent]]:
        """Follow the writing of the image by a boot of what was written."""
        boot, deployment = machine.boot, machine.deployment
        if boot is None or deployment is None or boot.boots is Boots.INSTALLED:
            return machine, []
        fresh = new_boot(
            BootId(opaque_id("b", secrets.randbelow)), Boots.INSTALLED, self._now(), session_hash=boot.session_hash
        )
        after = replace(machine, boot=fresh, deployment=replace(deployment, written=True))
        said = BootProgressed(
            at=self._now(),
            machine=machine.id,
            name=machine.name,
            boot=fresh.id,
            stage=fresh.stage.value,
            detail="the image is written; the installed system is next",
        )
        return after, [said]


def _has_reported(machine: Machine) -> bool:
    return machine.deployment is not None and machine.deployment.reported_at is not None
