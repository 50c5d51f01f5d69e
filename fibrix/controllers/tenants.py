"""Tenants: the customers."""

from collections.abc import Callable, Sequence
from datetime import datetime

from msgspec.structs import replace

from fibrix.controllers import leaving
from fibrix.controllers.find import by_id_or_name
from fibrix.controllers.mailroom import removed
from fibrix.controllers.ports import Store, Unit
from fibrix.domain.access import Caller
from fibrix.domain.account import Tenant, User, check_pools, check_tenant_name, check_words
from fibrix.domain.names import opaque_id
from fibrix.domain.ports.identity import TenantChanges, TenantSpec
from fibrix.domain.quota import Use
from fibrix.domain.webhook import Webhook
from fibrix.errors import ConflictError, NotFoundError
from fibrix.events.controller import SshKeyDeleted
from fibrix.events.identity import TenantCreated, TenantDeleted, TenantUpdated
from fibrix.types import TenantId


class TenantController:
    """Fits `domain.ports.identity.Tenants`. `measure` tells what a tenant has, in the figures of its quota."""

    def __init__(
        self,
        store: Store,
        measure: Callable[[TenantId], Use],
        now: Callable[[], datetime],
        draw: Callable[[int], int],
    ) -> None:
        self._store = store
        self._measure = measure
        self._now = now
        self._draw = draw

    def all(self, caller: Caller) -> Sequence[Tenant]:
        """Those that the caller may see, in the order in which they were made."""
        return [tenant for tenant in self._store.of(Tenant).all() if caller.sees(tenant.id)]

    def get(self, caller: Caller, key: str) -> Tenant:
        """Find by id or name. Raises NotFoundError."""
        found = by_id_or_name(self._store.of(Tenant), "tenant", key)
        if not caller.sees(found.id):
            raise NotFoundError(f"there is no tenant {key!r}")
        return found

    def use(self, tenant: Tenant) -> Use:
        """What it has, in the figures of its quota."""
        return self._measure(tenant.id)

    async def add(self, spec: TenantSpec) -> Tenant:
        """Make one. Raises InvalidError, ConflictError (the name is in use)."""
        made = Tenant(
            id=TenantId(opaque_id("t", self._draw)),
            name=check_tenant_name(spec.name),
            title=check_words(spec.title, pointer="/title"),
            quota=spec.quota,
            pools=check_pools(spec.pools),
            created_at=self._now(),
        )

        def work(unit: Unit) -> Tenant:
            unit.of(Tenant).insert(made)
            unit.append(TenantCreated(at=self._now(), id=made.id, name=made.name, tenant=made.id))
            return made

        return await self._store.change(work)

    async def update(self, caller: Caller, key: str, changes: TenantChanges) -> Tenant:
        """Edit one. Raises NotFoundError, InvalidError, ConflictError (the name is in use)."""
        found = self.get(caller, key)

        def work(unit: Unit) -> Tenant:
            before = unit.of(Tenant).read(found.id)
            after = _changed(before, changes)
            fields = tuple(f for f in ("name", "title", "quota", "pools") if getattr(before, f) != getattr(after, f))
            if not fields:
                return before
            unit.of(Tenant).update(after)
            unit.append(TenantUpdated(at=self._now(), id=after.id, name=after.name, fields=fields, tenant=after.id))
            return after

        return await self._store.change(work)

    async def delete(self, caller: Caller, key: str) -> None:
        """Remove one, with its users, SSH keys and webhooks. Raises NotFoundError, ConflictError (it has machines)."""
        found = self.get(caller, key)

        def work(unit: Unit) -> None:
            tenant = unit.of(Tenant).read(found.id)
            has = len(unit.machines(tenant=tenant.id))
            if has:
                raise ConflictError(
                    f"{tenant.name} has {has} {'machine' if has == 1 else 'machines'}: release them first"
                )
            self._remove(unit, tenant)

        await self._store.change(work)

    def _remove(self, unit: Unit, tenant: Tenant) -> None:
        """Remove a tenant with all that is its own."""
        now = self._now()
        for user in unit.of(User).all():
            if user.tenant == tenant.id:
                leaving.remove(unit, user, now)
        for key in unit.ssh_keys(tenant.id):
            unit.delete_ssh_key(tenant.id, key.name)
            unit.append(SshKeyDeleted(at=now, name=key.name, tenant=tenant.id))
        for webhook in unit.of(Webhook).all():
            if webhook.tenant == tenant.id:
                removed(unit, webhook, now)
        unit.of(Tenant).delete(tenant.id)
        unit.append(TenantDeleted(at=now, id=tenant.id, name=tenant.name, tenant=tenant.id))


def _changed(before: Tenant, changes: TenantChanges) -> Tenant:
    """Apply changes. Raises InvalidError."""
    return replace(
        before,
        name=before.name if changes.name is None else check_tenant_name(changes.name),
        title=before.title if changes.title is None else check_words(changes.title, pointer="/title"),
        quota=before.quota if changes.quota is None else changes.quota,
        pools=before.pools if changes.pools is None else check_pools(changes.pools),
        revision=before.revision + 1,
    )
