"""Users: who may log in, and as what."""

from collections.abc import Callable, Sequence
from datetime import datetime

from msgspec.structs import replace

from fibrix.controllers import leaving
from fibrix.controllers.find import by_id_or_name
from fibrix.controllers.passwords import Passwords
from fibrix.controllers.ports import Store, Unit
from fibrix.domain.access import REGION, Caller, Role
from fibrix.domain.account import Tenant, User, check_user_name, is_admin
from fibrix.domain.names import opaque_id
from fibrix.domain.password import check_password
from fibrix.domain.ports.identity import UserChanges, UserSpec
from fibrix.errors import ConflictError, InvalidError
from fibrix.events.identity import UserCreated, UserUpdated
from fibrix.types import SessionId, TenantId, UserId


class UserController:
    """Fits `domain.ports.identity.Users`."""

    def __init__(
        self, store: Store, passwords: Passwords, now: Callable[[], datetime], draw: Callable[[int], int]
    ) -> None:
        self._store = store
        self._passwords = passwords
        self._now = now
        self._draw = draw

    def all(self) -> Sequence[User]:
        """All users, in the order in which they were made."""
        return self._store.of(User).all()

    def get(self, key: str) -> User:
        """Find by id or name. Raises NotFoundError."""
        return by_id_or_name(self._store.of(User), "user", key)

    async def add(self, spec: UserSpec) -> User:
        """Make one. Raises InvalidError, ConflictError (the name is in use)."""
        id_, now = UserId(opaque_id("u", self._draw)), self._now()
        name = check_user_name(spec.name)

        def work(unit: Unit) -> User:
            tenant = _tenant(unit, spec.role, spec.tenant)
            made = User(id=id_, name=name, role=spec.role, tenant=tenant, disabled=spec.disabled, created_at=now)
            unit.of(User).insert(made)
            unit.append(UserCreated(at=now, user=made.id, name=made.name, role=made.role.value, tenant=made.tenant))
            return made

        return await self._store.change(work)

    async def update(self, key: str, changes: UserChanges) -> User:
        """Edit one. Raises NotFoundError, InvalidError, ConflictError (the name is in use, the last admin)."""
        found = self.get(key)

        def work(unit: Unit) -> User:
            before = unit.of(User).read(found.id)
            after = _changed(unit, before, changes)
            fields = tuple(f for f in ("name", "role", "tenant", "disabled") if getattr(before, f) != getattr(after, f))
            if not fields:
                return before
            made = self._put(unit, after, fields)
            if is_admin(before):
                leaving.keep_an_admin(unit)
            if made.disabled:
                leaving.end_sessions(unit, made)
            return made

        return await self._store.change(work)

    async def delete(self, key: str) -> None:
        """Remove one, with their API keys and sessions. Raises NotFoundError, ConflictError (the last admin)."""
        found = self.get(key)

        def work(unit: Unit) -> None:
            user = unit.of(User).read(found.id)
            leaving.remove(unit, user, self._now())
            if is_admin(user):
                leaving.keep_an_admin(unit)

        await self._store.change(work)

    async def set_password(self, key: str, password: str) -> None:
        """Give one a new password; empty: none. Raises NotFoundError, InvalidError, ThrottledError."""
        user = self.get(key)
        hashed = await self._passwords.hash(check_password(password, user.name)) if password else ""
        await self._store.change(lambda unit: self._put_password(unit, user.id, hashed, None))

    async def change_password(self, caller: Caller, present: str, password: str) -> None:
        """Let a caller change their own. Raises ForbiddenError, InvalidError, ConflictError, ThrottledError."""
        user = self._store.of(User).get(caller.user)
        if not user.password_hash:
            raise ConflictError("you have no password yet: an admin gives you the first one")
        fresh = check_password(password, user.name)
        await self._passwords.check_own(user, present, caller.address)
        hashed = await self._passwords.hash(fresh)

        def work(unit: Unit) -> None:
            if unit.of(User).read(user.id).password_hash != user.password_hash:
                raise ConflictError("the password was changed by someone else just now")
            self._put_password(unit, user.id, hashed, caller.session or None)

        await self._store.change(work)

    def _put(self, unit: Unit, after: User, fields: tuple[str, ...]) -> User:
        """Store a changed user. Raises ConflictError (the name is in use)."""
        made = replace(after, revision=after.revision + 1)
        unit.of(User).update(made)
        unit.append(UserUpdated(at=self._now(), user=made.id, name=made.name, fields=fields, tenant=made.tenant))
        return made

    def _put_password(self, unit: Unit, user: UserId, hashed: str, but: SessionId | None) -> None:
        """Store a new password and end the sessions of the old one. Raises NotFoundError."""
        made = self._put(unit, replace(unit.of(User).read(user), password_hash=hashed), ("password",))
        leaving.end_sessions(unit, made, but=but)


def _tenant(unit: Unit, role: Role, key: str) -> TenantId:
    """Find the tenant of a user by id or name. Raises InvalidError: there is none, or this role must not have one."""
    if role is not Role.TENANT:
        if key:
            raise InvalidError(f"a user of the role {role.value} belongs to no tenant", pointer="/tenant")
        return REGION
    for tenant in unit.of(Tenant).all():
        if key in (tenant.id, tenant.name):
            return tenant.id
    if not key:
        raise InvalidError("a user of the role tenant belongs to a tenant: say which", pointer="/tenant")
    raise InvalidError(f"there is no tenant {key!r}", pointer="/tenant")


def _changed(unit: Unit, before: User, changes: UserChanges) -> User:
    """Apply changes; who becomes or ceases to be a tenant's user changes the tenant too. Raises InvalidError."""
    role, tenant = changes.role or before.role, before.tenant
    if changes.tenant is not None or (role is Role.TENANT) != (before.role is Role.TENANT):
        tenant = _tenant(unit, role, changes.tenant or "")
    return replace(
        before,
        name=before.name if changes.name is None else check_user_name(changes.name),
        role=role,
        tenant=tenant,
        disabled=before.disabled if changes.disabled is None else changes.disabled,
    )
