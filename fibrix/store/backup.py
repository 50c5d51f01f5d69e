"""Takes a backup from under a running controller: each database as of one moment, copied page by page."""

import io
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final

import fibrix
from fibrix.errors import StoreError
from fibrix.runtime.archive import FORMAT, Content, ImageName, Manifest, Member, is_place, pack, sha256_of
from fibrix.store.images import Images
from fibrix.store.migrate import version_of

_PAGES: Final = 256  # of a step, 1 MiB: the disk is free for a DHCP server's fsync after that
_PAUSE_S: Final = 0.005  # between two steps
_FLUSH_STEPS: Final = 4  # what a copy has in the page cache must not pile up in front of somebody else's fsync
_DRAFT: Final = ".backup"
DATABASES: Final = ("region", "rack")
"""In the order of their snapshots: the rack's is the newer one, so that no address that the region knows of is free."""
KEYS: Final = ("secret.key", "admin.key")


class Snapshot:
    """A backup that is ready to be sent. Its files have no names any more: they are gone with the last handle."""

    def __init__(self, manifest: Manifest, contents: tuple[Content, ...], stack: ExitStack) -> None:
        self.manifest = manifest
        self._contents = contents
        self._stack = stack

    @property
    def total_bytes(self) -> int:
        """The size of all that is in it, uncompressed."""
        return sum(content.member.bytes for content in self._contents)

    def chunks(self) -> Iterator[bytes]:
        """Pack it. Reads files."""
        return pack(self.manifest, self._contents)

    def close(self) -> None:
        """Let go of its files."""
        self._stack.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupSource:
    """What a backup is taken of. `config` gives the configuration that is at work, as TOML without secrets."""

    state_dir: Path
    scripts_dir: Path
    images: Images
    config: Callable[[], bytes]
    now: Callable[[], datetime]

    def take(self, *, with_key: bool) -> Snapshot:
        """Take one. Blocks for as long as the copy takes: call it in a thread, one at a time. Raises StoreError."""
        draft = self.state_dir / _DRAFT
        shutil.rmtree(draft, ignore_errors=True)  # of a controller that was killed while it took one
        try:
            draft.mkdir(mode=0o700)
            return self._taken(draft, with_key=with_key)
        except (OSError, sqlite3.Error, ValueError) as exc:
            raise StoreError(f"the backup could not be taken: {exc}") from exc
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def _taken(self, draft: Path, *, with_key: bool) -> Snapshot:
        made_at = self.now()
        with ExitStack() as stack:
            _copy_all(self.state_dir, draft)
            found = [(f"{name}.db", draft / f"{name}.db") for name in DATABASES]
            found += [(name, self.state_dir / name) for name in KEYS if with_key and (self.state_dir / name).exists()]
            found += _scripts(self.scripts_dir)
            contents = [_content(name, stack.enter_context(path.open("rb")), path) for name, path in found]
            contents.append(_content("config.toml", io.BytesIO(self.config())))
            with closing(sqlite3.connect(draft / "region.db")) as region:
                head = _newest_number(region)
            manifest = Manifest(
                format=FORMAT,
                fibrix=fibrix.__version__,
                made_at=made_at,
                region_version=version_of(draft / "region.db"),
                rack_version=version_of(draft / "rack.db"),
                journal_head=head,
                with_key=with_key,
                members=tuple(content.member for content in contents),
                images=tuple(
                    ImageName(name=image.name, sha256=image.manifest.sha256 if image.manifest else "")
                    for image in self.images.all()
                ),
            )
            return Snapshot(manifest, tuple(contents), stack.pop_all())


def _newest_number(region: sqlite3.Connection) -> int:
    """The newest number that any event was given, be it still there or not."""
    (head,) = region.execute(
        "SELECT max(coalesce(max(seq), 0), (SELECT seq FROM journal_gone)) FROM journal"
    ).fetchone()
    return int(head)


def _copy_all(source: Path, draft: Path) -> None:
    """Copy the databases, all as of the beginning.

    An open read transaction holds each at its moment, whatever is written meanwhile; without one the copy would begin
    anew with every commit, and under load never end.
    """
    with ExitStack() as stack:
        held = []
        for name in DATABASES:
            url = f"{(source / f'{name}.db').absolute().as_uri()}?mode=ro"
            connection = stack.enter_context(closing(sqlite3.connect(url, uri=True, isolation_level=None)))
            connection.execute("BEGIN")
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            held.append((name, connection))
        for name, connection in held:
            _copy(connection, draft / f"{name}.db")


def _copy(connection: sqlite3.Connection, target: Path) -> None:
    target.touch(mode=0o600)
    with closing(sqlite3.connect(target)) as copy, target.open("rb+") as file:
        copy.execute("PRAGMA synchronous = OFF")
        steps = 0

        def flush(_status: int, _remaining: int, _total: int) -> None:
            nonlocal steps
            steps += 1
            if steps % _FLUSH_STEPS == 0:
                os.fdatasync(file.fileno())

        connection.backup(copy, pages=_PAGES, progress=flush, sleep=_PAUSE_S)
        copy.execute("PRAGMA journal_mode = DELETE")  # one file: the log is of the running store


def _content(name: str, handle: BinaryIO, path: Path | None = None) -> Content:
    executable = path is not None and bool(path.stat().st_mode & 0o100)
    sha256 = sha256_of(handle)
    size = handle.seek(0, io.SEEK_END)
    handle.seek(0)
    return Content(Member(name=name, bytes=size, sha256=sha256, executable=executable), handle)


def _scripts(folder: Path) -> list[tuple[str, Path]]:
    """Find the operator's own scripts: plain files, no links."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    named = [(f"scripts/{path.relative_to(folder).as_posix()}", path) for path in files]
    return [(name, path) for name, path in named if is_place(name)]
