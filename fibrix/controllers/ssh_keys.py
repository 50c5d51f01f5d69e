"""SSH keys that machines may be given."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from fibrix.controllers.ports import Store, Unit
from fibrix.domain.ports.keys import Imported, SshKey
from fibrix.domain.ssh_key import Line, free_name, read_lines
from fibrix.errors import ConflictError, NotFoundError
from fibrix.events.controller import SshKeyAdded, SshKeyDeleted
from fibrix.types import TenantId

MOST: Final = 1000
"""A tenant, and the region itself, may have so many keys: all of them may go onto a machine."""


class SshKeyController:
    """Fits `domain.ports.keys.SshKeys`. `stored` reads the keys of the last commit, in order."""

    def __init__(self, store: Store, stored: Callable[[], Sequence[SshKey]], now: Callable[[], datetime]) -> None:
        self._store = store
        self._stored = stored
        self._now = now

    def of(self, tenant: TenantId) -> Sequence[SshKey]:
        """The keys of a tenant, by name."""
        return [key for key in self._stored() if key.tenant == tenant]

    def get(self, tenant: TenantId, name: str) -> SshKey:
        """Find one. Raises NotFoundError."""
        for key in self.of(tenant):
            if key.name == name:
                return key
        raise NotFoundError(f"there is no SSH key {name!r}")

    async def add(self, key: SshKey) -> SshKey:
        """Store one. Raises ConflictError (the name or the key is in use, or there are too many), StoreError."""
        return await self._store.change(lambda unit: self._insert(unit, key, len(unit.ssh_keys(key.tenant))))

    async def add_file(self, tenant: TenantId, text: str) -> Imported:
        """Store all keys of a file, or none. Raises InvalidError (its bad lines), ConflictError, StoreError."""
        lines = read_lines(text)
        return await self._store.change(lambda unit: self._import(unit, tenant, lines))

    async def delete(self, tenant: TenantId, name: str) -> None:
        """Forget one; machines that have it keep it. Raises NotFoundError, StoreError."""

        def work(unit: Unit) -> None:
            unit.delete_ssh_key(tenant, name)
            unit.append(SshKeyDeleted(at=self._now(), name=name, tenant=tenant))

        await self._store.change(work)

    def _import(self, unit: Unit, tenant: TenantId, lines: Sequence[Line]) -> Imported:
        """Add those that are not there yet; two lines with one key are one key."""
        names = {key.fingerprint: key.name for key in unit.ssh_keys(tenant)}
        added, present = [], []
        for line in lines:
            if line.fingerprint in names:
                present.append(names[line.fingerprint])
                continue
            name = free_name(line.wished, frozenset(names.values()))
            key = SshKey(name=name, key=line.key, fingerprint=line.fingerprint, tenant=tenant)
            added.append(self._insert(unit, key, len(names)))
            names[line.fingerprint] = name
        return Imported(added=added, present=present)

    def _insert(self, unit: Unit, key: SshKey, before: int) -> SshKey:
        """Add one to those that are there. Raises ConflictError."""
        if before >= MOST:
            raise ConflictError(f"there are {MOST} SSH keys already: delete some first")
        made = unit.insert_ssh_key(key)
        unit.append(SshKeyAdded(at=self._now(), name=key.name, fingerprint=key.fingerprint, tenant=key.tenant))
        return made
