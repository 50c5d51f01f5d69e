"""What a boot asks of its machine's power supply. Told as one event each, even if the controller dies in between."""

from collections.abc import Callable
from datetime import datetime

import structlog
from msgspec.structs import replace

from fibrix.controllers.lifecycle import Lifecycle
from fibrix.domain.machine import Boot, Machine
from fibrix.domain.ports.power import Power
from fibrix.domain.power import PowerAction, PowerState
from fibrix.domain.power_plan import Asked, came_of
from fibrix.errors import ConflictError
from fibrix.events.machine import MachineEvent, PowerActed

log = structlog.get_logger()


class Acts:
    """Stores what is about to be asked for, asks, and tells what was accepted.

    Between asking and telling the controller may be killed, or the BMC's answer be lost: what is stored without having
    been told is settled by what the supply is read to be afterwards.
    """

    def __init__(self, lifecycle: Lifecycle, power: Power, now: Callable[[], datetime]) -> None:
        self._lifecycle = lifecycle
        self._power = power
        self._now = now

    async def act(self, machine: Machine, boot: Boot, action: PowerAction) -> bool:
        """Ask for an action; False: it was so already. Raises PowerError; ConflictError: it has another boot by now."""
        await self._lifecycle.change(machine.id, lambda m: (_asking(m, boot, action), []))
        if await self._power.act(machine.id, action):
            await self._tell(machine, boot, action, _why(boot, action))
            return True
        if boot.asking is None:  # nor was it asked for before: somebody else did it, just now
            await self._lifecycle.change(machine.id, lambda m: (_forgotten(m, boot), []))
        return False

    async def settle(self, machine: Machine, power: PowerState) -> Machine:
        """Tell what was asked for and is found done; forget what was not, and nobody will ask for again."""
        boot = machine.boot
        if boot is None or boot.asking is None:
            return machine
        action = boot.asking
        match came_of(machine, boot, power):
            case Asked.DONE:
                return await self._tell(machine, boot, action, f"{_why(boot, action)}; found done, no answer was heard")
            case Asked.IN_VAIN:
                return await self._lifecycle.change(machine.id, lambda m: (_forgotten(m, boot), []))
            case Asked.OPEN:
                return machine

    async def _tell(self, machine: Machine, boot: Boot, action: PowerAction, why: str) -> Machine:
        log.info("power.acted", machine=machine.id, action=action.value, why=why)

        def told(m: Machine) -> tuple[Machine, list[MachineEvent]]:
            said = PowerActed(at=self._now(), machine=m.id, name=m.name, action=action.value, why=why)
            return replace(_forgotten(m, boot)), [said]  # a copy: its event is stored in any case

        return await self._lifecycle.change(machine.id, told)


def _why(boot: Boot, action: PowerAction) -> str:
    winds_down = boot.wind_down and action is PowerAction.OFF
    return "to wind down" if winds_down else f"to boot the {boot.boots.value} system"


def _asking(machine: Machine, boot: Boot, action: PowerAction) -> Machine:
    present = machine.boot
    if present is None or (present.id, present.wind_down) != (boot.id, boot.wind_down):
        raise ConflictError(f"{machine.name}: its power is left alone: it has another boot by now, or is to go off")
    return machine if present.asking is action else replace(machine, boot=replace(present, asking=action))


def _forgotten(machine: Machine, boot: Boot) -> Machine:
    present = machine.boot
    if present is None or present.id != boot.id or present.asking is None:
        return machine
    return replace(machine, boot=replace(present, asking=None))
