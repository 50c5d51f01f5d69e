"""`fibrix dns` as operators type it, and zones from one controller to another."""

import json
import tomllib
from pathlib import Path

import pytest

from tests.cli.conftest import Command, run_command
from tests.support.site import Site, key_of, served


@pytest.mark.timeout(30)
async def test_a_zone_its_records_and_its_keys(site: Site, fibrix: Command) -> None:
    assert "secret (shown this once)" in (await fibrix("dns", "keys", "add", "transfer")).out
    assert "transfer" in (await fibrix("dns", "keys", "list")).out
    words = ("--secondary", "192.0.2.53/transfer", "--ttl", "60")
    added = await fibrix("dns", "zone", "add", "rack.example", *words)
    assert (added.status, added.out) == (0, "rack.example is there\n"), added
    listed = (await fibrix("dns", "zones")).out
    assert "192.0.2.53/transfer" in listed
    assert "1.168.192.in-addr.arpa" in listed
    assert (await fibrix("dns", "zone", "edit", "rack.example")).status == 2
    edited = await fibrix("dns", "zone", "edit", "rack.example", "--secondary", "192.0.2.54:5353")
    assert edited.status == 0, edited
    shown = (await fibrix("dns", "zone", "show", "rack.example")).out
    assert "192.0.2.54:5353" in shown
    assert "ns.rack.example" in shown
    assert (await fibrix("dns", "zone", "edit", "rack.example", "--secondary", "1.2.3.4:x")).status == 2
    assert (await fibrix("dns", "keys", "delete", "transfer")).status == 0

    record = await fibrix("dns", "record", "add", "rack.example", "www", "A", "192.0.2.80", "--ttl", "5")
    assert "www.rack.example A 192.0.2.80 is there" in record.out
    await fibrix("dns", "record", "add", "rack.example", "@", "MX", "10", "mail.isp.example")
    found = json.loads((await fibrix("dns", "records", "rack.example", "--filter", "source=added", "--json")).out)
    assert [(r["type"], r["ttl"]) for r in found] == [("MX", 60), ("A", 5)]
    replaced = await fibrix("dns", "record", "replace", "rack.example", found[1]["id"], "192.0.2.81")
    assert replaced.status == 0, replaced
    looked = (await fibrix("dns", "lookup", "www.rack.example")).out
    assert looked.startswith("answered, zone rack.example")
    assert "192.0.2.81" in looked
    rehearsed = await fibrix("dns", "record", "delete", "rack.example", "www", "--dry-run")
    assert "192.0.2.81" in rehearsed.out
    assert (await fibrix("dns", "record", "delete", "rack.example", "www", "a")).status == 0
    assert (await fibrix("dns", "lookup", "www.rack.example")).out.startswith("no such name")
    assert (await fibrix("dns", "record", "delete", "rack.example", "www")).status == 6
    assert (await fibrix("dns", "zone", "delete", "rack.example")).status == 0


async def test_zones_are_completed(site: Site, fibrix: Command) -> None:
    await fibrix("dns", "zone", "add", "rack.example")
    words = f"fibrix --state-dir {site.state_dir} dns zone show ra"
    ended = await fibrix(COMP_WORDS=words, COMP_CWORD="6", _FIBRIX_COMPLETE="bash_complete")
    assert ended.out.split() == ["plain,rack.example"]


@pytest.mark.timeout(30)
async def test_zones_and_records_go_from_one_controller_to_another(site: Site, fibrix: Command, tmp_path: Path) -> None:
    await fibrix("dns", "zone", "add", "rack.example", "--ttl", "60", "--secondary", "192.0.2.53")
    await fibrix("dns", "record", "add", "rack.example", "www", "TXT", "two words")
    await fibrix("dns", "record", "add", "1.168.192.in-addr.arpa", "9", "PTR", "printer.example", "--ttl", "5")
    text = (await fibrix("export")).out
    document = tomllib.loads(text)
    assert document["dns_zones"] == {"rack.example": {"ttl": 60, "secondaries": [{"address": "192.0.2.53"}]}}
    assert document["dns_records"] == {
        "1.168.192.in-addr.arpa 9.1.168.192.in-addr.arpa PTR printer.example": {"ttl": 5},
        'rack.example www.rack.example TXT "two words"': {},
    }
    file = tmp_path / "declared.toml"
    file.write_text(text)
    assert (await fibrix("diff", str(file))).status == 0
    new = tmp_path / "new"
    new.mkdir()
    async with served(new) as other:
        (new / "admin.key").write_text(f"{key_of('admin')}\n")
        words = ("--state-dir", str(new))
        made = await run_command(*words, "import", str(file), "--yes")
        assert (made.status, made.out) == (0, "3 changed\n"), made
        assert (await run_command(*words, "diff", str(file))).status == 0
        assert "www.rack.example" in other.rig.core.dns.cell.value.zones["rack.example"].records
        file.write_text(text.replace("ttl = 60", "ttl = 61").replace("ttl = 5", "ttl = 6"))
        changed = await run_command(*words, "import", str(file), "--yes")
        assert (changed.status, changed.out) == (0, "2 changed\n"), changed
        file.write_text("format = 1\n[dns_zones]\n[dns_records]\n")
        pruned = await run_command(*words, "import", str(file), "--yes", "--prune")
        assert (pruned.status, pruned.out) == (0, "3 changed\n"), pruned
        for name, why in (("no.example www A 192.0.2.1", "no zone 'no.example'"), ("x y", "zone name type value")):
            file.write_text(f'format = 1\n[dns_records."{name}"]\n')
            refused = await run_command(*words, "import", str(file), "--yes")
            assert why in refused.err
