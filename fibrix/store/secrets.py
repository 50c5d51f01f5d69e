"""Secrets of others that Fibrix must be able to say again: the passwords of BMCs. Sealed on the disk and in memory."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Final, Self

from fibrix.errors import StoreError
from fibrix.store.db import Database
from fibrix.store.key import ControllerKey, make_key, read_key
from fibrix.store.transaction import Transaction

_CHECK: Final = "store"
"""The owner of a secret of our own, sealed when the key was made: it tells at the start whether the key fits."""


def fits(key: ControllerKey, sealed: Mapping[str, bytes]) -> bool:
    """Tell whether a key opens the secrets of a store, by owner; where nothing was sealed yet, every key does."""
    try:
        return _CHECK not in sealed or bool(key.unseal(_CHECK, sealed[_CHECK]))
    except StoreError:
        return False


class Secrets:
    """Secrets by their owner, as `machines/m0123456789/power`. A sealed secret opens for its owner only."""

    def __init__(self, key: ControllerKey, sealed: dict[str, bytes]) -> None:
        self.key = key
        self._sealed = sealed

    @classmethod
    async def load(cls, db: Database, key_path: Path) -> Self:
        """Read the key file, made at the first start, and the secrets.

        Raises StoreError: the key file is missing though there are secrets, others may read it, or it is another's.
        """
        sealed: dict[str, bytes] = dict(await db.rows("SELECT owner, sealed FROM secrets"))
        if _CHECK not in sealed:
            make_key(key_path)
        key = read_key(key_path)
        secrets = cls(key, sealed)
        if _CHECK not in sealed:
            await db.write(lambda tx: secrets.put(tx, _CHECK, "it fits"))
        try:
            secrets.get(_CHECK)
        except StoreError as exc:
            raise StoreError(f"{key_path} is not the key of this store: put the right one back") from exc
        return secrets

    def get(self, owner: str) -> str:
        """The secret of an owner; empty where there is none. Raises StoreError: it was tampered with."""
        sealed = self._sealed.get(owner)
        return "" if sealed is None else self.key.unseal(owner, sealed)

    def read(self, tx: Transaction, owner: str) -> str:
        """The same as of this transaction."""
        rows = tx.execute("SELECT sealed FROM secrets WHERE owner = ?", (owner,))
        return self.key.unseal(owner, rows[0][0]) if rows else ""

    def put(self, tx: Transaction, owner: str, secret: str) -> None:
        """Keep a secret in place of the one before, if any."""
        sealed = self.key.seal(owner, secret)
        tx.execute("DELETE FROM secrets WHERE owner = ?", (owner,))
        tx.execute("INSERT INTO secrets (owner, sealed) VALUES (?, ?)", (owner, sealed))
        tx.on_commit(partial(self._sealed.__setitem__, owner, sealed))

    def delete(self, tx: Transaction, owner: str) -> None:
        """Forget a secret, if there is one."""
        tx.execute("DELETE FROM secrets WHERE owner = ?", (owner,))
        tx.on_commit(partial(self._sealed.pop, owner, None))
