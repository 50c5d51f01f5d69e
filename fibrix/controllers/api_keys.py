"""API keys: what users' programs log in with."""

import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final

from fibrix.controllers import leaving
from fibrix.controllers.find import by_id_or_name
from fibrix.controllers.ports import Store, Unit
from fibrix.domain.access import GRANTS, Caller, Permission, permissions
from fibrix.domain.account import ApiKey, User, check_words
from fibrix.domain.names import opaque_id
from fibrix.domain.ports.identity import ApiKeySpec
from fibrix.errors import ConflictError, Fault, ForbiddenError, InvalidError, NotFoundError
from fibrix.events.identity import ApiKeyCreated
from fibrix.types import ApiKeyId

MOST: Final = 100
"""A user may have so many."""


class ApiKeyController:
    """Fits `domain.ports.identity.ApiKeys`. `token` gives 43 characters that nobody can guess."""

    def __init__(
        self, store: Store, token: Callable[[], str], now: Callable[[], datetime], draw: Callable[[int], int]
    ) -> None:
        self._store = store
        self._token = token
        self._now = now
        self._draw = draw

    def all(self, owner: str) -> Sequence[ApiKey]:
        """A user's, in the order in which they were made. Raises NotFoundError."""
        user = self._owner(owner)
        return [key for key in self._store.of(ApiKey).all() if key.user == user.id]

    def get(self, owner: str, key: str) -> ApiKey:
        """Find by id or name. Raises NotFoundError."""
        for found in self.all(owner):
            if key in (found.id, found.name):
                return found
        raise NotFoundError(f"there is no API key {key!r}")

    async def add(self, caller: Caller, owner: str, spec: ApiKeySpec) -> tuple[ApiKey, str]:
        """Make one; gives its text too. Raises NotFoundError, InvalidError, ForbiddenError, ConflictError."""
        user, text, now = self._owner(owner), f"fibrix_{self._token()}", self._now()
        ends = None if spec.expires_at is None else _check_end(spec.expires_at, now)
        made = ApiKey(
            id=ApiKeyId(opaque_id("k", self._draw)),
            user=user.id,
            name=check_words(spec.name, pointer="/name", least=1),
            sha256=hashlib.sha256(text.encode()).hexdigest(),
            scopes=tuple(sorted(set(spec.scopes), key=lambda scope: scope.value)),
            expires_at=ends,
            created_at=now,
        )

        def work(unit: Unit) -> ApiKey:
            holder = unit.of(User).read(user.id)
            _check_scopes(holder, spec.scopes)
            _check_reach(unit, caller, holder, made)
            _check_room(unit, made)
            unit.of(ApiKey).insert(made)
            unit.append(ApiKeyCreated(at=now, id=made.id, name=made.name, user=user.id, tenant=holder.tenant))
            return made

        return await self._store.change(work), text

    async def revoke(self, caller: Caller, owner: str, key: str) -> None:
        """End one, at once. Raises NotFoundError, ForbiddenError."""
        user, found = self._owner(owner), self.get(owner, key)
        rights = permissions(user.role, found.scopes)
        if caller.key and not rights <= caller.may and Permission.ADMINISTER not in caller.may:
            raise ForbiddenError(
                f"the API key {found.name!r} may more than the one that you use: revoke it with another"
            )

        def work(unit: Unit) -> None:
            leaving.revoke(unit, unit.of(User).read(user.id), unit.of(ApiKey).read(found.id), self._now())

        await self._store.change(work)

    def _owner(self, owner: str) -> User:
        return by_id_or_name(self._store.of(User), "user", owner)


def _check_end(at: datetime, now: datetime) -> datetime:
    """Give back when a key is to end, in UTC. Raises InvalidError."""
    try:
        ends = at.astimezone(UTC)
    except OverflowError as exc:
        raise InvalidError(
            "that is beyond the calendar: give null for a key that never ends", pointer="/expires_at"
        ) from exc
    if ends <= now:
        raise InvalidError("that is in the past: the key would be of no use", pointer="/expires_at")
    return ends


def _check_scopes(user: User, scopes: Sequence[Permission]) -> None:
    """Refuse scopes that the user does not have. Raises InvalidError with all of them."""
    wrong = [(index, scope) for index, scope in enumerate(scopes) if scope not in GRANTS[user.role]]
    if wrong:
        words = ", ".join(scope.value for _, scope in wrong)
        raise InvalidError(
            f"{user.name} has the role {user.role.value}, which does not go as far as: {words}",
            faults=[
                Fault(f"the role {user.role.value} does not have {scope.value!r}", f"/scopes/{index}")
                for index, scope in wrong
            ],
        )


def _check_reach(unit: Unit, caller: Caller, user: User, made: ApiKey) -> None:
    """Refuse a key that may more, or for longer, than the key that it is made with. Raises ForbiddenError."""
    if not caller.key:
        return
    beyond = permissions(user.role, made.scopes) - caller.may
    if beyond:
        words = ", ".join(sorted(scope.value for scope in beyond))
        raise ForbiddenError(f"your own API key does not have: {words}; name fewer scopes, or use another key")
    ends = unit.of(ApiKey).read(caller.key).expires_at
    if ends is not None and (made.expires_at is None or made.expires_at > ends):
        raise ForbiddenError(f"your own API key ends at {ends.isoformat()}: no key that it makes may last longer")


def _check_room(unit: Unit, made: ApiKey) -> None:
    """Refuse a name that is in use, and too many keys. Raises ConflictError."""
    others = [key for key in unit.of(ApiKey).all() if key.user == made.user]
    if any(key.name == made.name for key in others):
        raise ConflictError(f"there is an API key {made.name!r} already: choose another name")
    if len(others) >= MOST:
        raise ConflictError(f"there are {MOST} API keys already: revoke those that are no longer used")
