"""The SSH keys that machines may be given."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Self

import msgspec

from fibrix.domain.ports.keys import SshKey
from fibrix.errors import ConflictError, NotFoundError
from fibrix.store.codec import time_text
from fibrix.store.db import Database
from fibrix.store.transaction import Transaction
from fibrix.types import TenantId

_COLUMNS = "tenant, name, key, fingerprint, created_at"


class SshKeys:
    """All SSH keys, in memory for reading. Name and key are each unique within a tenant."""

    def __init__(self) -> None:
        self._keys: dict[tuple[TenantId, str], SshKey] = {}

    @classmethod
    async def load(cls, db: Database) -> Self:
        """Read them all. Raises StoreError."""
        keys = cls()
        for row in await db.rows(f"SELECT {_COLUMNS} FROM ssh_keys"):  # noqa: S608 - names of our own
            keys._put(_of_row(row))
        return keys

    def all(self) -> Sequence[SshKey]:
        """All keys, by tenant and name."""
        return [self._keys[place] for place in sorted(self._keys)]

    def list(self, tx: Transaction, tenant: TenantId) -> Sequence[SshKey]:
        """Read those of a tenant as of this transaction, by name."""
        sql = f"SELECT {_COLUMNS} FROM ssh_keys WHERE tenant = ? ORDER BY name"  # noqa: S608 - see above
        return [_of_row(row) for row in tx.execute(sql, (tenant,))]

    def insert(self, tx: Transaction, key: SshKey, now: datetime) -> SshKey:
        """Add one, made now. Raises ConflictError (its tenant has the name or the key already)."""
        sql = "SELECT name FROM ssh_keys WHERE tenant = ? AND (name = ? OR fingerprint = ?)"
        rows = tx.execute(sql, (key.tenant, key.name, key.fingerprint))
        if rows:
            what = "the name" if rows[0][0] == key.name else "the key"
            raise ConflictError(f"{what} is in use by the SSH key {rows[0][0]!r}")
        made = msgspec.structs.replace(key, created_at=now)
        tx.execute(
            "INSERT INTO ssh_keys (tenant, name, key, fingerprint, created_at) VALUES (?, ?, ?, ?, ?)",
            (key.tenant, key.name, key.key, key.fingerprint, time_text(now)),
        )
        tx.on_commit(partial(self._put, made))
        return made

    def delete(self, tx: Transaction, tenant: TenantId, name: str) -> SshKey:
        """Remove one; give back what it was. Raises NotFoundError."""
        sql = f"DELETE FROM ssh_keys WHERE tenant = ? AND name = ? RETURNING {_COLUMNS}"  # noqa: S608 - see above
        rows = tx.execute(sql, (tenant, name))
        if not rows:
            raise NotFoundError(f"there is no SSH key {name!r}")
        tx.on_commit(partial(self._keys.pop, (tenant, name), None))
        return _of_row(rows[0])

    def _put(self, key: SshKey) -> None:
        """Take a committed key into memory."""
        self._keys[key.tenant, key.name] = key


def _of_row(row: Sequence[str]) -> SshKey:
    tenant, name, key, fingerprint, created = row
    at = datetime.fromisoformat(created)
    return SshKey(tenant=TenantId(tenant), name=name, key=key, fingerprint=fingerprint, created_at=at)
