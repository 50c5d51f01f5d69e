"""What the API asks of the region about tenants, users and what they log in with.

A thing that the caller may not see is not there: NotFoundError, with the same words as for one that never was.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Protocol

import msgspec

from fibrix.domain.access import Caller, Permission, Role
from fibrix.domain.account import ApiKey, Quota, Session, Tenant, User
from fibrix.domain.quota import Use

Time = Annotated[datetime, msgspec.Meta(tz=True)]


class UserSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A user to make. They log in once they have a password, and call the API once they have a key."""

    name: str
    role: Role
    tenant: str = ""  # id or name; for the role `tenant`, and for no other
    disabled: bool = False


class UserChanges(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What of a user can be edited; what is left out stays as it is."""

    name: str | None = None
    role: Role | None = None
    tenant: str | None = None
    disabled: bool | None = None


class TenantSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A tenant to make."""

    name: str
    title: str = ""
    quota: Quota = Quota()
    pools: tuple[str, ...] = ("default",)


class TenantChanges(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What of a tenant can be edited; what is left out stays as it is. A quota is replaced whole."""

    name: str | None = None
    title: str | None = None
    quota: Quota | None = None
    pools: tuple[str, ...] | None = None


class ApiKeySpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An API key to make. Without scopes it may all that its user may; with scopes, no more than these."""

    name: str
    scopes: tuple[Permission, ...] = ()
    expires_at: Time | None = None  # null: never


class Users(Protocol):
    """Those who may log in."""

    def all(self) -> Sequence[User]:
        """All users, in the order in which they were made."""
        ...

    def get(self, key: str) -> User:
        """Find by id or name. Raises NotFoundError."""
        ...

    async def add(self, spec: UserSpec) -> User:
        """Make one. Raises InvalidError, ConflictError (the name is in use)."""
        ...

    async def update(self, key: str, changes: UserChanges) -> User:
        """Edit; a disabled one's sessions end. Raises NotFoundError, InvalidError, ConflictError (the last admin)."""
        ...

    async def delete(self, key: str) -> None:
        """Remove one, with their API keys and sessions. Raises NotFoundError, ConflictError (the last admin)."""
        ...

    async def set_password(self, key: str, password: str) -> None:
        """Give one a new password; empty: none. Their sessions end. Raises NotFoundError, InvalidError."""
        ...

    async def change_password(self, caller: Caller, present: str, password: str) -> None:
        """Let a caller change their own password; their other sessions end.

        Raises ForbiddenError (the present one is wrong), InvalidError, ThrottledError.
        """
        ...


class Tenants(Protocol):
    """The customers."""

    def all(self, caller: Caller) -> Sequence[Tenant]:
        """Those that the caller may see, in the order in which they were made."""
        ...

    def get(self, caller: Caller, key: str) -> Tenant:
        """Find by id or name. Raises NotFoundError."""
        ...

    def use(self, tenant: Tenant) -> Use:
        """What a tenant has, in the figures of its quota."""
        ...

    async def add(self, spec: TenantSpec) -> Tenant:
        """Make one. Raises InvalidError, ConflictError (the name is in use)."""
        ...

    async def update(self, caller: Caller, key: str, changes: TenantChanges) -> Tenant:
        """Edit one. Raises NotFoundError, InvalidError, ConflictError (the name is in use)."""
        ...

    async def delete(self, caller: Caller, key: str) -> None:
        """Remove one, with its users and SSH keys. Raises NotFoundError, ConflictError (it has machines)."""
        ...


class ApiKeys(Protocol):
    """The API keys of users. `owner` is the id or name of a user; only callers' own and admins' calls come here."""

    def all(self, owner: str) -> Sequence[ApiKey]:
        """A user's, in the order in which they were made. Raises NotFoundError."""
        ...

    def get(self, owner: str, key: str) -> ApiKey:
        """Find by id or name. Raises NotFoundError."""
        ...

    async def add(self, caller: Caller, owner: str, spec: ApiKeySpec) -> tuple[ApiKey, str]:
        """Make one; gives its text too, which is kept nowhere.

        Raises NotFoundError, InvalidError, ForbiddenError (more than the caller's own key may, or for longer),
        ConflictError (the name is in use, too many).
        """
        ...

    async def revoke(self, caller: Caller, owner: str, key: str) -> None:
        """End one, at once. Raises NotFoundError, ForbiddenError (it may more than the caller's own key)."""
        ...


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """A session that was just opened."""

    session: Session
    user: User
    cookie: str  # kept nowhere but in the browser


class Logins(Protocol):
    """Browsers' sessions."""

    @property
    def idle_s(self) -> int:
        """A session that is not used for so long ends."""
        ...

    async def open(self, name: str, password: str, address: str) -> Opened:
        """Log someone in.

        Raises UnauthorizedError, with the same words and after the same time whatever was wrong; ThrottledError.
        """
        ...

    def get(self, caller: Caller) -> Session:
        """The session that a caller came with. Raises NotFoundError: they came with an API key."""
        ...

    async def close(self, caller: Caller) -> None:
        """Log a caller out. Raises NotFoundError: they came with an API key."""
        ...
