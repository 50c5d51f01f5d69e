"""The kinds of things that are kept as rows of id, unique key and JSON: one line each."""

from typing import Any, Final

from fibrix.domain.account import ApiKey, Session, Tenant, User
from fibrix.domain.operation import Operation, key_of
from fibrix.domain.webhook import Cursor, Letter, Webhook
from fibrix.store.rows import Kind

KINDS: Final[tuple[Kind[Any], ...]] = (
    Kind(Tenant, "tenants", "tenant", lambda t: t.name),
    Kind(User, "users", "user", lambda u: u.name),
    Kind(ApiKey, "user_keys", "API key", lambda k: k.sha256),
    Kind(Session, "sessions", "session", lambda s: s.id),
    Kind(Operation, "operations", "operation", key_of),
    Kind(Webhook, "webhooks", "webhook", lambda w: f"{w.tenant}/{w.name}"),
    Kind(Cursor, "webhook_cursors", "webhook", lambda c: c.id),
    Kind(Letter, "webhook_letters", "dead letter", lambda letter: letter.id),
)
"""A new kind: a line here, and a migration that makes its table."""
