"""The first start: the admin and their key."""

import hashlib
import secrets
from datetime import datetime
from pathlib import Path
from typing import Final

import structlog

from fibrix.domain.access import Role
from fibrix.domain.account import ApiKey, User
from fibrix.domain.names import opaque_id
from fibrix.runtime import whole
from fibrix.store.region import Region, RegionUnit
from fibrix.types import ApiKeyId, UserId

ADMIN_KEY: Final = "admin.key"
"""File below the state directory that holds the API key made at the first start; only root can read it."""

draw = secrets.randbelow
logger = structlog.get_logger()


def read_or_make_key(path: Path) -> str:
    """Read the admin's API key from its file, or make both. It is in the file before it is good, so none gets lost."""
    if not path.exists():
        whole.put(path, f"fibrix_{secrets.token_urlsafe(32)}\n".encode(), mode=0o600)
    return path.read_text().strip()


async def make_admin(region: Region, path: Path, now: datetime) -> None:
    """See to it, at the first start, that there is an admin with an API key."""
    if region.of(User).all():
        return
    key = read_or_make_key(path)
    admin = User(id=UserId(opaque_id("u", draw)), name="admin", role=Role.ADMIN, created_at=now)
    first = ApiKey(
        id=ApiKeyId(opaque_id("k", draw)),
        user=admin.id,
        name="first start",
        sha256=hashlib.sha256(key.encode()).hexdigest(),
        created_at=now,
    )

    def work(unit: RegionUnit) -> None:
        unit.of(User).insert(admin)
        unit.of(ApiKey).insert(first)

    await region.change(work)
    logger.info("admin.made", key_file=str(path))
