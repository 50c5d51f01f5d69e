"""Watches over boots: hears what the wire shows, works the power, and gives up what does not come in time."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final

import structlog

from fibrix.bus import Bus
from fibrix.controllers.discovery import Discovery
from fibrix.controllers.drive import Drive, needs_driving
from fibrix.controllers.heard import Heard
from fibrix.controllers.lifecycle import Lifecycle
from fibrix.controllers.ports import Store
from fibrix.controllers.settle import Settler
from fibrix.controllers.sightings import Sightings
from fibrix.domain.machine import Machine, RunStatus
from fibrix.domain.progress import Limits, overdue
from fibrix.domain.state import PASSING
from fibrix.domain.trigger import Trigger
from fibrix.errors import FibrixError
from fibrix.events.base import Event
from fibrix.events.rack import BootAsked, DiscoverSeen, LeaseGranted, TransferEnded
from fibrix.types import MachineId

log = structlog.get_logger()
TICK_S: Final = 1.0


class BootController:
    """The service that carries every passing machine on, once a second and at every fact from the wire."""

    name = "boot"

    def __init__(  # noqa: PLR0913 - collaborators, by keyword
        self,
        *,
        bus: Bus,
        store: Store,
        lifecycle: Lifecycle,
        sightings: Sightings,
        discovery: Discovery,
        drive: Drive,
        settler: Settler,
        heard: Heard,
        limits: Limits,
        now: Callable[[], datetime],
    ) -> None:
        self._bus = bus
        self._store = store
        self._lifecycle = lifecycle
        self._sightings = sightings
        self._discovery = discovery
        self._drive = drive
        self._settler = settler
        self._heard = heard
        self._limits = limits
        self._now = now
        self._busy: set[MachineId] = set()

    async def run(self, ready: asyncio.Event) -> None:
        """Serve until cancelled."""
        with self._bus.subscribe(DiscoverSeen, LeaseGranted, TransferEnded, BootAsked, name="boot") as facts:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._tick_forever(group), name="boot.tick")
                ready.set()
                while True:
                    for fact in await facts.batch():
                        await self._guarded(self.take(fact), type(fact).__name__)

    async def take(self, fact: Event) -> None:
        """Take one fact from the wire to whom it concerns."""
        match fact:
            case DiscoverSeen():
                await self._sightings.discover(fact)
            case LeaseGranted():
                await self._sightings.leased(fact)
            case TransferEnded():
                await self._sightings.transferred(fact)
            case BootAsked(known=False):
                await self._discovery.asked(fact)
            case BootAsked():
                await self._sightings.asked(fact)
            case _:
                raise AssertionError(f"not subscribed to {fact!r}")

    async def _tick_forever(self, group: asyncio.TaskGroup) -> None:
        while True:
            for machine in self._store.machines():
                wanted = machine.state in PASSING or needs_driving(machine)
                if wanted and machine.id not in self._busy:
                    self._busy.add(machine.id)
                    group.create_task(self.carry_on(machine), name=f"boot.{machine.id}")
            await asyncio.sleep(TICK_S)

    async def carry_on(self, machine: Machine) -> None:
        """Do what is next for one machine; never twice at once for the same one."""
        try:
            await self._guarded(self._settler.settle(machine.id), "settle")
            await self._guarded(self._drive.step(machine.id), "drive")
            await self._guarded(self._give_up(machine.id), "deadline")
        finally:
            self._busy.discard(machine.id)

    async def _give_up(self, machine_id: MachineId) -> None:
        """End a passing state whose time, or whose present stage's time, is over."""
        machine = self._heard.onto(self._store.machine(machine_id))
        reason = "" if self._heard.in_grace() else overdue(machine, self._limits, self._now())
        if not reason:
            return
        running = [r for r in await self._store.runs(machine_id) if r.status is RunStatus.RUNNING]
        reason = overdue(machine, self._limits, self._now(), running[-1].script if running else "")
        late = machine.deadline is not None and self._now() >= machine.deadline
        await self._lifecycle.fire(
            machine_id, Trigger.TIMED_OUT if late else Trigger.FAILED, reason, seen=machine.state
        )

    async def _guarded(self, work: Awaitable[None], what: str) -> None:
        """Await one piece of work; what goes wrong on purpose concerns one machine or one packet, not the service."""
        try:
            await work
        except FibrixError as exc:
            log.warning("boot.not_taken", what=what, reason=str(exc))
