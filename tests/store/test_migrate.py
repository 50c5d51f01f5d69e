"""Migrations: each whole or not at all, each once."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from importlib import resources
from pathlib import Path

import pytest

from fibrix.errors import StoreError
from fibrix.store.db import Database
from fibrix.store.migrate import _apply, migrate


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        yield connection


def tables(connection: sqlite3.Connection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


@pytest.mark.parametrize("name", ["region", "rack"])
def test_migrating_again_changes_nothing(connection: sqlite3.Connection, name: str) -> None:
    migrate(connection, name)
    before = list(connection.iterdump())
    migrate(connection, name)
    assert list(connection.iterdump()) == before


def test_a_migration_that_fails_leaves_nothing_behind(connection: sqlite3.Connection, tmp_path: Path) -> None:
    migrate(connection, "region")
    before = list(connection.iterdump())
    script = tmp_path / "9002_broken.sql"
    script.write_text("CREATE TABLE half (x); INSERT INTO half VALUES (1); CREATE TABLE journal (x);")
    with pytest.raises(StoreError, match=r"9002_broken\.sql failed, nothing of it was kept: table journal already"):
        _apply(connection, 9002, script)
    assert list(connection.iterdump()) == before
    script.write_text("CREATE TABLE other (x)")
    _apply(connection, 9002, script)
    assert "other" in tables(connection)
    assert connection.execute("SELECT max(version) FROM migrations").fetchone() == (9002,)


@pytest.mark.parametrize("name", ["region", "rack"])
def test_the_numbers_have_no_holes_and_no_doubles(name: str) -> None:
    folder = resources.files("fibrix.store") / "migrations" / name
    numbers = sorted(int(file.name[:4]) for file in folder.iterdir() if file.name.endswith(".sql"))
    assert numbers == list(range(1, len(numbers) + 1))


async def test_a_store_of_an_unknown_kind_or_in_an_impossible_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no migrations of the name 'moon'"):
        async with Database(tmp_path / "x.db", "moon"):
            pass
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot open"):
        async with Database(tmp_path / "file" / "x.db", "region"):
            pass
