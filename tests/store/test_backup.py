"""Backups: taken from a store that is written to at full speed, restored, and the same; bad ones refused."""

import asyncio
import gzip
import io
import sqlite3
import tarfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from fibrix.bus import Bus
from fibrix.domain.access import Role
from fibrix.domain.account import Session, User
from fibrix.errors import InvalidError, StoreError
from fibrix.events.controller import SshKeyAdded
from fibrix.runtime.archive import unpack
from fibrix.store.backup import BackupSource
from fibrix.store.db import Database
from fibrix.store.images import Images
from fibrix.store.region import Region, RegionUnit, open_region
from fibrix.store.restore import restoring
from fibrix.store.transaction import Transaction
from fibrix.types import SessionId, UserId

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
_BINDING = "INSERT INTO binding_log VALUES (NULL, ?, 'racks', ?, 'bound', '', 1, 2)"


def source(state_dir: Path) -> BackupSource:
    return BackupSource(
        state_dir=state_dir,
        scripts_dir=state_dir / "scripts",
        images=Images(state_dir / "images"),
        config=lambda: b'state_dir = "/var/lib/fibrix"\n',
        now=lambda: NOW,
    )


def taken(state_dir: Path, file: Path, *, with_key: bool = True) -> Path:
    with closing(source(state_dir).take(with_key=with_key)) as snapshot:
        file.write_bytes(b"".join(snapshot.chunks()))
    return file


@asynccontextmanager
async def stores(state_dir: Path) -> AsyncIterator[tuple[Region, Database]]:
    async with open_region(state_dir, Bus()) as region, Database(state_dir / "rack.db", "rack") as rack:
        yield region, rack


async def one_more(region: Region, rack: Database, number: int) -> None:
    """What a busy controller does: a thing with its event, and a binding that names the same number."""

    def work(unit: RegionUnit) -> None:
        user = UserId(f"u{number:09}")
        unit.of(User).insert(User(id=user, name=f"user-{number}", role=Role.AUDITOR, created_at=NOW))
        unit.append(SshKeyAdded(at=NOW, name=f"user-{number}", fingerprint="x" * 200))

    await region.change(work)
    await rack.write(lambda tx: tx.execute(_BINDING, (number, f"{number:012x}")))


@pytest.fixture
async def state(tmp_path: Path) -> Path:
    """The state directory of a controller that is stopped, with something in it."""
    folder = tmp_path / "state"
    async with stores(folder) as (region, rack):
        for number in range(20):
            await one_more(region, rack, number)
        ended = Session(
            id=SessionId("ab" * 32), user=UserId("u000000001"), csrf="c", address="", created_at=NOW, expires_at=NOW
        )
        await region.change(lambda unit: unit.of(Session).insert(ended))
    (folder / "scripts" / "mine").mkdir(parents=True)
    (folder / "scripts" / "mine" / "script.toml").write_text('title = "Mine"\n')
    script = folder / "scripts" / "mine" / "run.sh"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    return folder


def fill(tx: Transaction) -> None:
    """Make the copy take a while."""
    tx.executemany("INSERT INTO secrets VALUES (?, ?)", [(f"x/{number}", b"x" * 20_000) for number in range(2000)])


def traces(folder: Path) -> list[str]:
    """What a restore leaves behind."""
    return [path.name for path in folder.iterdir() if "restore" in path.name]


def restored(file: Path, state_dir: Path, key: Path | None = None) -> list[Path]:
    with restoring(file, state_dir, state_dir / "scripts", key) as found:
        found.carry_out()
        return found.kept


