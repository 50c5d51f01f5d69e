"""Keeps the power state of machines as the rack reads it, and passes the operator's word on where power is manual."""

import asyncio
from collections.abc import Callable
from datetime import datetime

import structlog
from msgspec.structs import replace

from fibrix.bus import Bus
from fibrix.controllers.lifecycle import Lifecycle
from fibrix.domain.machine import Machine
from fibrix.errors import FibrixError
from fibrix.events.base import Event
from fibrix.events.machine import MachineEvent, PowerAsked, PowerChanged
from fibrix.events.rack import PowerChangeAsked, PowerRead

log = structlog.get_logger()


class PowerController:
    """The service that stores readings. A reading like the one before stores nothing."""

    name = "power-states"

    def __init__(self, bus: Bus, lifecycle: Lifecycle, now: Callable[[], datetime]) -> None:
        self._bus = bus
        self._lifecycle = lifecycle
        self._now = now

    async def run(self, ready: asyncio.Event) -> None:
        """Serve until cancelled."""
        with self._bus.subscribe(PowerRead, PowerChangeAsked, name="power-states") as facts:
            ready.set()
            while True:
                for event in await facts.batch():
                    await self._take(event)

    async def _take(self, event: Event) -> None:
        try:
            match event:
                case PowerRead():
                    await self._lifecycle.change(event.machine, lambda m: self._stored(event, m))
                case PowerChangeAsked():
                    await self._lifecycle.change(event.machine, lambda m: self._asked(event, m))
                case _:
                    raise AssertionError(f"not subscribed to {event!r}")
        except FibrixError as exc:
            log.info("power.reading_not_stored", reason=str(exc))

    def _stored(self, event: PowerRead, machine: Machine) -> tuple[Machine, list[MachineEvent]]:
        if (machine.power_state, machine.power_detail) == (event.state, event.detail):
            return machine, []
        after = replace(machine, power_state=event.state, power_detail=event.detail, power_at=event.at)
        if machine.power_state is event.state:
            return after, []
        said = PowerChanged(
            at=self._now(),
            machine=machine.id,
            name=machine.name,
            before=machine.power_state,
            after=event.state,
            detail=event.detail,
        )
        return after, [said]

    def _asked(self, event: PowerChangeAsked, machine: Machine) -> tuple[Machine, list[MachineEvent]]:
        said = PowerAsked(at=self._now(), machine=machine.id, name=machine.name, action=event.wanted)
        detail = f"a person is asked to do this, and to confirm: power {event.wanted}"
        return replace(machine, power_detail=detail), [said]
