"""Whether what a webhook is to be can be: all that is wrong is told at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from msgspec import UnsetType
from msgspec.structs import replace

from fibrix.config import WebhooksConfig
from fibrix.controllers.ports import Store
from fibrix.domain.access import REGION
from fibrix.domain.account import Tenant
from fibrix.domain.ports.webhooks import Wanted
from fibrix.domain.selection import Selection
from fibrix.domain.webhook import check_name
from fibrix.domain.webhook_target import Reach, check_url
from fibrix.errors import Fault, InvalidError, NotFoundError
from fibrix.types import MachineId, TenantId

_PLACES: Final = {"/type": "/wants/types", "/subject": "/wants/subject"}
"""Where a webhook has what a query has elsewhere."""


class Checker:
    """Checks names, URLs and filters. What is left out is not looked at."""

    def __init__(self, store: Store, config: WebhooksConfig) -> None:
        self._store = store
        self._reach = Reach.of(config.allow)
        self._tenants_reach = Reach.of(config.tenant_allow)

    def check(
        self, tenant: TenantId, *, name: str | UnsetType, url: str | UnsetType, wants: Wanted | UnsetType
    ) -> Selection:
        """Give the selection of what is wanted. Raises InvalidError with every fault."""
        faults: list[Fault] = []
        selection = Selection()
        with _gathered(faults):
            if isinstance(name, str):
                check_name(name)
        with _gathered(faults):
            if isinstance(url, str):
                check_url(url, self._reach if tenant == REGION else self._tenants_reach)
        with _gathered(faults):
            if isinstance(wants, Wanted):
                selection = self._selection(tenant, wants)
        if faults:
            raise InvalidError("; ".join(fault.detail for fault in faults), faults=faults)
        return selection

    def _selection(self, tenant: TenantId, wants: Wanted) -> Selection:
        """Read a filter; a tenant's webhook sees the tenant's events only. Raises InvalidError."""
        read = Selection.of(
            types=",".join(wants.types),
            subject=wants.subject,
            machine=self._machine(tenant, wants.machine),
            tenant=self._tenant(tenant, wants.tenant),
        )
        return replace(read, owner=None if tenant == REGION else tenant)

    def _machine(self, tenant: TenantId, key: str) -> MachineId:
        """Find the machine that is meant. Raises InvalidError."""
        if not key:
            return MachineId("")
        try:
            machine = self._store.find(key)
        except NotFoundError:
            machine = None
        if machine is None or tenant not in {REGION, machine.tenant}:
            raise InvalidError(f"there is no machine {key!r}", pointer="/wants/machine")
        return machine.id

    def _tenant(self, tenant: TenantId, key: str) -> TenantId:
        """Find the tenant that is meant, by id or name. Raises InvalidError."""
        if not key:
            return REGION
        found = next((one for one in self._store.of(Tenant).all() if key in {one.id, one.name}), None)
        if found is None or tenant not in {REGION, found.id}:
            raise InvalidError(f"there is no tenant {key!r}", pointer="/wants/tenant")
        return found.id


@contextmanager
def _gathered(faults: list[Fault]) -> Iterator[None]:
    """Note what is wrong, and go on to the next."""
    try:
        yield
    except InvalidError as exc:
        faults += [Fault(fault.detail, _PLACES.get(fault.pointer, fault.pointer)) for fault in exc.faults]
