"""What the API asks of the region about SSH keys."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from fibrix.types import TenantId


class SshKey(msgspec.Struct, frozen=True, kw_only=True):
    """A public key that machines may be given."""

    name: str
    key: str  # an authorized_keys line without options: `ssh-ed25519 AAAA… comment`
    fingerprint: str  # `SHA256:…`, as ssh-keygen tells it
    created_at: datetime | None = None
    tenant: TenantId = TenantId("")  # whose it is; a name is unique within its tenant


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a file of keys."""

    added: Sequence[SshKey]
    present: Sequence[str]  # names of keys of the file that were there already


class SshKeys(Protocol):
    """The stored SSH keys. Each belongs to a tenant, or to the region; nobody else's are ever found."""

    def of(self, tenant: TenantId) -> Sequence[SshKey]:
        """The keys of a tenant, by name."""
        ...

    def get(self, tenant: TenantId, name: str) -> SshKey:
        """Find one. Raises NotFoundError."""
        ...

    async def add(self, key: SshKey) -> SshKey:
        """Store one; `created_at` is filled in. Raises ConflictError (name or key is in use, too many), StoreError."""
        ...

    async def add_file(self, tenant: TenantId, text: str) -> Imported:
        """Store all keys of an authorized_keys file under the names that their comments give, or none of them.

        A name in use gets a number behind it. Raises InvalidError with a fault for each bad line, ConflictError (too
        many), StoreError.
        """
        ...

    async def delete(self, tenant: TenantId, name: str) -> None:
        """Forget one; machines that have it keep it. Raises NotFoundError, StoreError."""
        ...
