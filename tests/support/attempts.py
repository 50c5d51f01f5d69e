"""Requests that mean to change something, as tests need them."""

from datetime import UTC, datetime
from typing import Any, Final

from fibrix.domain.attempt import Attempt
from fibrix.domain.ports.ledger import Answer
from fibrix.types import ApiKeyId, TenantId, UserId

NOON: Final = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def attempt(number: int = 1, **fields: Any) -> Attempt:
    """Ada asks for a machine to be deployed."""
    plain: dict[str, Any] = {
        "id": f"a{number:015}",
        "request": f"request-{number}",
        "at": NOON,
        "user": UserId("u000000001"),
        "user_name": "ada",
        "tenant": TenantId(""),
        "key": ApiKeyId("k000000001"),
        "address": "192.0.2.7",
        "action": "machines_deploy",
        "method": "POST",
        "path": "/api/v1/machines/quick-otter/deploy",
        "subject": "machines/m000000001",
        "before": b'{"state":"Ready"}',
    }
    return Attempt(**plain | fields)


def answer(status: int = 202, body: bytes = b'{"id":"o1"}', **fields: Any) -> Answer:
    """A good answer."""
    return Answer(status=status, headers={"Location": "/api/v1/operations/o1"}, body=body, media="application/json")