def rows(path: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


@pytest.mark.timeout(30)
async def test_a_backup_under_load_is_one_moment_and_the_controller_goes_on_from_it(tmp_path: Path) -> None:
    async with stores(tmp_path / "busy") as (region, rack):
        await region.db.write(fill)
        done = asyncio.Event()
        waits: list[float] = []

        async def write(first: int) -> None:
            for number in range(first, first + 20_000):
                if done.is_set():
                    return
                began = time.monotonic()
                await one_more(region, rack, number)
                waits.append(time.monotonic() - began)

        async with asyncio.TaskGroup() as group:
            for writer in range(4):
                group.create_task(write(writer * 20_000))
            await asyncio.sleep(0.3)
            before = region.journal.head
            file = await asyncio.to_thread(taken, tmp_path / "busy", tmp_path / "backup.tar.gz")
            after = region.journal.head
            done.set()
        events = await region.journal.since(0, limit=100_000)
    assert after > before > 0, "nothing was written meanwhile"
    assert max(waits) < 2.0

    manifest = unpack(file, None)
    assert before <= manifest.journal_head <= after
    restored(file, tmp_path / "new")
    async with stores(tmp_path / "new") as (region, rack):
        assert region.journal.head == manifest.journal_head
        assert await region.journal.since(0, limit=100_000) == events[: manifest.journal_head]
        users = {user.name for user in region.of(User).all()}
        assert users == {msgspec.json.decode(event.data)["name"] for event in events[: manifest.journal_head]}
        bound = {int(mac, 16) for (mac,) in await rack.rows("SELECT mac FROM binding_log")}
        assert len(bound) >= len(users) - 4, "the rack's copy is older than the region's"
        await one_more(region, rack, 99_999)
        assert region.journal.head == manifest.journal_head + 1


async def test_what_is_restored_is_what_was_but_for_sessions(state: Path, tmp_path: Path) -> None:
    file = taken(state, tmp_path / "b")
    restored(file, tmp_path / "new")
    for table in ("journal", "users", "secrets", "migrations"):
        sql = f"SELECT * FROM {table} ORDER BY 1"
        assert rows(tmp_path / "new" / "region.db", sql) == rows(state / "region.db", sql)
    assert rows(state / "region.db", "SELECT count(*) FROM sessions") == [(1,)]
    assert rows(tmp_path / "new" / "region.db", "SELECT count(*) FROM sessions") == [(0,)]
    assert rows(tmp_path / "new" / "rack.db", "SELECT * FROM binding_log") == rows(
        state / "rack.db", "SELECT * FROM binding_log"
    )
    script = tmp_path / "new" / "scripts" / "mine" / "run.sh"
    assert script.stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "new" / "secret.key").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "new" / "restored-config.toml").read_text() == 'state_dir = "/var/lib/fibrix"\n'


async def test_what_was_there_is_kept_and_its_log_is_not_taken_for_the_new_ones(state: Path, tmp_path: Path) -> None:
    file = taken(state, tmp_path / "b")
    async with stores(state) as (region, rack):
        await one_more(region, rack, 500)
        log = (state / "region.db-wal").read_bytes()
    (state / "region.db-wal").write_bytes(log)  # as after a kill -9
    kept = restored(file, state)
    assert {path.name for path in kept} == {
        "region.db.before-restore",
        "rack.db.before-restore",
        "secret.key.before-restore",
        "scripts.before-restore",
    }
    assert rows(state / "region.db.before-restore", "SELECT count(*) FROM users") == [(21,)]
    async with stores(state) as (region, _):
        assert len(region.of(User).all()) == 20
    assert "region.db.before-restore-2" in {path.name for path in restored(file, state)}


async def test_without_the_key_it_stays_out_and_the_right_one_is_asked_for(state: Path, tmp_path: Path) -> None:
    file = taken(state, tmp_path / "b", with_key=False)
    key = (state / "secret.key").read_text().strip()
    assert bytes.fromhex(key) not in gzip.decompress(file.read_bytes())
    assert key.encode() not in gzip.decompress(file.read_bytes())
    with pytest.raises(InvalidError, match=r"give the secret\.key .* with --key"):
        restored(file, tmp_path / "new")
    wrong = tmp_path / "wrong.key"
    wrong.write_text("00" * 32)
    wrong.chmod(0o600)
    with pytest.raises(InvalidError, match="is not the key of this backup"):
        restored(file, tmp_path / "new", wrong)
    assert not (tmp_path / "new" / "region.db").exists()
    restored(file, tmp_path / "new", state / "secret.key")
    async with stores(tmp_path / "new") as (region, _):
        assert region.journal.head == 20


async def test_a_running_controller_is_not_written_over(state: Path, tmp_path: Path) -> None:
    file = taken(state, tmp_path / "b")
    async with stores(state):
        with pytest.raises(StoreError, match="in use by process"):
            restored(file, state)


