"""Events to fill journals with."""

from datetime import UTC, datetime

from fibrix.events.controller import SshKeyAdded, SshKeyDeleted

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def added(name: str) -> SshKeyAdded:
    return SshKeyAdded(at=NOON, name=name, fingerprint="SHA256:x")


def deleted(name: str, *, cause: int = 0) -> SshKeyDeleted:
    return SshKeyDeleted(at=NOON, name=name, cause=cause)
