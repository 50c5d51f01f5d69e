"""/api/v1/tenants: the customers, what they may have and what they have."""

import msgspec

from fibrix.api.listing import ListQuery, Page, listing
from fibrix.api.route import Call, Encoded, Nothing, Reply, Route
from fibrix.api.views import Time
from fibrix.domain.access import Permission
from fibrix.domain.account import Quota, Tenant
from fibrix.domain.ports.identity import TenantChanges, Tenants, TenantSpec
from fibrix.domain.quota import Use
from fibrix.errors import ConflictError, NotFoundError
from fibrix.types import TenantId

BASE = "/api/v1/tenants"
ONE = BASE + "/{tenant}"


class TenantView(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant, with what it has at present next to what it may have."""

    id: TenantId
    name: str
    title: str
    quota: Quota
    use: Use
    pools: tuple[str, ...]
    created_at: Time
    revision: int


class TenantRoutes:
    """Tenants. Each sees itself alone."""

    def __init__(self, tenants: Tenants) -> None:
        self._tenants = tenants

    def routes(self) -> list[Route]:
        """The part of the route table."""
        may = Permission.ADMINISTER
        clash = (NotFoundError, ConflictError)
        example = TenantSpec(name="acme", title="Acme Ltd.", quota=Quota(machines=4, addresses=8))
        return [
            Route("GET", BASE, self.listing, Permission.READ, "List tenants; for a tenant's user, their own"),
            Route("POST", BASE, self.add, may, "Make a tenant", (ConflictError,), 201, example=example),
            Route("GET", ONE, self.get, Permission.READ, "Show a tenant, its quota and its use", (NotFoundError,)),
            Route("PATCH", ONE, self.edit, may, "Edit a tenant; a quota is replaced whole", clash),
            Route(
                "DELETE", ONE, self.delete, may, "Remove a tenant without machines, its users and SSH keys", clash, 204
            ),
        ]

    async def listing(self, call: Call[Nothing, ListQuery]) -> Reply[Encoded[Page[TenantView]]]:
        """By name."""
        views = [self._view(tenant) for tenant in self._tenants.all(call.caller)]
        return listing(TenantView, views, call.query, lambda view: view.id, order="name")

    async def add(self, call: Call[TenantSpec, Nothing]) -> Reply[TenantView]:
        """Its users are made afterwards."""
        made = await self._tenants.add(call.body)
        return Reply(self._view(made), headers={"Location": f"{BASE}/{made.id}"})

    async def get(self, call: Call[Nothing, Nothing]) -> Reply[TenantView]:
        """By id or name."""
        return Reply(self._view(self._tenants.get(call.caller, call.path["tenant"])))

    async def edit(self, call: Call[TenantChanges, Nothing]) -> Reply[TenantView]:
        """What is left out stays as it is."""
        return Reply(self._view(await self._tenants.update(call.caller, call.path["tenant"], call.body)))

    async def delete(self, call: Call[Nothing, Nothing]) -> Reply[None]:
        """Its machines must be released first."""
        await self._tenants.delete(call.caller, call.path["tenant"])
        return Reply(None)

    def _view(self, tenant: Tenant) -> TenantView:
        return TenantView(
            id=tenant.id,
            name=tenant.name,
            title=tenant.title,
            quota=tenant.quota,
            use=self._tenants.use(tenant),
            pools=tenant.pools,
            created_at=tenant.created_at,
            revision=tenant.revision,
        )
