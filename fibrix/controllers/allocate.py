"""Keeps machines for tenants: chosen, checked against the quota and taken in one transaction."""

from collections.abc import Callable

from msgspec.structs import replace

from fibrix.controllers.lifecycle import Lifecycle
from fibrix.controllers.ports import Store, Unit
from fibrix.controllers.quotas import check_machine
from fibrix.domain.access import REGION, Caller, Role
from fibrix.domain.account import Tenant
from fibrix.domain.allocation import choose
from fibrix.domain.lifecycle import step
from fibrix.domain.machine import Machine
from fibrix.domain.ports.machines import AllocateSpec, Wanted
from fibrix.domain.state import State
from fibrix.domain.trigger import Trigger
from fibrix.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from fibrix.types import MachineId


class Allocator:
    """Gives machines to tenants. All that it decides by is read in the transaction that takes the machine."""

    def __init__(self, store: Store, lifecycle: Lifecycle) -> None:
        self._store = store
        self._lifecycle = lifecycle

    async def this_one(self, machine: MachineId, spec: AllocateSpec, caller: Caller) -> Machine:
        """Keep one machine, of whatever pool. Raises NotFoundError, ConflictError, QuotaError, InvalidError."""
        tenant = self._tenant(spec.tenant, caller)

        def found(unit: Unit) -> Machine:
            before = unit.machine(machine)
            step(before.state, Trigger.ALLOCATE)
            if not before.accepted:
                raise ConflictError(f"{before.name} is not accepted yet: nothing is done to it before that")
            return before

        return await self._take(found, tenant, spec.reason)

    async def smallest(self, wanted: Wanted, caller: Caller) -> Machine:
        """Keep the smallest that fits. Raises ConflictError, QuotaError, InvalidError, ForbiddenError."""
        tenant = self._tenant(wanted.tenant, caller)

        def found(unit: Unit) -> Machine:
            pools = unit.of(Tenant).read(tenant.id).pools if tenant else None
            if wanted.pool and pools is not None and wanted.pool not in pools:
                raise InvalidError(_no_such_pool(wanted.pool, pools), pointer="/pool")
            return choose(unit.machines(state=State.READY), wanted, pools)

        return await self._take(found, tenant, wanted.reason)

    async def _take(self, find: Callable[[Unit], Machine], tenant: Tenant | None, reason: str) -> Machine:
        """Take the machine that is found, where the tenant's quota allows it. None: the region takes it."""

        def chosen(unit: Unit) -> Machine:
            machine = find(unit)
            if tenant is None:
                return machine
            check_machine(unit, tenant.id, machine)
            return replace(machine, tenant=tenant.id)

        words = f"allocated to {tenant.name}" if tenant else "somebody asked to allocate"
        return await self._lifecycle.take(chosen, Trigger.ALLOCATE, reason or words)

    def _tenant(self, named: str, caller: Caller) -> Tenant | None:
        """Find for whom; None: for the region itself. Raises InvalidError, ForbiddenError."""
        tenants = self._store.of(Tenant)
        if caller.role is Role.TENANT:
            own = tenants.get(caller.tenant)
            if named not in ("", own.id, own.name):
                raise ForbiddenError("a tenant's users allocate for their own tenant only: leave `tenant` out")
            return own
        if named == REGION:
            return None
        found = tenants.by_key(named)
        try:
            return found or tenants.get(named)
        except NotFoundError as exc:
            raise InvalidError(f"there is no tenant {named!r}", pointer="/tenant") from exc


def _no_such_pool(pool: str, pools: tuple[str, ...]) -> str:
    """The same words whether there are machines in that pool or not."""
    return f"there is no pool {pool!r} to draw from; there are: {', '.join(pools) or 'none'}"
