"""/api/v1/allocations: a machine, by what it must have."""

from fibrix.api.route import Call, Nothing, Reply, Route
from fibrix.api.views import MachineView, machine_view
from fibrix.domain.access import Permission
from fibrix.domain.ports.machines import Machines, Wanted
from fibrix.errors import ConflictError, QuotaError

PATH = "/api/v1/allocations"
MACHINES = "/api/v1/machines"

_EXAMPLE = Wanted(cores=8, memory_bytes=64 << 30, tags=("ssd",))


class AllocationRoutes:
    """Allocations."""

    def __init__(self, machines: Machines) -> None:
        self._machines = machines

    def routes(self) -> list[Route]:
        """The part of the route table."""
        errors = (ConflictError, QuotaError)
        summary = "Allocate the smallest machine that fits"
        return [Route("POST", PATH, self.add, Permission.USE, summary, errors, 201, example=_EXAMPLE)]

    async def add(self, call: Call[Wanted, Nothing]) -> Reply[MachineView]:
        """Least memory, then cores, then disk space, then the oldest. Location is the machine's path."""
        machine = await self._machines.allocate_one(call.body, call.caller)
        return Reply(machine_view(machine, call.caller), headers={"Location": f"{MACHINES}/{machine.id}"})
