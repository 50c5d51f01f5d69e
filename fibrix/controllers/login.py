"""Browsers' sessions: logging in and out."""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from fibrix.controllers.passwords import Passwords
from fibrix.controllers.ports import Store, Unit
from fibrix.domain.access import REGION, Caller
from fibrix.domain.account import Session, User, is_over
from fibrix.domain.password import normal
from fibrix.domain.ports.identity import Opened
from fibrix.domain.throttle import Budget
from fibrix.errors import NotFoundError, UnauthorizedError
from fibrix.events.identity import UserLoggedIn, UserLoginFailed
from fibrix.runtime.scope import scope
from fibrix.types import SessionId

SESSIONS: Final = 20
"""A user may have so many; the oldest makes room."""

_WRONG: Final = "the name or the password is wrong"
_NAME_CHARACTERS: Final = 64


class LoginController:
    """Fits `domain.ports.identity.Logins`. `token` gives 43 characters that nobody can guess."""

    def __init__(
        self,
        store: Store,
        passwords: Passwords,
        lifetime: tuple[timedelta, timedelta],  # in all, and without being used
        token: Callable[[], str],
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
    ) -> None:
        self._store = store
        self._passwords = passwords
        self._whole, self._idle = lifetime
        self._token = token
        self._now = now
        self._monotonic = monotonic
        self._tell_good = Budget(burst=60, every_s=2)
        self._tell_bad = Budget(burst=20, every_s=10)  # 8,640 a day at most, whatever comes in

    @property
    def idle_s(self) -> int:
        """A session that is not used for so long ends."""
        return int(self._idle.total_seconds())

    async def open(self, name: str, password: str, address: str) -> Opened:
        """Log someone in. Raises UnauthorizedError, ThrottledError."""
        user = self._store.of(User).by_key(name)
        stored = user.password_hash if user is not None else ""
        right = await self._passwords.guess(name, stored, password, address)
        if user is None or not right or user.disabled:
            self._failed(name, address, user)
            raise UnauthorizedError(_WRONG)
        kept = await self._passwords.renewed(stored, normal(password))
        opened = await self._begin(replace(user, password_hash=kept), stored, address)
        self._passwords.right(name, address)
        return opened

    def get(self, caller: Caller) -> Session:
        """The session that a caller came with. Raises NotFoundError."""
        if not caller.session:
            raise NotFoundError("there is no session: you came with an API key")
        return self._store.of(Session).get(caller.session)

    async def close(self, caller: Caller) -> None:
        """Log a caller out. Raises NotFoundError."""
        session = self.get(caller)
        await self._store.change(lambda unit: unit.of(Session).delete(session.id))

    async def _begin(self, user: User, stored: str, address: str) -> Opened:
        """Make a session. Raises UnauthorizedError: the user was changed while the password was looked at."""
        cookie, now = self._token(), self._now()
        session = Session(
            id=SessionId(hashlib.sha256(cookie.encode()).hexdigest()),
            user=user.id,
            csrf=self._token(),
            address=address,
            created_at=now,
            expires_at=now + self._whole,
        )
        untold = self._tell_good.spend(self._monotonic())

        def work(unit: Unit) -> None:
            before = next((found for found in unit.of(User).all() if found.id == user.id), None)
            if before is None or before.disabled or before.password_hash != stored:
                raise UnauthorizedError(_WRONG)
            if user.password_hash != stored:
                unit.of(User).update(replace(before, password_hash=user.password_hash))
            self._make_room(unit, session)
            unit.of(Session).insert(session)
            if untold is not None:
                unit.append(_logged_in(before, address, untold, now))

        await self._store.change(work)
        return Opened(session=session, user=user, cookie=cookie)

    def _make_room(self, unit: Unit, made: Session) -> None:
        """Forget sessions that are over, and the user's oldest ones where there are too many."""
        own = []
        for session in unit.of(Session).all():
            if is_over(session, made.created_at, self._idle):
                unit.of(Session).delete(session.id)
            elif session.user == made.user:
                own.append(session)
        own.sort(key=lambda session: session.created_at)
        for session in own[: max(0, len(own) - SESSIONS + 1)]:
            unit.of(Session).delete(session.id)

    def _failed(self, name: str, address: str, user: User | None) -> None:
        """Tell that a login failed, as long as there are not too many such events; nobody waits for it."""
        untold = self._tell_bad.spend(self._monotonic())
        if untold is None:
            return
        entered = scope()
        event = UserLoginFailed(
            at=self._now(),
            name="".join(char for char in name if char.isprintable())[:_NAME_CHARACTERS],
            address=address,
            untold=untold,
            tenant=user.tenant if user is not None else REGION,
            request=entered.request if entered is not None else "",
        )
        self._store.post(lambda unit: unit.append(event))


def _logged_in(user: User, address: str, untold: int, now: datetime) -> UserLoggedIn:
    return UserLoggedIn(at=now, user=user.id, name=user.name, address=address, untold=untold, tenant=user.tenant)
