"""What the API asks of the region about API keys and SSH keys."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from fibrix.types import TenantId


class ApiKeys(Protocol):
    """Who may call the API. Keys are stored as SHA-256 only: they are long random strings, not passwords."""

    def hashes(self) -> Mapping[str, str]:
        """Give the SHA-256 of each key, in hex, by the key's name."""
        ...

    def used(self, name: str) -> None:
        """Note that a key was used just now; returns at once."""
        ...


class SshKey(msgspec.Struct, frozen=True, kw_only=True):
    """A public key that machines may be given."""

    name: str
    key: str  # an authorized_keys line without options: `ssh-ed25519 AAAA… comment`
    fingerprint: str  # `SHA256:…`, as ssh-keygen tells it
    created_at: datetime | None = None
    tenant: TenantId = TenantId("")  # whose it is; a name is unique within its tenant


class SshKeys(Protocol):
    """The stored SSH keys."""

    def all(self) -> Sequence[SshKey]:
        """All keys, by name."""
        ...

    async def add(self, key: SshKey) -> SshKey:
        """Store one; `created_at` is filled in. Raises ConflictError (the name is in use), StoreError."""
        ...

    async def delete(self, name: str) -> None:
        """Forget one; machines that have it keep it. Raises NotFoundError, StoreError."""
        ...
