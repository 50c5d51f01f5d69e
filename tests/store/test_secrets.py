"""Secrets at rest: unreadable without the key, bound to their owner, and a wrong key is told at the start."""

from pathlib import Path

import pytest

from fibrix.errors import StoreError
from fibrix.store.db import Database
from fibrix.store.key import make_key, read_key
from fibrix.store.secrets import Secrets

OWNER = "machines/m000000001/power"


async def stored(folder: Path, secret: str) -> None:
    """Run a store once and leave a secret in it."""
    async with Database(folder / "region.db", "region") as db:
        secrets = await Secrets.load(db, folder / "secret.key")
        await db.write(lambda tx: secrets.put(tx, OWNER, secret))
        assert secrets.get(OWNER) == secret


async def test_a_secret_is_there_after_a_restart_and_nowhere_in_the_clear(tmp_path: Path) -> None:
    await stored(tmp_path, "calvin-and-hobbes")
    for file in [tmp_path / "region.db", tmp_path / "secret.key"]:
        assert b"calvin" not in file.read_bytes()
    async with Database(tmp_path / "region.db", "region") as db:
        secrets = await Secrets.load(db, tmp_path / "secret.key")
        assert secrets.get(OWNER) == "calvin-and-hobbes"
        assert secrets.get("machines/other/power") == ""
        await db.write(lambda tx: secrets.delete(tx, OWNER))
        assert secrets.get(OWNER) == ""


async def test_the_key_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    await stored(tmp_path, "x")
    key = tmp_path / "secret.key"
    assert key.stat().st_mode & 0o777 == 0o600
    key.chmod(0o640)
    with pytest.raises(StoreError, match="chmod 600"):
        await stored(tmp_path, "y")


async def test_another_stores_key_is_refused(tmp_path: Path) -> None:
    await stored(tmp_path, "x")
    (tmp_path / "secret.key").unlink()
    make_key(tmp_path / "secret.key")
    with pytest.raises(StoreError, match="not the key of this store"):
        await stored(tmp_path, "y")


async def test_a_lost_key_is_not_silently_replaced(tmp_path: Path) -> None:
    await stored(tmp_path, "x")
    (tmp_path / "secret.key").unlink()
    with pytest.raises(StoreError, match="cannot read the controller's key"):
        await stored(tmp_path, "y")
    assert not (tmp_path / "secret.key").exists()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE secrets SET sealed = CAST(substr(sealed, 1, 20) || x'0000' AS BLOB) WHERE owner <> 'store'",
        "UPDATE secrets SET sealed = x'00' WHERE owner LIKE 'machines/%'",
        "UPDATE secrets SET sealed = (SELECT sealed FROM secrets WHERE owner = 'store') WHERE owner LIKE 'machines/%'",
    ],
)
async def test_a_row_that_was_tampered_with_is_told(tmp_path: Path, change: str) -> None:
    await stored(tmp_path, "x")
    async with Database(tmp_path / "region.db", "region") as db:
        await db.write(lambda tx: tx.execute(change))
        secrets = await Secrets.load(db, tmp_path / "secret.key")
        with pytest.raises(StoreError, match=f"the secret of {OWNER} cannot be opened"):
            secrets.get(OWNER)


@pytest.mark.parametrize("text", ["", "00", "not hex", "00" * 31, "00" * 33])
def test_a_file_that_holds_no_key_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "secret.key"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(StoreError):
        read_key(path)


def test_making_a_key_twice_keeps_the_first(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    make_key(path)
    first = path.read_text()
    make_key(path)
    assert path.read_text() == first
    assert list(tmp_path.iterdir()) == [path]


def test_derived_keys_are_the_same_each_time_and_differ_by_label_and_key(tmp_path: Path) -> None:
    make_key(tmp_path / "a")
    make_key(tmp_path / "b")
    a, b = read_key(tmp_path / "a"), read_key(tmp_path / "b")
    assert a.derive("boot/b1") == read_key(tmp_path / "a").derive("boot/b1")
    assert len({a.derive("boot/b1"), a.derive("boot/b2"), b.derive("boot/b1")}) == 3
    assert len(a.derive("x")) == 64
    assert (tmp_path / "a").read_text().strip() not in repr(a)
