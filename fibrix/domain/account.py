"""Tenants, users, and what they log in with."""

from datetime import datetime

import msgspec

from fibrix.domain.access import REGION, Permission, Role
from fibrix.types import ApiKeyId, SessionId, TenantId, UserId


class Quota(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a tenant may have at most, in sum over its machines; null: as much as there is."""

    machines: int | None = None
    cores: int | None = None
    memory_bytes: int | None = None
    disk_bytes: int | None = None
    addresses: int | None = None


class Tenant(msgspec.Struct, frozen=True, kw_only=True):
    """A customer: its users, its machines, its quota. `revision` counts its changes."""

    id: TenantId
    name: str
    title: str = ""
    quota: Quota = Quota()
    pools: tuple[str, ...] = ("default",)  # the resource pools that it may draw machines from
    created_at: datetime
    revision: int = 1


class User(msgspec.Struct, frozen=True, kw_only=True):
    """Someone, or something, that may log in. Only a user of the role `tenant` belongs to a tenant."""

    id: UserId
    name: str
    role: Role
    tenant: TenantId = REGION
    password_hash: str = ""  # argon2id; empty: no password, API keys only
    disabled: bool = False
    created_at: datetime
    revision: int = 1


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key of a user's, of which only the hash is kept: it is long and random, so no salt and no slow hash."""

    id: ApiKeyId
    user: UserId
    name: str  # the user's own word for it
    sha256: str  # of the key's text, in hex
    scopes: tuple[Permission, ...] = ()  # empty: all that the user may
    expires_at: datetime | None = None
    created_at: datetime
    last_used: datetime | None = None  # to the minute
    last_address: str = ""


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A browser that logged in. Its id is the SHA-256 of the cookie, in hex."""

    id: SessionId
    user: UserId
    csrf: str  # what every changing request of the browser must show besides the cookie
    address: str
    created_at: datetime
    expires_at: datetime
