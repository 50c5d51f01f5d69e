"""SSH keys that machines may be given."""

from collections.abc import Callable, Sequence
from datetime import datetime

from fibrix.controllers.ports import Store, Unit
from fibrix.domain.ports.keys import SshKey
from fibrix.events.controller import SshKeyAdded, SshKeyDeleted


class SshKeyController:
    """Fits `domain.ports.keys.SshKeys`. `stored` reads the keys of the last commit."""

    def __init__(self, store: Store, stored: Callable[[], Sequence[SshKey]], now: Callable[[], datetime]) -> None:
        self._store = store
        self._stored = stored
        self._now = now

    def all(self) -> Sequence[SshKey]:
        """All keys, by name."""
        return self._stored()

    async def add(self, key: SshKey) -> SshKey:
        """Store one. Raises ConflictError (the name or the key is in use), StoreError."""

        def work(unit: Unit) -> SshKey:
            unit.append(SshKeyAdded(at=self._now(), name=key.name, fingerprint=key.fingerprint))
            return unit.insert_ssh_key(key)

        return await self._store.change(work)

    async def delete(self, name: str) -> None:
        """Forget one; machines that have it keep it. Raises NotFoundError, StoreError."""

        def work(unit: Unit) -> None:
            unit.delete_ssh_key(name)
            unit.append(SshKeyDeleted(at=self._now(), name=name))

        await self._store.change(work)