def changed(file: Path, change: Callable[[list[tuple[tarfile.TarInfo, bytes]]], None]) -> None:
    """Write a backup anew, with something in it changed."""
    with tarfile.open(file) as tar:
        members = [(info, handle.read()) for info in tar if (handle := tar.extractfile(info))]
    change(members)
    with tarfile.open(file, "w:gz", format=tarfile.USTAR_FORMAT) as tar:
        for info, data in members:
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


def manifest_with(**fields: object) -> Callable[[list[tuple[tarfile.TarInfo, bytes]]], None]:
    def change(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
        info, text = members[0]
        members[0] = info, msgspec.json.encode(msgspec.json.decode(text) | fields)

    return change


def renamed(name: str) -> Callable[[list[tuple[tarfile.TarInfo, bytes]]], None]:
    """Give the last member another name, in the manifest too."""

    def change(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
        manifest = msgspec.json.decode(members[0][1])
        manifest["members"][-1]["name"] = members[-1][0].name = name
        members[0] = members[0][0], msgspec.json.encode(manifest)

    return change


def spoilt(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    members[1] = members[1][0], members[1][1][:-1] + b"!"


def as_link(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    members[1][0].type, members[1][0].linkname = tarfile.SYMTYPE, "/etc/passwd"
    members[1] = members[1][0], b""


def extra(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    members.append((tarfile.TarInfo("evil"), b"x"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (manifest_with(format=2), "format 2"),
        (manifest_with(region_version=999), "install that Fibrix first"),
        (manifest_with(region_version=1), "is damaged"),
        (manifest_with(members=[]), "it has no rack.db and no region.db"),
        (manifest_with(made_at="yesterday"), "manifest cannot be read"),
        (renamed("../../etc/cron.d/evil"), "names that no backup has"),
        (renamed("/etc/passwd"), "names that no backup has"),
        (renamed("scripts/../../evil/x"), "names that no backup has"),
        (renamed("region.db"), "names that no backup has"),
        (spoilt, "SHA-256"),
        (as_link, "no plain file"),
        (extra, "more in it than its manifest says"),
        (lambda members: members.pop(), "too early|damaged"),
        (lambda members: members.pop(0), "does not begin with a manifest"),
    ],
)
async def test_a_changed_backup_is_refused_and_nothing_is_touched(
    state: Path, tmp_path: Path, change: Callable[[list[tuple[tarfile.TarInfo, bytes]]], None], words: str
) -> None:
    file = taken(state, tmp_path / "b")
    changed(file, change)
    before = (state / "region.db").read_bytes()
    with pytest.raises(InvalidError, match=words):
        restored(file, state)
    assert (state / "region.db").read_bytes() == before
    assert traces(state) == []
    assert not (tmp_path.parent / "evil").exists()


@pytest.mark.parametrize("part", [0, 1, 10, 100, 5000, -1000, -8, -1])
async def test_a_backup_that_was_cut_short_is_refused(state: Path, tmp_path: Path, part: int) -> None:
    file = taken(state, tmp_path / "b")
    file.write_bytes(file.read_bytes()[:part])
    with pytest.raises(InvalidError):
        restored(file, tmp_path / "new")


@pytest.mark.parametrize("junk", [b"", b"hello", b"\x1f\x8b\x08", gzip.compress(b"x" * 2000), gzip.compress(b"")])
def test_what_is_no_backup_is_refused(tmp_path: Path, junk: bytes) -> None:
    (tmp_path / "b").write_bytes(junk)
    with pytest.raises(InvalidError, match="backup"):
        unpack(tmp_path / "b", None)


async def test_a_full_disk_is_told_in_words_and_leaves_nothing_behind(state: Path) -> None:
    (state / ".backup").write_text("in the way")
    with pytest.raises(StoreError, match="could not be taken"):
        source(state).take(with_key=False)
    (state / ".backup").unlink()
    (state / "rack.db").unlink()
    with pytest.raises(StoreError, match="could not be taken"):
        source(state).take(with_key=False)
    assert not (state / ".backup").exists()
