"""Who may do what: roles, permissions, and the caller of a request."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from fibrix.types import ApiKeyId, SessionId, TenantId, UserId

REGION: Final = TenantId("")
"""The tenant of what belongs to nobody but the region itself, and of those who run it."""


class Role(Enum):
    """What a user is here for."""

    ADMIN = "admin"
    OPERATOR = "operator"
    AUDITOR = "auditor"
    TENANT = "tenant"


class Permission(Enum):
    """What a route asks for. A tenant's `read` and `use` reach their own things only."""

    PUBLIC = "public"  # no key is asked for
    SELF = "self"  # whoever is logged in, about themselves
    READ = "read"  # see machines, events, operations, images
    USE = "use"  # allocate, deploy, power, release; SSH keys, webhooks
    INSPECT = "inspect"  # see the region's inside: subnets, metrics, why a service fails
    OPERATE = "operate"  # change it: add, commission and edit machines, reserve addresses
    AUDIT = "audit"  # read who did what
    ADMINISTER = "administer"  # users, tenants, backups


_NO_USER: Final = UserId("")
_NO_KEY: Final = ApiKeyId("")
_NO_SESSION: Final = SessionId("")
_EVERYONE: Final = frozenset({Permission.PUBLIC, Permission.SELF})

GRANTS: Final[Mapping[Role, frozenset[Permission]]] = {
    Role.ADMIN: frozenset(Permission),
    Role.OPERATOR: _EVERYONE | {Permission.READ, Permission.USE, Permission.INSPECT, Permission.OPERATE},
    Role.AUDITOR: _EVERYONE | {Permission.READ, Permission.INSPECT, Permission.AUDIT},
    Role.TENANT: _EVERYONE | {Permission.READ, Permission.USE},
}
"""What each role may do."""


def permissions(role: Role, scopes: Iterable[Permission] = ()) -> frozenset[Permission]:
    """Give what a role may do, narrowed to an API key's scopes where it has any. PUBLIC and SELF always stay."""
    granted, wanted = GRANTS[role], frozenset(scopes)
    return granted & (wanted | _EVERYONE) if wanted else granted


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who makes a request, and by what: an API key, a browser's session, or neither (a public route)."""

    user: UserId = _NO_USER
    name: str = ""  # of the user
    role: Role | None = None
    tenant: TenantId = REGION
    key: ApiKeyId = _NO_KEY
    session: SessionId = _NO_SESSION
    may: frozenset[Permission] = frozenset({Permission.PUBLIC})
    address: str = ""  # where the request came from; empty: a unix socket

    def sees(self, tenant: TenantId) -> bool:
        """Tell whether a thing of this tenant is there for the caller: for a tenant's users only their own is."""
        return self.role is not Role.TENANT or tenant == self.tenant


NOBODY: Final = Caller()
"""The caller of a public route."""
