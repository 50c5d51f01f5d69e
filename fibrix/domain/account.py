"""Tenants, users, and what they log in with."""

import re
from datetime import datetime, timedelta
from typing import Annotated, Final

import msgspec

from fibrix.domain.access import REGION, Permission, Role
from fibrix.errors import InvalidError
from fibrix.types import ApiKeyId, SessionId, TenantId, UserId

Most = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
"""A figure of a quota; JSON numbers are exact up to 2^53."""

_USER_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,63}")
_TENANT_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_WORD_CHARACTERS: Final = 64


class Quota(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a tenant may have at most, in sum over its machines; null: as much as there is."""

    machines: Most | None = None
    cores: Most | None = None
    memory_bytes: Most | None = None
    disk_bytes: Most | None = None
    addresses: Most | None = None


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
    expires_at: datetime  # whatever is done with it
    last_seen: datetime | None = None  # to the minute; None: not since it was made


def is_admin(user: User) -> bool:
    """Tell whether a user may administer."""
    return user.role is Role.ADMIN and not user.disabled


def is_over(session: Session, now: datetime, idle: timedelta) -> bool:
    """Tell whether a session has ended: it is too old, or was not used for too long."""
    return session.expires_at <= now or (session.last_seen or session.created_at) + idle <= now


def check_user_name(name: str) -> str:
    """Give back a name that a user may have; people type it, and it stands in URLs. Raises InvalidError."""
    if not _USER_NAME.fullmatch(name):
        raise InvalidError(
            f"{name!r} cannot be a user's name: a-z, 0-9 and . _ @ + - after a letter or digit, at most 64",
            pointer="/name",
        )
    return name


def check_tenant_name(name: str) -> str:
    """Give back a name that a tenant may have; it stands in URLs. Raises InvalidError."""
    if not _TENANT_NAME.fullmatch(name):
        raise InvalidError(
            f"{name!r} cannot be a tenant's name: a-z, 0-9 and, not at its ends, -, at most 63", pointer="/name"
        )
    return name


def check_pools(pools: tuple[str, ...]) -> tuple[str, ...]:
    """Give back the names of the pools that a tenant may draw from, sorted. Raises InvalidError."""
    for index, pool in enumerate(pools):
        if not _TENANT_NAME.fullmatch(pool):
            raise InvalidError(
                f"{pool!r} cannot be a pool's name: a-z, 0-9 and, not at its ends, -, at most 63",
                pointer=f"/pools/{index}",
            )
    return tuple(sorted(set(pools)))


def check_words(text: str, *, pointer: str, least: int = 0) -> str:
    """Give back a line of text for people: printable, at most 64 characters. Raises InvalidError."""
    if not least <= len(text) <= _WORD_CHARACTERS or not text.isprintable() or text != text.strip():
        few = f"{least} to " if least else "at most "
        raise InvalidError(
            f"it may have {few}{_WORD_CHARACTERS} printable characters, without spaces at its ends", pointer=pointer
        )
    return text
