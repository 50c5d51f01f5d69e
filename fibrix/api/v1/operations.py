"""/api/v1/operations: long work, to be watched, awaited and cancelled."""

from collections.abc import Sequence
from typing import Annotated

import msgspec

from fibrix.api.listing import ListQuery, Page, listing
from fibrix.api.operation_view import PATH, OperationView, operation_view
from fibrix.api.route import Call, Encoded, Nothing, Reply, Route
from fibrix.domain.access import Permission
from fibrix.domain.operation import Operation
from fibrix.domain.ports.machines import Machines
from fibrix.domain.ports.operations import Operations
from fibrix.errors import ConflictError, NotFoundError

ONE = PATH + "/{operation}"
OF_MACHINE = "/api/v1/machines/{machine}/operations"

WaitSeconds = Annotated[float, msgspec.Meta(ge=0, le=30)]


class OperationQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How to look at an operation."""

    wait: WaitSeconds = 0  # seconds to wait for its end; it is shown as it is then


class CancelSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why it is cancelled; it is shown as the machine's reason."""

    reason: str = ""


class OperationRoutes:
    """Operations."""

    def __init__(self, operations: Operations, machines: Machines) -> None:
        self._operations = operations
        self._machines = machines

    def routes(self) -> list[Route]:
        """The part of the route table."""
        here, clash = (NotFoundError,), (NotFoundError, ConflictError)
        cancel, of_machine = "Abort what an operation is doing", "List a machine's operations, oldest first"
        return [
            Route("GET", PATH, self.listing, Permission.READ, "List operations, oldest first"),
            Route("GET", ONE, self.get, Permission.READ, "Show an operation, or wait for its end", here),
            Route("POST", ONE + "/cancel", self.cancel, Permission.USE, cancel, clash),
            Route("GET", OF_MACHINE, self.of_machine, Permission.READ, of_machine, here),
        ]

    async def listing(self, call: Call[Nothing, ListQuery]) -> Reply[Encoded[Page[OperationView]]]:
        """Those of all machines."""
        return await self._listed(call, self._operations.all(call.caller))

    async def of_machine(self, call: Call[Nothing, ListQuery]) -> Reply[Encoded[Page[OperationView]]]:
        """Those of one machine."""
        machine = self._machines.get(call.path["machine"], call.caller)
        return await self._listed(call, self._operations.all(call.caller, machine.id))

    async def get(self, call: Call[Nothing, OperationQuery]) -> Reply[OperationView]:
        """As it is now, or at its end if that comes within the time given."""
        operation = self._find(call)
        if call.query.wait and operation.running:
            operation = await self._operations.ended(operation, call.query.wait)
        return await self._shown(operation)

    async def cancel(self, call: Call[CancelSpec, Nothing]) -> Reply[OperationView]:
        """Its machine goes back to where an abort leads."""
        reason = call.body.reason or "somebody cancelled the operation"
        return await self._shown(await self._operations.cancel(self._find(call), reason))

    async def _listed(
        self, call: Call[Nothing, ListQuery], found: Sequence[Operation]
    ) -> Reply[Encoded[Page[OperationView]]]:
        views = [operation_view(live) for live in await self._operations.live(found)]
        return listing(OperationView, views, call.query, lambda view: view.id, order="created_at")

    async def _shown(self, operation: Operation) -> Reply[OperationView]:
        return Reply(operation_view((await self._operations.live([operation]))[0]))

    def _find(self, call: Call[msgspec.Struct, msgspec.Struct]) -> Operation:
        return self._operations.get(call.path["operation"], call.caller)
