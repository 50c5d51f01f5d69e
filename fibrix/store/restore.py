"""Puts a backup in the place of what is there: checked whole beside it first, then renamed over it.

Whenever it ends in the middle, by a signal or a power failure, each file is the old one or the new one, whole, and the
same backup can be restored again. What was there stays as `….before-restore`.
"""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from fibrix.errors import InvalidError, StoreError
from fibrix.runtime.archive import Manifest, unpack
from fibrix.store.backup import DATABASES
from fibrix.store.key import read_key
from fibrix.store.lock import locked
from fibrix.store.migrate import newest, version_of
from fibrix.store.secrets import fits

_DRAFT: Final = ".restore"
_KEEP: Final = ".before-restore"
_ORDER: Final = ("secret.key", "admin.key", "scripts", "rack.db", "region.db")
"""In which they are put in place. A key without its database is refused at the start, in words; so this can stop."""


@dataclass(frozen=True, slots=True)
class Replaced:
    """What a restore puts in place, and what is there now."""

    path: Path
    bytes: int | None = None  # of what is there; None: nothing is
    changed_at: datetime | None = None


@dataclass(slots=True)
class Restoration:
    """A backup that was unpacked and found good, beside what is to be replaced."""

    manifest: Manifest
    key: str  # where the key comes from, in words
    replaced: tuple[Replaced, ...]
    config: Path | None  # where the configuration of the backup will be put, to look at
    _state_dir: Path
    _scripts_dir: Path
    _draft: Path
    kept: list[Path] = field(default_factory=list)

    def carry_out(self) -> None:
        """Put all in place, durably. Raises StoreError."""
        try:
            for name in _ORDER:
                new = self._draft / name
                if new.exists():
                    self._put(new, self._place(name))
            if self.config is not None:
                (self._draft / "config.toml").replace(self.config)
            _sync(self._state_dir)
        except OSError as exc:
            raise StoreError(f"the backup could not be put in place: {exc}; restore it again") from exc

    def _place(self, name: str) -> Path:
        return self._scripts_dir if name == "scripts" else self._state_dir / name

    def _put(self, new: Path, place: Path) -> None:
        """Replace one file or folder, and keep what was there."""
        _own(new, self._state_dir)
        if place.suffix == ".db":
            self.kept += _without_log(place)
        if place.exists():
            kept = _free_name(place)
            if place.is_dir():
                place.rename(kept)
            else:
                kept.hardlink_to(place)  # a link: there is no moment without the one or the other
            self.kept.append(kept)
        place.parent.mkdir(parents=True, exist_ok=True)
        new.replace(place)


@contextmanager
def restoring(file: Path, state_dir: Path, scripts_dir: Path, key: Path | None) -> Iterator[Restoration]:
    """Unpack a backup beside a state directory and check all of it; nothing is replaced before `carry_out`.

    `key`: a key file that is to be used in place of the one that is in the backup, or there already. Raises
    InvalidError: the file is damaged, or a newer Fibrix's, or the key does not fit. StoreError: a controller runs
    there, or the disk is full.
    """
    draft = state_dir / _DRAFT
    with ExitStack() as stack:
        try:
            state_dir.mkdir(parents=True, exist_ok=True, mode=0o750)
            for name in DATABASES:
                stack.enter_context(locked(state_dir / f"{name}.lock"))
            shutil.rmtree(draft, ignore_errors=True)  # of one that was ended
            draft.mkdir(mode=0o700)
            stack.callback(shutil.rmtree, draft, ignore_errors=True)
            manifest = unpack(file, draft)
            _check_stores(manifest, draft)
            where = _choose_key(draft, state_dir, key)
            _end_sessions(draft / "region.db")
        except OSError as exc:
            raise StoreError(f"cannot restore to {state_dir}: {exc}") from exc
        there = [scripts_dir if name == "scripts" else state_dir / name for name in _ORDER if (draft / name).exists()]
        config = state_dir / "restored-config.toml" if (draft / "config.toml").exists() else None
        yield Restoration(manifest, where, tuple(map(_seen, there)), config, state_dir, scripts_dir, draft)


