"""What happened to tenants, users and what they log in with. All journaled; none ever holds a secret."""

from typing import ClassVar

from fibrix.events.base import Event
from fibrix.types import ApiKeyId, TenantId, UserId


class TenantEvent(Event, frozen=True, kw_only=True):
    """Something about one tenant, that its users are told too."""

    id: TenantId
    name: str

    @property
    def subject(self) -> str:
        """Its path in the API."""
        return f"tenants/{self.id}"


class TenantCreated(TenantEvent, frozen=True, kw_only=True):
    """A customer was taken in. By controllers.tenants; for the stream."""

    TYPE: ClassVar[str] = "tenant.created"


class TenantUpdated(TenantEvent, frozen=True, kw_only=True):
    """Its name, title, quota or pools changed; `fields` says which. By controllers.tenants; for the stream."""

    TYPE: ClassVar[str] = "tenant.updated"
    fields: tuple[str, ...]


class TenantDeleted(TenantEvent, frozen=True, kw_only=True):
    """It is gone, with its users and SSH keys. By controllers.tenants; for the stream."""

    TYPE: ClassVar[str] = "tenant.deleted"


class UserEvent(Event, frozen=True, kw_only=True):
    """Something about one user; `tenant` is theirs."""

    user: UserId
    name: str

    @property
    def subject(self) -> str:
        """Its path in the API."""
        return f"users/{self.user}"


class UserCreated(UserEvent, frozen=True, kw_only=True):
    """Someone may log in, once they have a password or an API key. By controllers.users; for the stream."""

    TYPE: ClassVar[str] = "user.created"
    role: str


class UserUpdated(UserEvent, frozen=True, kw_only=True):
    """Their name, role, tenant or password changed, or they were disabled or enabled; `fields` says which.

    By controllers.users; for the stream.
    """

    TYPE: ClassVar[str] = "user.updated"
    fields: tuple[str, ...]


class UserDeleted(UserEvent, frozen=True, kw_only=True):
    """They are gone, with their API keys and sessions. By controllers.users; for the stream."""

    TYPE: ClassVar[str] = "user.deleted"


class UserLoggedIn(UserEvent, frozen=True, kw_only=True):
    """They logged in with their password. By controllers.login; for the stream."""

    TYPE: ClassVar[str] = "user.logged_in"
    address: str
    untold: int = 0  # how many more there were since the last that was told of


class UserLoginFailed(Event, frozen=True, kw_only=True):
    """Someone gave a name and a password that do not belong together. By controllers.login; for the stream."""

    TYPE: ClassVar[str] = "user.login_failed"
    name: str  # as it was given: 64 printable characters at most
    address: str
    untold: int = 0  # how many more there were since the last that was told of

    @property
    def subject(self) -> str:
        """Nobody in particular: whoever is named may not exist."""
        return "users"


class ApiKeyCreated(Event, frozen=True, kw_only=True):
    """A user has one API key more. By controllers.api_keys; for the stream."""

    TYPE: ClassVar[str] = "api_key.created"
    id: ApiKeyId
    name: str
    user: UserId

    @property
    def subject(self) -> str:
        """Its path in the API."""
        return f"users/{self.user}/keys/{self.id}"


class ApiKeyRevoked(Event, frozen=True, kw_only=True):
    """An API key is good no more. By controllers.api_keys; for the stream."""

    TYPE: ClassVar[str] = "api_key.revoked"
    id: ApiKeyId
    name: str
    user: UserId

    @property
    def subject(self) -> str:
        """Its path in the API."""
        return f"users/{self.user}/keys/{self.id}"
