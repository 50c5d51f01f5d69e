"""/api/v1/machines/{machine}/power: what a machine's supply says, and what it is told."""

import msgspec

from fibrix.api.route import Call, Nothing, Reply, Route
from fibrix.domain.access import Permission, Role
from fibrix.domain.ports.machines import Machines
from fibrix.domain.power import BootDevice, PowerAction, PowerReading, PowerState
from fibrix.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError, PowerError
from fibrix.types import MachineId

PATH = "/api/v1/machines/{machine}/power"


class PowerOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of the three: an action; what an operator says the power is now (manual power); where to boot from next."""

    action: PowerAction | None = None
    confirm: PowerState | None = None
    boot_device: BootDevice | None = None


class PowerDone(msgspec.Struct, frozen=True, kw_only=True):
    """What came of an order. `changed` is false where nothing was to do."""

    machine: MachineId
    changed: bool
    detail: str


class PowerRoutes:
    """Power."""

    def __init__(self, machines: Machines) -> None:
        self._machines = machines

    def routes(self) -> list[Route]:
        """The part of the route table."""
        errors = (NotFoundError, ConflictError, PowerError)
        return [
            Route("GET", PATH, self.status, Permission.READ, "Ask its power supply now", (NotFoundError, PowerError)),
            Route(
                "POST",
                PATH,
                self.order,
                Permission.USE,
                "Power it, confirm its power, or choose its next boot device",
                errors,
                outward=True,
            ),
        ]

    async def status(self, call: Call[Nothing, Nothing]) -> Reply[PowerReading]:
        """Ask now, whatever was last read."""
        reading = await self._machines.power_status(self._machines.get(call.path["machine"], call.caller).id)
        if call.caller.role is Role.TENANT:  # how it is read is the region's business
            reading = PowerReading(state=reading.state, detail=reading.state.value)
        return Reply(reading)

    async def order(self, call: Call[PowerOrder, Nothing]) -> Reply[PowerDone]:
        """Carry out one order. Only `cycle` ever cycles."""
        machine = self._machines.get(call.path["machine"], call.caller).id
        match call.body:
            case PowerOrder(action=PowerAction() as action, confirm=None, boot_device=None):
                changed = await self._machines.power(machine, action)
                detail = f"{action.value} was accepted" if changed else "it was so already: nothing was done"
            case PowerOrder(action=None, confirm=PowerState() as state, boot_device=None):
                if Permission.OPERATE not in call.caller.may:
                    raise ForbiddenError(
                        "what the power of a machine is, is confirmed by who stands before it: operators"
                    )
                await self._machines.power_confirm(machine, state)
                changed, detail = True, f"noted that it is {state.value}"
            case PowerOrder(action=None, confirm=None, boot_device=BootDevice() as device):
                await self._machines.boot_device(machine, device)
                changed, detail = True, f"it boots from {device.value} next time"
            case _:
                raise InvalidError("give exactly one of action, confirm and boot_device")
        return Reply(PowerDone(machine=machine, changed=changed, detail=detail))