def _check_stores(manifest: Manifest, draft: Path) -> None:
    """Refuse databases that are damaged, or that this Fibrix is too old for. Raises InvalidError."""
    told = {"region": manifest.region_version, "rack": manifest.rack_version}
    for name in DATABASES:
        path, known = draft / f"{name}.db", newest(name)
        if told[name] > known:
            raise InvalidError(
                f"the backup was made by Fibrix {manifest.fibrix}, which is newer: its {name} store has version"
                f" {told[name]}, this Fibrix knows {known}; install that Fibrix first"
            )
        try:
            with closing(sqlite3.connect(path)) as connection:
                ((verdict,),) = connection.execute("PRAGMA quick_check(1)").fetchall()
            version = version_of(path)
        except (sqlite3.Error, StoreError) as exc:
            raise InvalidError(f"{name}.db of the backup is no database of Fibrix: {exc}") from exc
        if verdict != "ok" or version != told[name]:
            raise InvalidError(f"{name}.db of the backup is damaged: {verdict}, version {version}")


def _choose_key(draft: Path, state_dir: Path, given: Path | None) -> str:
    """Find the key that opens the backup's secrets. Raises InvalidError: there is none, or it is another's."""
    packed, there = draft / "secret.key", state_dir / "secret.key"
    if given is not None:
        _check_key(given, draft)
        packed.write_bytes(given.read_bytes())
        packed.chmod(0o600)
        return f"the key in {given}"
    if packed.exists():
        _check_key(packed, draft)
        return "the key in the backup"
    if there.exists():
        _check_key(there, draft)
        return f"the key that is there, {there}"
    raise InvalidError(
        f"the backup has no key in it, and there is none in {state_dir}: give the secret.key of the controller that it"
        " was made by with --key; without it nobody can read the passwords of the BMCs"
    )


def _check_key(path: Path, draft: Path) -> None:
    try:
        key = read_key(path)
    except StoreError as exc:
        raise InvalidError(str(exc)) from exc
    with closing(sqlite3.connect(draft / "region.db")) as region:
        sealed = dict(region.execute("SELECT owner, sealed FROM secrets"))
    if not fits(key, sealed):
        raise InvalidError(f"{path} is not the key of this backup: give the right one with --key")


def _end_sessions(region: Path) -> None:
    """Log all browsers out: who was logged in then may have logged out, or lost the right to, since."""
    with closing(sqlite3.connect(region, isolation_level=None)) as connection:
        if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'sessions'").fetchone():
            connection.execute("DELETE FROM sessions")
    _sync(region)


def _without_log(path: Path) -> list[Path]:
    """Bring a database's write-ahead log into it: beside another database it would be taken for that one's.

    Where the database is too broken for that, its log is put aside like itself; the names it has then.
    """
    if path.exists():
        with suppress(sqlite3.Error), closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")
    kept = []
    for ending in ("-wal", "-shm"):
        log = path.with_name(path.name + ending)
        if log.exists():
            kept.append(log.rename(_free_name(log)))
    return kept


def _free_name(path: Path) -> Path:
    """Find a name for what is put aside; what was put aside before stays."""
    name, number = path.with_name(path.name + _KEEP), 1
    while name.exists():
        number += 1
        name = path.with_name(f"{path.name}{_KEEP}-{number}")
    return name


def _seen(path: Path) -> Replaced:
    if not path.exists():
        return Replaced(path)
    status = path.stat()
    return Replaced(path, status.st_size, datetime.fromtimestamp(status.st_mtime, UTC))


def _own(path: Path, state_dir: Path) -> None:
    """Give a file to whom the state directory belongs: root restores, and the service may be another user."""
    owner = state_dir.stat()
    if os.geteuid() == 0:
        for one in (path, *path.rglob("*")) if path.is_dir() else (path,):
            os.chown(one, owner.st_uid, owner.st_gid)
    _sync(path)


def _sync(path: Path) -> None:
    """Make a file, or the names in a folder, durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
