"""How long machines stay in their states and how long operations take: noted as they end."""

import asyncio
from datetime import datetime

from fibrix.bus import Bus
from fibrix.controllers.ports import Store
from fibrix.domain.operation import Operation
from fibrix.errors import NotFoundError
from fibrix.events.base import Event
from fibrix.events.machine import MachineAdded, MachineDeleted, MachineDiscovered, StateChanged
from fibrix.events.operation import OperationEnded
from fibrix.runtime.metrics.spread import LONG_S, Spreads
from fibrix.types import MachineId


class Durations:
    """A service that keeps spreads. What happened while it was behind is not counted: the journal has it all."""

    name = "durations"

    def __init__(self, bus: Bus, store: Store) -> None:
        self.states: Spreads[str] = Spreads(LONG_S)  # by the state that was left
        self.operations: Spreads[tuple[str, str]] = Spreads(LONG_S)  # by kind and how it ended
        self._bus = bus
        self._store = store
        self._since: dict[MachineId, datetime] = {machine.id: machine.since for machine in store.machines()}

    async def run(self, ready: asyncio.Event) -> None:
        """Listen until cancelled."""
        kinds = (StateChanged, MachineAdded, MachineDiscovered, MachineDeleted, OperationEnded)
        with self._bus.subscribe(*kinds, name=self.name) as facts:
            ready.set()
            while True:
                for event in await facts.batch():
                    self.take(event)

    def take(self, event: Event) -> None:
        """Note one event."""
        match event:
            case StateChanged():
                self._left(event)
            case MachineAdded() | MachineDiscovered():
                self._since[event.machine] = event.at
            case MachineDeleted():
                self._since.pop(event.machine, None)
            case OperationEnded():
                self._ended(event)
            case _:
                pass

    def _left(self, event: StateChanged) -> None:
        """A machine went on."""
        began = self._since.get(event.machine)
        if began is not None and event.before is not event.after:
            self.states.add(event.before.value, (event.at - began).total_seconds())
            self._since[event.machine] = event.at

    def _ended(self, event: OperationEnded) -> None:
        """An operation came to its end; one that is no longer on record is not counted."""
        try:
            began = self._store.of(Operation).get(event.operation).created_at
        except NotFoundError:
            return
        self.operations.add((event.kind, event.state), (event.at - began).total_seconds())
