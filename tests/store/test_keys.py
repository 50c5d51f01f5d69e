"""API keys, of which only the hash is kept, and SSH keys."""

import hashlib
from datetime import timedelta
from pathlib import Path

import pytest

from fibrix.domain.ports.keys import SshKey
from fibrix.errors import ConflictError, NotFoundError
from fibrix.store.db import Database
from fibrix.store.keys import ApiKeys, SshKeys
from tests.store.events import NOON


async def test_an_api_key_is_stored_as_its_hash_alone(tmp_path: Path) -> None:
    async with Database(tmp_path / "region.db", "region") as db:
        keys = await ApiKeys.load(db, lambda: NOON)
        await db.write(lambda tx: keys.insert(tx, "admin", "fibrix_very_secret"))
        assert keys.hashes() == {"admin": hashlib.sha256(b"fibrix_very_secret").hexdigest()}
        assert b"very_secret" not in b"".join(file.read_bytes() for file in tmp_path.iterdir())  # noqa: ASYNC240
    async with Database(tmp_path / "region.db", "region") as db:
        assert (await ApiKeys.load(db, lambda: NOON)).all() == keys.all()


async def test_the_last_use_of_an_api_key_is_written_once_a_minute(db: Database) -> None:
    now = [NOON]
    keys = await ApiKeys.load(db, lambda: now[0])
    await db.write(lambda tx: keys.insert(tx, "admin", "k"))
    for seconds in (0, 1, 59, 61):
        now[0] = NOON + timedelta(seconds=seconds)
        keys.used("admin")
    keys.used("nobody")
    await db.write(lambda tx: None)  # what was posted before is written by now
    (again,) = (await ApiKeys.load(db, lambda: NOON)).all()
    assert again.last_used == NOON + timedelta(seconds=61)


async def test_a_deleted_api_key_is_gone(db: Database) -> None:
    keys = await ApiKeys.load(db, lambda: NOON)
    await db.write(lambda tx: keys.insert(tx, "a", "k"))
    with pytest.raises(ConflictError):
        await db.write(lambda tx: keys.insert(tx, "b", "k"))
    await db.write(lambda tx: keys.delete(tx, "a"))
    assert keys.hashes() == {}
    with pytest.raises(NotFoundError):
        await db.write(lambda tx: keys.delete(tx, "a"))


async def test_ssh_keys_are_kept_by_name(db: Database) -> None:
    keys = await SshKeys.load(db)
    for name in ("b", "a"):
        key = SshKey(name=name, key=f"ssh-ed25519 AAAA {name}", fingerprint=f"SHA256:{name}")
        await db.write(lambda tx, key=key: keys.insert(tx, key, NOON))  # type: ignore[misc]
    assert [key.name for key in keys.all()] == ["a", "b"]
    assert (await SshKeys.load(db)).all() == keys.all()
    assert keys.all()[0].created_at == NOON


async def test_an_ssh_key_under_a_name_in_use_or_already_there_is_refused(db: Database) -> None:
    keys = await SshKeys.load(db)
    await db.write(lambda tx: keys.insert(tx, SshKey(name="a", key="k", fingerprint="f"), NOON))
    with pytest.raises(ConflictError, match="the name is in use"):
        await db.write(lambda tx: keys.insert(tx, SshKey(name="a", key="l", fingerprint="g"), NOON))
    with pytest.raises(ConflictError, match="the key is in use by the SSH key 'a'"):
        await db.write(lambda tx: keys.insert(tx, SshKey(name="b", key="k", fingerprint="f"), NOON))


async def test_a_deleted_ssh_key_is_gone(db: Database) -> None:
    keys = await SshKeys.load(db)
    await db.write(lambda tx: keys.insert(tx, SshKey(name="a", key="k", fingerprint="f"), NOON))
    assert (await db.write(lambda tx: keys.delete(tx, "a"))).fingerprint == "f"
    assert keys.all() == []
    with pytest.raises(NotFoundError):
        await db.write(lambda tx: keys.delete(tx, "a"))
