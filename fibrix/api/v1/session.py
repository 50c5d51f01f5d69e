"""/api/v1/session and /api/v1/me: browsers logging in and out, and who one is."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Final

import msgspec

from fibrix.api.auth import COOKIE
from fibrix.api.route import Call, Nothing, Reply, Route
from fibrix.api.v1.users import NewPassword
from fibrix.api.views import Time
from fibrix.domain.access import Caller, Permission, Role
from fibrix.domain.account import Session
from fibrix.domain.ports.identity import ApiKeys, Logins, Tenants, Users
from fibrix.errors import ConflictError, ForbiddenError, NotFoundError, ThrottledError, UnauthorizedError
from fibrix.types import ApiKeyId, TenantId, UserId

SESSION: Final = "/api/v1/session"
ME: Final = "/api/v1/me"

Password = Annotated[str, msgspec.Meta(max_length=4096)]


class LoginSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who logs in."""

    name: Annotated[str, msgspec.Meta(max_length=255)]
    password: Password


class PasswordChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new password, and the one before."""

    present: Password
    password: NewPassword


class SessionView(msgspec.Struct, frozen=True, kw_only=True):
    """A browser's session. `csrf` goes into the header X-CSRF-Token of each request that changes something."""

    user: str
    csrf: str
    created_at: Time
    expires_at: Time
    idle_s: int  # without a request for so long it ends before


class TenantName(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant, by id and name."""

    id: TenantId
    name: str


class UsedKey(msgspec.Struct, frozen=True, kw_only=True):
    """The API key that a call is made with."""

    id: ApiKeyId
    name: str
    expires_at: Time | None


class MeView(msgspec.Struct, frozen=True, kw_only=True):
    """The caller: who they are, what they may, and what they came with."""

    id: UserId
    name: str
    role: Role
    tenant: TenantName | None  # null: they belong to the region
    may: tuple[Permission, ...]  # with this key or session
    key: UsedKey | None
    session_expires_at: Time | None


class SessionRoutes:
    """The caller's own session. `secure`: browsers send the cookie by TLS alone."""

    def __init__(self, logins: Logins, now: Callable[[], datetime], *, secure: bool) -> None:
        self._logins = logins
        self._now = now
        self._flags = "; Path=/; HttpOnly; SameSite=Strict" + ("; Secure" if secure else "")

    def routes(self) -> list[Route]:
        """The part of the route table."""
        return [
            Route(
                "POST",
                SESSION,
                self.open,
                Permission.PUBLIC,
                "Log in: sets a cookie",
                (UnauthorizedError, ForbiddenError, ThrottledError),
                201,
                confidential=True,
                rehearsable=False,
            ),
            Route("GET", SESSION, self.get, Permission.SELF, "Show your session and its token", (NotFoundError,)),
            Route(
                "DELETE",
                SESSION,
                self.close,
                Permission.SELF,
                "Log out",
                (NotFoundError,),
                204,
                confidential=True,
                rehearsable=False,
            ),
        ]

    async def open(self, call: Call[LoginSpec, Nothing]) -> Reply[SessionView]:
        """The cookie is for the browser alone: no script can read it."""
        opened = await self._logins.open(call.body.name, call.body.password, call.caller.address)
        lasts_s = int((opened.session.expires_at - self._now()).total_seconds())
        cookie = f"{COOKIE}={opened.cookie}; Max-Age={lasts_s}{self._flags}"
        return Reply(self._view(opened.user.name, opened.session), headers={"Set-Cookie": cookie})

    async def get(self, call: Call[Nothing, Nothing]) -> Reply[SessionView]:
        """Only a page of ours can read the token: others are not shown the answer by the browser."""
        return Reply(self._view(call.caller.name, self._logins.get(call.caller)))

    async def close(self, call: Call[Nothing, Nothing]) -> Reply[None]:
        """Have the browser forget its cookie too."""
        await self._logins.close(call.caller)
        return Reply(None, headers={"Set-Cookie": f"{COOKIE}=; Max-Age=0{self._flags}"})

    def _view(self, name: str, session: Session) -> SessionView:
        return SessionView(
            user=name,
            csrf=session.csrf,
            created_at=session.created_at,
            expires_at=session.expires_at,
            idle_s=self._logins.idle_s,
        )


class MeRoutes:
    """The caller, as they may know themself."""

    def __init__(self, users: Users, tenants: Tenants, keys: ApiKeys, logins: Logins) -> None:
        self._users = users
        self._tenants = tenants
        self._keys = keys
        self._logins = logins

    def routes(self) -> list[Route]:
        """The part of the route table."""
        return [
            Route("GET", ME, self.get, Permission.SELF, "Say who you are, what you may, and what you came with"),
            Route(
                "POST",
                ME + "/password",
                self.change_password,
                Permission.SELF,
                "Change your own password; your other sessions end",
                (ForbiddenError, ConflictError, ThrottledError),
                204,
                confidential=True,
            ),
        ]

    async def get(self, call: Call[Nothing, Nothing]) -> Reply[MeView]:
        """From what is stored now."""
        caller = call.caller
        user = self._users.get(caller.user)
        tenant = self._tenants.get(caller, caller.tenant) if caller.tenant else None
        return Reply(
            MeView(
                id=user.id,
                name=user.name,
                role=user.role,
                tenant=TenantName(id=tenant.id, name=tenant.name) if tenant else None,
                may=tuple(sorted(caller.may, key=lambda permission: permission.value)),
                key=self._key(caller),
                session_expires_at=self._logins.get(caller).expires_at if caller.session else None,
            )
        )

    async def change_password(self, call: Call[PasswordChange, Nothing]) -> Reply[None]:
        """With the present one, that a stolen session does not have."""
        await self._users.change_password(call.caller, call.body.present, call.body.password)
        return Reply(None)

    def _key(self, caller: Caller) -> UsedKey | None:
        if not caller.key:
            return None
        key = self._keys.get(caller.user, caller.key)
        return UsedKey(id=key.id, name=key.name, expires_at=key.expires_at)
