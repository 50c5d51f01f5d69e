"""Finds the machines and tenants that subscribers of events name."""

from typing import Protocol

from fibrix.controllers.ports import Things
from fibrix.domain.access import Caller
from fibrix.domain.account import Tenant
from fibrix.domain.machine import Machine
from fibrix.errors import NotFoundError
from fibrix.types import TenantId


class Named(Things, Protocol):
    """The part of the store that knows names."""

    def find(self, key: str) -> Machine:
        """Find a machine by id, name or MAC. Raises NotFoundError."""
        ...


class StoredNames:
    """Fits `domain.ports.journal.EventNames`. A name that nobody has may be an id of what is gone: its events stay."""

    def __init__(self, store: Named) -> None:
        self._store = store
        self._tenants = store.of(Tenant)

    def machine(self, key: str, caller: Caller) -> str:
        """The id of the machine of this id, name or MAC; the key itself where the caller sees no such machine."""
        if not key:
            return ""
        try:
            found = self._store.find(key)
        except NotFoundError:
            return key
        return found.id if caller.sees(found.tenant) else key

    def tenant(self, key: str, caller: Caller) -> str:
        """The id of the tenant of this id or name; the key itself where the caller sees no such tenant."""
        found = self._tenants.by_key(key) if key else None
        return found.id if found is not None and caller.sees(TenantId(found.id)) else key
