"""A request that means to change something: what the audit tells of it, and what its idempotency key stands for."""

from datetime import datetime

import msgspec

from fibrix.types import ApiKeyId, TenantId, UserId


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """Who wants to do what, before it is known what comes of it.

    It is stored in the transaction of the change itself: a change without a trace, or one that is made twice for one
    idempotency key, cannot happen, whenever the process dies.
    """

    id: str  # its own: a client may give several requests the same id
    request: str  # the request's id
    at: datetime
    user: UserId
    user_name: str
    tenant: TenantId
    key: ApiKeyId
    address: str
    action: str  # the route's operation id: `machines_deploy`
    method: str
    path: str
    subject: str  # what it is about, as an API path below `/api/v1/`
    before: bytes = b""  # the subject as the API showed it, JSON; empty: it was not there
    idempotency_key: str = ""
    fingerprint: str = ""  # SHA-256 over method, path, query and body, in hex
