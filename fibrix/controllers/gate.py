"""Lets callers of the API in: by an API key or a browser's session, with the rights of now.

Nothing is remembered that the store does not say now: a caller is kept only together with the very rows that it was
made from, and made anew as soon as one of them is another. So a key that is revoked is refused from the commit on.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from msgspec.structs import replace

from fibrix.controllers.ports import Store, Unit
from fibrix.domain.access import Caller, Permission, Role, permissions
from fibrix.domain.account import ApiKey, Session, User, is_over
from fibrix.errors import NotFoundError, UnauthorizedError
from fibrix.types import SessionId

NOTED_EVERY: Final = timedelta(minutes=1)
"""That a key or session was used is written at most this often: not a commit per request."""

_PASSES: Final = 10_000
_NEVER: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Pass:
    """A caller, what it was made from, and until when it is good as it is."""

    shown: ApiKey | Session
    user: User
    caller: Caller
    until: datetime  # it ends, or its use is to be noted


class Doorkeeper:
    """Fits `domain.ports.gate.Gate`. A session that is not used for `idle` ends."""

    def __init__(self, store: Store, idle: timedelta, now: Callable[[], datetime]) -> None:
        self._store = store
        self._users = store.of(User)
        self._keys = store.of(ApiKey)
        self._sessions = store.of(Session)
        self._idle = idle
        self._now = now
        self._passes: dict[str, _Pass] = {}  # by the id of a key or session

    def by_key(self, key: str, address: str) -> Caller:
        """Find the caller that an API key stands for. Raises UnauthorizedError."""
        found = self._keys.by_key(_digest(key))
        caller = None if found is None else self._let_in(found, address)
        if caller is None:
            raise UnauthorizedError("this API key is not known here, has expired or was revoked")
        return caller

    def by_cookie(self, cookie: str, address: str) -> Caller:
        """Find the caller that a browser's session stands for. Raises UnauthorizedError."""
        found = self._sessions.by_key(_digest(cookie))
        caller = None if found is None else self._let_in(found, address)
        if caller is None:
            raise UnauthorizedError("this session is over: log in again")
        return caller

    def csrf(self, caller: Caller) -> str:
        """What a changing request of this caller's browser session must show besides its cookie."""
        return self._sessions.get(caller.session).csrf

    def current(self, caller: Caller) -> Caller | None:
        """Look again: the caller as of now; None: no longer let in. That someone listens is no use of a session."""
        try:
            shown = self._keys.get(caller.key) if caller.key else self._sessions.get(caller.session)
            user = self._users.get(shown.user)
        except NotFoundError:
            return None
        known = self._passes.get(shown.id)
        if known is not None and known.caller is caller and known.shown is shown and known.user is user:
            return None if self._is_over(shown) else caller
        return None if user.disabled or self._is_over(shown) else _caller(shown, user, caller.address)

    def _let_in(self, shown: ApiKey | Session, address: str) -> Caller | None:
        """Let in who shows this, as long as it is good. It goes with its user in one transaction: there is one."""
        user, now = self._users.get(shown.user), self._now()
        known = self._passes.get(shown.id)
        if (
            known is not None
            and known.shown is shown
            and known.user is user
            and now < known.until
            and known.caller.address == address
        ):
            return known.caller
        if user.disabled or self._is_over(shown):
            self._passes.pop(shown.id, None)
            return None
        if len(self._passes) >= _PASSES:
            self._passes.clear()
        caller = _caller(shown, user, address)
        self._passes[shown.id] = _Pass(shown, user, caller, min(self._ends(shown), self._noted(shown, address, now)))
        return caller

    def _noted(self, shown: ApiKey | Session, address: str, now: datetime) -> datetime:
        """Note that it is used, if that is due; gives when it is due again."""
        known = self._passes.get(shown.id)
        last = shown.last_used if isinstance(shown, ApiKey) else shown.last_seen
        if last is not None and now < last + NOTED_EVERY:
            return last + NOTED_EVERY
        if known is not None and known.shown is shown and now < known.until:
            return known.until  # it is being written
        self._store.post(_note(shown, now.replace(second=0, microsecond=0), address))
        return now + NOTED_EVERY

    def _is_over(self, shown: ApiKey | Session) -> bool:
        if isinstance(shown, Session):
            return is_over(shown, self._now(), self._idle)
        return shown.expires_at is not None and shown.expires_at <= self._now()

    def _ends(self, shown: ApiKey | Session) -> datetime:
        """When it ends, as far as is known now."""
        if isinstance(shown, ApiKey):
            return shown.expires_at or _NEVER
        return min(shown.expires_at, (shown.last_seen or shown.created_at) + self._idle)


def _digest(secret: str) -> str:
    """Hash what was shown; it may be any bytes that a header can hold."""
    return hashlib.sha256(secret.encode(errors="surrogateescape")).hexdigest()


def _caller(shown: ApiKey | Session, user: User, address: str) -> Caller:
    if isinstance(shown, Session):
        session, may = SessionId(shown.id), _rights(user.role, ())
        return Caller(
            user=user.id, name=user.name, role=user.role, tenant=user.tenant, session=session, may=may, address=address
        )
    may = _rights(user.role, shown.scopes)
    return Caller(
        user=user.id, name=user.name, role=user.role, tenant=user.tenant, key=shown.id, may=may, address=address
    )


@lru_cache(maxsize=1024)
def _rights(role: Role, scopes: tuple[Permission, ...]) -> frozenset[Permission]:
    return permissions(role, scopes)


def _note(shown: ApiKey | Session, minute: datetime, address: str) -> Callable[[Unit], None]:
    """Make the work that notes a use; what was revoked meanwhile stays so."""

    def note(unit: Unit) -> None:
        try:
            if isinstance(shown, ApiKey):
                key = unit.of(ApiKey).read(shown.id)
                unit.of(ApiKey).update(replace(key, last_used=minute, last_address=address))
            else:
                unit.of(Session).update(replace(unit.of(Session).read(shown.id), last_seen=minute))
        except NotFoundError:
            return

    return note
