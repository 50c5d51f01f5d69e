"""Machines that nobody knew: shown to the operator, and left alone until accepted."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

import structlog
from msgspec.structs import replace

from fibrix.controllers.heard import Heard
from fibrix.controllers.lifecycle import Lifecycle
from fibrix.controllers.naming import free_name
from fibrix.controllers.ports import Store, Unit
from fibrix.domain.identity import sane_uuid
from fibrix.domain.machine import Machine
from fibrix.domain.names import opaque_id
from fibrix.errors import ConflictError
from fibrix.events.machine import MachineDiscovered
from fibrix.events.rack import BootAsked
from fibrix.types import MachineId

log = structlog.get_logger()
MOST_UNACCEPTED: Final = 1_000
"""So many may wait to be accepted; a flood of made-up MACs fills no more than this."""


class Discovery:
    """Makes a machine of an unknown one that asked iPXE's question, or knows it again by its SMBIOS UUID."""

    def __init__(
        self,
        store: Store,
        lifecycle: Lifecycle,
        heard: Heard,
        refresh: Callable[[], None],
        now: Callable[[], datetime],
        draw: Callable[[int], int],
    ) -> None:
        self._store = store
        self._lifecycle = lifecycle
        self._heard = heard
        self._refresh = refresh
        self._now = now
        self._draw = draw

    async def asked(self, event: BootAsked) -> None:
        """Take up an unknown machine."""
        uuid = sane_uuid(event.uuid)
        for machine in self._store.machines():
            if event.mac in machine.macs:
                return  # taken up since it asked
            if uuid and machine.uuid == uuid:
                await self._lifecycle.change(machine.id, lambda m: (replace(m, macs=(*m.macs, event.mac)), []))
                return
        if sum(not m.accepted for m in self._store.machines()) >= MOST_UNACCEPTED:
            raise ConflictError(f"{event.mac} is not taken up: {MOST_UNACCEPTED} machines wait to be accepted already")
        machine = await self._store.change(lambda unit: self._insert(unit, event, uuid))
        self._heard.waits(machine.id)
        self._refresh()
        log.info("machine.discovered", machine=machine.id, mac=event.mac, address=str(event.address))

    def _insert(self, unit: Unit, event: BootAsked, uuid: str) -> Machine:
        now = self._now()
        machine = Machine(
            id=MachineId(opaque_id("m", self._draw)),
            name=free_name(self._store, self._draw),
            since=now,
            reason=f"it asked for a network boot on subnet {event.subnet} and waits to be accepted",
            macs=(event.mac,),
            uuid=uuid,
            uefi=event.uefi,
            address=str(event.address),
            created_at=now,
        )
        unit.insert(machine)
        unit.append(
            MachineDiscovered(
                at=now,
                machine=machine.id,
                name=machine.name,
                mac=event.mac,
                address=machine.address,
                manufacturer=event.manufacturer,
                product=event.product,
            )
        )
        return machine
