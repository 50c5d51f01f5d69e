"""Numbered migrations: `migrations/<name>/0001_what.sql`, run in order, each whole or not at all."""

import sqlite3
from contextlib import closing
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from fibrix.errors import StoreError


def migrate(connection: sqlite3.Connection, name: str) -> None:
    """Bring a database to the newest version of `migrations/<name>`. Raises StoreError.

    A database that a newer Fibrix wrote is refused: its rows may mean what this one does not know.
    """
    scripts = _scripts(name)
    connection.execute("CREATE TABLE IF NOT EXISTS migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL)")
    (version,) = connection.execute("SELECT coalesce(max(version), 0) FROM migrations").fetchone()
    if version > max(scripts):
        raise StoreError(
            f"it was written by a newer Fibrix (version {version} of the {name} store; this one knows {max(scripts)}):"
            " start that Fibrix, or restore a backup"
        )
    for number in sorted(n for n in scripts if n > version):
        _apply(connection, number, scripts[number])


def newest(name: str) -> int:
    """The newest version that this Fibrix knows of a store. Raises StoreError."""
    return max(_scripts(name))


def version_of(path: Path) -> int:
    """Read the version of a database that nobody else uses. Raises StoreError: it is no database of Fibrix."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            (version,) = connection.execute("SELECT coalesce(max(version), 0) FROM migrations").fetchone()
    except sqlite3.Error as exc:
        raise StoreError(f"{path.name} is no database of Fibrix: {exc}") from exc
    return int(version)


def _scripts(name: str) -> dict[int, Traversable]:
    """Find the scripts by their numbers."""
    folder = resources.files("fibrix.store") / "migrations" / name
    files = [file for file in folder.iterdir() if file.name.endswith(".sql")] if folder.is_dir() else []
    if not files:
        raise StoreError(f"there are no migrations of the name {name!r}")
    return {int(file.name.partition("_")[0]): file for file in files}


def _apply(connection: sqlite3.Connection, number: int, file: Traversable) -> None:
    """Run one script and note it, in one transaction (SQLite's schema changes are transactional)."""
    note = f"INSERT INTO migrations VALUES ({number}, '{file.name}')"  # noqa: S608 - a file name of our own package
    try:
        connection.executescript(f"BEGIN IMMEDIATE;\n{file.read_text('utf-8')}\n;{note};\nCOMMIT;")
    except sqlite3.Error as exc:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise StoreError(f"migration {file.name} failed, nothing of it was kept: {exc}") from exc
