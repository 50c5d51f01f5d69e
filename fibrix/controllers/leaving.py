"""What goes with a user who goes, or who is to be asked for their password again."""

from datetime import datetime

from fibrix.controllers.ports import Unit
from fibrix.domain.account import ApiKey, Session, User, is_admin
from fibrix.errors import ConflictError
from fibrix.events.identity import ApiKeyRevoked, UserDeleted
from fibrix.types import SessionId


def end_sessions(unit: Unit, user: User, *, but: SessionId | None = None) -> None:
    """Log a user out everywhere, but for one session."""
    for session in unit.of(Session).all():
        if session.user == user.id and session.id != but:
            unit.of(Session).delete(session.id)


def remove(unit: Unit, user: User, at: datetime) -> None:
    """Remove a user with their sessions and API keys."""
    end_sessions(unit, user)
    for key in unit.of(ApiKey).all():
        if key.user == user.id:
            revoke(unit, user, key, at)
    unit.of(User).delete(user.id)
    unit.append(UserDeleted(at=at, user=user.id, name=user.name, tenant=user.tenant))


def revoke(unit: Unit, user: User, key: ApiKey, at: datetime) -> None:
    """End an API key."""
    unit.of(ApiKey).delete(key.id)
    unit.append(ApiKeyRevoked(at=at, id=key.id, name=key.name, user=user.id, tenant=user.tenant))


def keep_an_admin(unit: Unit) -> None:
    """Refuse what would leave nobody who may administer. Raises ConflictError."""
    if not any(is_admin(user) for user in unit.of(User).all()):
        raise ConflictError("this is the last admin who is not disabled: make another one first")
