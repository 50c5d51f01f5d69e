"""`fibrix export`, `diff` and `import`: from one controller to another, twice, and with every kind of fault."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from tests.cli.conftest import Command, run_command
from tests.support.site import Site, key_of, served

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ6Y2hLwGzkKGbR9Zb0bYyXxO1mYlqkLhQn3wq0r5s4T ann"


async def settled(fibrix: Command, tmp_path: Path) -> dict[str, Any]:
    """Have one of everything, and export it."""
    key = tmp_path / "ann.pub"
    key.write_text(KEY)
    for words in (
        ("tenant", "add", "initech", "--title", "Initech"),
        ("user", "add", "bob", "--role", "tenant", "--tenant", "initech"),
        ("ssh-key", "add", "ann", str(key)),
        ("subnet", "reserve", "racks", "52:54:00:77:00:01", "192.168.1.50"),
    ):
        ended = await fibrix(*words)
        assert ended.status == 0, ended
    ended = await fibrix("export")
    assert ended.status == 0, ended
    return tomllib.loads(ended.out)


def written(tmp_path: Path, document: dict[str, Any]) -> str:
    file = tmp_path / "declared.toml"
    file.write_text(tomli_w.dumps(document))
    return str(file)


@pytest.mark.timeout(30)
async def test_what_one_controller_exports_another_one_imports_once(
    site: Site, fibrix: Command, tmp_path: Path
) -> None:
    document = await settled(fibrix, tmp_path)
    assert document["users"]["bob"] == {"role": "tenant", "tenant": "initech"}
    assert document["reservations"] == {"racks/52:54:00:77:00:01": {"address": "192.168.1.50"}}
    assert document["images"].keys() == {"debian-12"}
    assert "password" not in str(document)
    file = written(tmp_path, document)
    assert (await fibrix("diff", file)).status == 0

    new = tmp_path / "new"
    new.mkdir()
    async with served(new) as other:
        (new / "admin.key").write_text(f"{key_of('admin')}\n")
        words = ("--state-dir", str(new))
        differs = await run_command(*words, "diff", file)
        assert differs.status == 1
        assert {"+ tenants initech", "+ users bob", "+ ssh_keys ann"} <= set(differs.out.splitlines())
        rehearsed = await run_command(*words, "import", file, "--dry-run")
        assert (rehearsed.status, rehearsed.out) == (0, "4 to change\n"), rehearsed
        assert other.rig.region.reservations("racks") == ()
        first = await run_command(*words, "import", file, "--yes")
        assert (first.status, first.out) == (0, "4 changed\n"), first
        assert (await run_command(*words, "diff", file)).status == 0
        head = other.rig.region.journal.head
        second = await run_command(*words, "import", file, "--yes")
        assert second.out == "0 changed\n"
        assert other.rig.region.journal.head == head


@pytest.mark.timeout(30)
async def test_changes_are_shown_and_made_and_what_is_not_declared_goes_only_when_asked(
    site: Site, fibrix: Command, tmp_path: Path
) -> None:
    document = await settled(fibrix, tmp_path)
    document["tenants"]["initech"] |= {"title": "Initech Inc.", "quota": {"machines": 3}}
    document["users"]["auditor"]["disabled"] = True
    document["reservations"]["racks/52:54:00:77:00:01"]["address"] = "192.168.1.51"
    del document["ssh_keys"]["ann"]
    file = written(tmp_path, document)
    shown = await fibrix("diff", file)
    assert "    title: Initech → Initech Inc." in shown.out
    assert "- ssh_keys ann" in shown.out
    ended = await fibrix("import", file, "--yes")
    assert (ended.status, ended.out) == (0, "3 changed\n"), ended
    assert (await fibrix("diff", file)).out == "- ssh_keys ann\n"
    assert (await fibrix("import", file, "--yes", "--prune")).out == "1 changed\n"
    assert (await fibrix("diff", file)).status == 0


async def test_all_faults_are_told_and_nothing_is_changed(site: Site, fibrix: Command, tmp_path: Path) -> None:
    document = tomllib.loads((await fibrix("export")).out)
    head = site.rig.region.journal.head
    document["subnets"]["racks"]["lease_s"] = 60
    document["users"]["eve"] = {"role": "tenant", "tenant": "nobody"}
    document["ssh_keys"]["bad"] = {"key": "ssh-ed25519 AAAA"}
    document["tenants"]["good"] = {}
    ended = await fibrix("import", written(tmp_path, document), "--yes")
    assert ended.status == 1
    for words in ("/subnets/racks: subnets are in the configuration", "/users/eve/tenant", "/ssh_keys/bad"):
        assert words in ended.err
    assert site.rig.region.journal.head == head


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("format = 2", "/format"),
        ("", "/format"),
        ("format = 1\n[machines.x]\n", "/machines: there is no such section"),
        ('format = 1\n[users.a]\nrole = "king"\n[tenants.b]\ncolour = "red"\n', "/tenants/b"),
        ('format = 1\n[users.a]\nrole = "king"\n[tenants.b]\ncolour = "red"\n', "/users/a"),
        ("format = [", "is no TOML"),
    ],
)
async def test_a_file_that_is_wrong_is_refused_with_all_that_is_wrong(
    tmp_path: Path, fibrix: Command, text: str, words: str
) -> None:
    file = tmp_path / "declared.toml"
    file.write_text(text)
    ended = await fibrix("import", str(file), "--yes")
    assert ended.status == 1
    assert words in ended.err
    assert "Traceback" not in ended.err
