"""Lets callers of the API in: by an API key or a browser's session, with the rights of now."""

import hashlib
from collections.abc import Callable
from datetime import datetime

from fibrix.controllers.ports import Things
from fibrix.domain.access import Caller, permissions
from fibrix.domain.account import ApiKey, Session, User
from fibrix.errors import NotFoundError, UnauthorizedError
from fibrix.types import SessionId


class Doorkeeper:
    """Fits `domain.ports.gate.Gate`."""

    def __init__(self, store: Things, now: Callable[[], datetime]) -> None:
        self._users = store.of(User)
        self._keys = store.of(ApiKey)
        self._sessions = store.of(Session)
        self._now = now

    def by_key(self, key: str, address: str) -> Caller:
        """Find the caller that an API key stands for. Raises UnauthorizedError."""
        found = self._keys.by_key(hashlib.sha256(key.encode()).hexdigest())
        caller = None if found is None else self._by_stored_key(found, address)
        if caller is None:
            raise UnauthorizedError("this API key is not known here, has expired or was revoked")
        return caller

    def by_cookie(self, cookie: str, address: str) -> Caller:
        """Find the caller that a browser's session stands for. Raises UnauthorizedError."""
        found = self._sessions.by_key(hashlib.sha256(cookie.encode()).hexdigest())
        caller = None if found is None else self._by_session(found, address)
        if caller is None:
            raise UnauthorizedError("this session is over: log in again")
        return caller

    def csrf(self, caller: Caller) -> str:
        """What a changing request of this caller's browser session must show besides its cookie."""
        return self._sessions.get(caller.session).csrf

    def current(self, caller: Caller) -> Caller | None:
        """Look again: the caller as of now; None: no longer let in."""
        try:
            if caller.key:
                return self._by_stored_key(self._keys.get(caller.key), caller.address)
            return self._by_session(self._sessions.get(caller.session), caller.address)
        except NotFoundError:
            return None

    def _by_stored_key(self, key: ApiKey, address: str) -> Caller | None:
        user = self._users.get(key.user)
        if user.disabled or (key.expires_at is not None and key.expires_at <= self._now()):
            return None
        return Caller(
            user=user.id,
            name=user.name,
            role=user.role,
            tenant=user.tenant,
            key=key.id,
            may=permissions(user.role, key.scopes),
            address=address,
        )

    def _by_session(self, session: Session, address: str) -> Caller | None:
        user = self._users.get(session.user)
        if user.disabled or session.expires_at <= self._now():
            return None
        return Caller(
            user=user.id,
            name=user.name,
            role=user.role,
            tenant=user.tenant,
            session=SessionId(session.id),
            may=permissions(user.role),
            address=address,
        )
