"""`fibrix backup` and `fibrix restore`, as an operator uses them."""

import asyncio
import stat
from pathlib import Path

from fibrix.runtime.archive import unpack
from tests.cli.conftest import Command, run_command
from tests.support.site import Site, served


async def test_a_backup_is_checked_private_and_without_the_key(site: Site, fibrix: Command, tmp_path: Path) -> None:
    file = tmp_path / "b.tar.gz"
    ended = await fibrix("backup", str(file))
    assert (ended.status, "secret.key is not in it" in ended.err) == (0, True), ended
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    manifest = unpack(file, None)
    assert not manifest.with_key
    assert {member.name for member in manifest.members} == {"region.db", "rack.db", "config.toml"}
    assert [image.name for image in manifest.images] == ["debian-12"]
    events = await site.rig.types()
    assert events[-1] == "backup.taken"
    assert manifest.journal_head == len(events) - 1
    again = await fibrix("backup", str(file))
    assert again.status == 2
    assert "--force" in again.err


async def test_only_an_admin_may_and_a_terminal_never_gets_one(site: Site, fibrix: Command, tmp_path: Path) -> None:
    async with site.client("operator") as http, http.get("/api/v1/backup") as response:
        assert response.status == 403
    for place in ("-", "/dev/tty", "/dev/null"):
        assert (await fibrix("backup", place)).status == 2
    ended = await fibrix("backup", str(tmp_path / "nowhere" / "b"))
    assert ended.status == 1
    assert "cannot write" in ended.err


async def test_a_restore_says_what_it_replaces_asks_and_brings_everything_back(tmp_path: Path) -> None:
    state, file = tmp_path / "state", tmp_path / "b.tar.gz"
    state.mkdir()
    async with served(state) as site:
        machine = await site.put("quick-otter")
        key = tmp_path / "key"
        await asyncio.to_thread(key.write_text, "fibrix_key-of-admin")
        words = ("--url", site.unix_url, "--key-file", str(key))
        ended = await run_command(*words, "backup", str(file), "--with-key")
        assert ended.status == 0, ended
        head = site.rig.region.journal.head
        await site.put("late-hare")
        running = await run_command("restore", str(file), "--state-dir", str(state), "--yes")
        assert running.status == 1
        assert "in use by process" in running.err

    asked = await run_command("restore", str(file), "--state-dir", str(state), stdin=b"n\n")
    assert asked.status == 1
    assert f"replaces: {state / 'region.db'}" in asked.out
    assert "nothing was changed" in asked.out
    done = await run_command("--state-dir", str(state), "restore", str(file), "--yes")
    assert done.status == 0, done
    assert f"kept: {state / 'region.db'}.before-restore" in done.out
    async with served(state) as site, site.client() as http:
        async with http.get("/api/v1/machines") as response:
            assert [one["id"] for one in (await response.json())["items"]] == [machine.id]
        async with http.get(f"/api/v1/events?since={head - 1}") as response:
            assert len(await response.json()) <= 1


async def test_a_damaged_backup_is_refused_in_words(tmp_path: Path) -> None:
    file = tmp_path / "b"
    file.write_bytes(b"hello")
    ended = await run_command("restore", str(file), "--state-dir", str(tmp_path / "new"), "--yes")
    assert ended.status == 1
    assert "is no whole backup" in ended.err
    assert "Traceback" not in ended.err
