"""API keys, of which only the SHA-256 is kept, and the SSH keys that machines may be given."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final, Self

import msgspec

from fibrix.domain.ports.keys import SshKey
from fibrix.errors import ConflictError, NotFoundError
from fibrix.store.codec import time_text
from fibrix.store.db import Database
from fibrix.store.transaction import Transaction

USED_EVERY: Final = timedelta(minutes=1)
"""That a key was used is written at most this often: not a commit per request."""


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """Who may call the API, without the key itself."""

    name: str
    sha256: str  # of the key's text, in hex; the key is long and random, so no salt and no slow hash
    created_at: datetime
    last_used: datetime | None = None  # to the minute


class ApiKeys:
    """All API keys, in memory for reading."""

    def __init__(self, db: Database, now: Callable[[], datetime]) -> None:
        self._db = db
        self._now = now
        self._keys: dict[str, ApiKey] = {}

    @classmethod
    async def load(cls, db: Database, now: Callable[[], datetime]) -> Self:
        """Read them all. Raises StoreError."""
        keys = cls(db, now)
        for name, sha256, created, used in await db.rows("SELECT name, sha256, created_at, last_used FROM api_keys"):
            last_used = None if used is None else datetime.fromisoformat(used)
            keys._put(ApiKey(name=name, sha256=sha256, created_at=datetime.fromisoformat(created), last_used=last_used))
        return keys

    def hashes(self) -> Mapping[str, str]:
        """Give the SHA-256 of each key, in hex, by the key's name."""
        return {key.name: key.sha256 for key in self._keys.values()}

    def all(self) -> Sequence[ApiKey]:
        """All keys, by name."""
        return [self._keys[name] for name in sorted(self._keys)]

    def used(self, name: str) -> None:
        """Note that a key was used just now; returns at once."""
        key, now = self._keys.get(name), self._now()
        if key is None or (key.last_used is not None and now - key.last_used < USED_EVERY):
            return
        self._put(msgspec.structs.replace(key, last_used=now))
        sql = "UPDATE api_keys SET last_used = ? WHERE name = ?"
        self._db.post(lambda tx: tx.execute(sql, (time_text(now), name)))

    def insert(self, tx: Transaction, name: str, key: str) -> ApiKey:
        """Let the holder of `key` in. Raises ConflictError (the name or the key is in use)."""
        made = ApiKey(name=name, sha256=hashlib.sha256(key.encode()).hexdigest(), created_at=self._now())
        tx.execute(
            "INSERT INTO api_keys (name, sha256, created_at) VALUES (?, ?, ?)",
            (name, made.sha256, time_text(made.created_at)),
        )
        tx.on_commit(partial(self._put, made))
        return made

    def delete(self, tx: Transaction, name: str) -> None:
        """Let it in no more. Raises NotFoundError."""
        if not tx.execute("DELETE FROM api_keys WHERE name = ? RETURNING name", (name,)):
            raise NotFoundError(f"there is no API key {name!r}")
        tx.on_commit(partial(self._keys.pop, name, None))

    def _put(self, key: ApiKey) -> None:
        """Take a committed key into memory."""
        self._keys[key.name] = key


class SshKeys:
    """All SSH keys, in memory for reading."""

    def __init__(self) -> None:
        self._keys: dict[str, SshKey] = {}

    @classmethod
    async def load(cls, db: Database) -> Self:
        """Read them all. Raises StoreError."""
        keys = cls()
        for name, key, fingerprint, created in await db.rows("SELECT name, key, fingerprint, created_at FROM ssh_keys"):
            keys._put(SshKey(name=name, key=key, fingerprint=fingerprint, created_at=datetime.fromisoformat(created)))
        return keys

    def all(self) -> Sequence[SshKey]:
        """All keys, by name."""
        return [self._keys[name] for name in sorted(self._keys)]

    def insert(self, tx: Transaction, key: SshKey, now: datetime) -> SshKey:
        """Add one, made now. Raises ConflictError (the name or the key is in use)."""
        rows = tx.execute("SELECT name FROM ssh_keys WHERE name = ? OR fingerprint = ?", (key.name, key.fingerprint))
        if rows:
            what = "the name" if rows[0][0] == key.name else "the key"
            raise ConflictError(f"{what} is in use by the SSH key {rows[0][0]!r}")
        made = msgspec.structs.replace(key, created_at=now)
        tx.execute(
            "INSERT INTO ssh_keys (name, key, fingerprint, created_at) VALUES (?, ?, ?, ?)",
            (key.name, key.key, key.fingerprint, time_text(now)),
        )
        tx.on_commit(partial(self._put, made))
        return made

    def delete(self, tx: Transaction, name: str) -> SshKey:
        """Remove one; give back what it was. Raises NotFoundError."""
        rows = tx.execute("DELETE FROM ssh_keys WHERE name = ? RETURNING key, fingerprint", (name,))
        if not rows:
            raise NotFoundError(f"there is no SSH key {name!r}")
        tx.on_commit(partial(self._keys.pop, name, None))
        return SshKey(name=name, key=rows[0][0], fingerprint=rows[0][1])

    def _put(self, key: SshKey) -> None:
        """Take a committed key into memory."""
        self._keys[key.name] = key
