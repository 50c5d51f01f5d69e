"""`fibrix audit` as its users type it."""

import json
from pathlib import Path

import aiohttp
import pytest

from fibrix.store.transaction import Transaction
from tests.cli.conftest import Command, run_command
from tests.support.site import Site
from tests.support.ssh_keys import ed25519


@pytest.fixture
async def busy(site: Site) -> Site:
    """Somebody has done something, and was refused once."""
    async with site.client() as http:
        for name, status in (("ann", 201), ("bob", 201), ("ann", 409)):
            await added(http, name, status)
    return site


async def added(http: aiohttp.ClientSession, name: str, status: int) -> None:
    async with http.post("/api/v1/ssh-keys", json={"name": name, "key": ed25519(ord(name[0]))}) as response:
        assert response.status == status


def cut_off(tx: Transaction) -> None:
    """Take the last record away, as somebody who can write into the database may."""
    tx.execute("DROP TRIGGER audit_kept")
    tx.execute("DELETE FROM audit WHERE seq = 3")


async def test_records_are_listed_for_people_and_for_programs(busy: Site, fibrix: Command) -> None:
    shown = await fibrix("audit", "list")
    assert shown.status == 0
    assert [line.split()[0] for line in shown.out.splitlines()] == ["NUMBER", "3", "2", "1"]
    assert "refused (409)" in shown.out
    lines = await fibrix("audit", "list", "--result", "done", "--oldest-first", "--limit", "1", "--jsonl")
    (record,) = [json.loads(line) for line in lines.out.splitlines()]
    assert (record["seq"], record["subject"]) == (1, "ssh-keys/ann")
    assert (await fibrix("audit", "list", "--until", "2020-01-01")).out == "nothing of the kind is on record\n"
    wrong = await fibrix("audit", "list", "--since", "soon")
    assert wrong.status == 2
    assert "'soon' is not a time: write 2026-01-31" in wrong.err


async def test_an_export_is_verified_without_the_controller(busy: Site, fibrix: Command, tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    assert (await fibrix("audit", "export", str(file))).status == 0
    good = await run_command("audit", "verify", str(file))
    assert (good.status, good.out.splitlines()[0]) == (0, "file: 3 records hold, 1 to 3")
    file.write_bytes(file.read_bytes().replace(b"bob", b"eve", 1))
    bad = await run_command("audit", "verify", str(file))
    assert (bad.status, bad.out) == (1, "file: record 2 is not what was written: its hash is another\n")
    assert (await run_command("audit", "verify")).status == 2


async def test_a_part_goes_on_where_the_file_before_it_ended(busy: Site, fibrix: Command) -> None:
    first = await fibrix("audit", "export")
    rest = await fibrix("audit", "export", "--after", "2")
    assert rest.out.splitlines() == first.out.splitlines()[2:]
    told = await run_command("audit", "verify", "-", "--json", stdin=rest.out.encode())
    assert (json.loads(told.out)["file"]["first"], told.status) == (3, 0)


async def test_a_file_tells_when_the_controllers_records_were_written_anew(
    busy: Site, fibrix: Command, tmp_path: Path
) -> None:
    file = tmp_path / "audit.jsonl"
    await fibrix("audit", "export", str(file))
    both = await fibrix("audit", "verify", str(file), "--live")
    assert both.status == 0
    assert "controller: 3 records hold, 1 to 3" in both.out
    await busy.rig.region.db.write(cut_off)
    cut = await fibrix("audit", "verify", str(file), "--live")
    assert cut.status == 1
    assert "controller: 2 records hold, 1 to 2" in cut.out  # by themselves they do
    assert "file: the controller does not show record 3, which is in the file" in cut.out
