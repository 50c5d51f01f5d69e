"""Networks from the command line: from a fabric to a kept address, exported, and brought about elsewhere."""

import tomllib
from pathlib import Path

import pytest
import tomli_w

from tests.cli.conftest import Command, run_command
from tests.support.site import Site, key_of, served

MADE = (
    ("zone", "add", "east", "--note", "the cold one"),
    ("fabric", "add", "core"),
    ("vlan", "add", "core", "10", "--interface", "eth1.10", "--mtu", "1400"),
    (
        *("subnet", "add", "customers", "--vlan", "core.10", "--address", "10.20.0.1/24", "--router", "10.20.0.1"),
        *("--range", "10.20.0.100-10.20.0.109", "--option", "4=0a140001", "--route", "10.9.0.0/16=10.20.0.2"),
    ),
    ("range", "add", "customers", "10.20.0.200", "10.20.0.209", "--reserved", "--note", "PDUs"),
    ("reservation", "add", "customers", "id:ff0001", "--hostname", "pdu-1"),
)


async def made(fibrix: Command) -> None:
    for words in MADE:
        ended = await fibrix(*words)
        assert ended.status == 0, (words, ended)


@pytest.mark.timeout(60)
async def test_from_a_fabric_to_a_kept_address(site: Site, fibrix: Command) -> None:
    await made(fibrix)
    shown = (await fibrix("subnet", "show", "customers")).out
    for words in (
        "eth1.10, 10.20.0.1",
        "10.20.0.100 to 10.20.0.109",
        "10.20.0.200 to 10.20.0.209  PDUs",
        "4 = 0a140001",
    ):
        assert words in shown
    assert "10.20.0.2  id:ff0001  pdu-1" in shown
    assert "1400" in shown
    assert (await fibrix("subnet", "next", "customers")).out == "10.20.0.3\n"
    assert (await fibrix("subnet", "next", "customers", "--inside")).out == "10.20.0.100\n"
    assert "reservation: it is kept for id:ff0001" in (await fibrix("ip", "show", "10.20.0.2")).out
    assert (await fibrix("subnet", "edit", "customers", "--mode", "observe")).status == 0
    assert site.rig.snapshot.value.subnets[1].mode.value == "observe"
    refused = await fibrix("subnet", "delete", "customers")
    assert (refused.status, "has 1 reservation" in refused.err) == (7, True)
    assert (await fibrix("subnet", "delete", "customers", "--force")).out == "customers is gone\n"
    assert "no leases" in (await fibrix("dhcp", "leases")).out
    assert (await fibrix("dhcp", "subnets")).status == 0


@pytest.mark.timeout(30)
async def test_a_rehearsal_says_what_would_change_in_dhcp_and_names_are_completed(site: Site, fibrix: Command) -> None:
    words = ("subnet", "add", "new", "--interface", "eth1", "--address", "10.3.0.1/24", "--range", "10.3.0.9-10.3.0.19")
    told = await fibrix(*words, "--dry-run")
    assert "11 addresses: 10.3.0.9-10.3.0.19" in told.out
    assert (await fibrix("subnet", "show", "new")).status == 6
    typed = f"fibrix --state-dir {site.state_dir} subnet show ra"
    offered = await run_command(_FIBRIX_COMPLETE="bash_complete", COMP_WORDS=typed, COMP_CWORD="5")
    assert offered.out.strip().endswith("racks"), offered


@pytest.mark.timeout(60)
async def test_networks_are_exported_and_brought_about_elsewhere(site: Site, fibrix: Command, tmp_path: Path) -> None:
    await made(fibrix)
    document = tomllib.loads((await fibrix("export")).out)
    assert document["subnets"]["customers"]["vlan"] == "core.10"
    assert document["reservations"] == {"customers/id:ff0001": {"address": "10.20.0.2", "hostname": "pdu-1"}}
    file, new = tmp_path / "declared.toml", tmp_path / "new"
    file.write_text(tomli_w.dumps(document))
    new.mkdir()
    async with served(new) as other:
        (new / "admin.key").write_text(f"{key_of('admin')}\n")
        words = ("--state-dir", str(new))
        first = await run_command(*words, "import", str(file), "--yes")
        assert (first.status, first.out) == (0, "5 changed\n"), first
        assert (await run_command(*words, "diff", str(file))).out == ""
        served_there = other.rig.snapshot.value.subnets[1]
        assert (served_there.name, served_there.interface) == ("customers", "eth1.10")
        document["subnets"]["customers"]["lease_s"] = 60
        for section in ("reservations", "zones"):
            document[section] = {}
        file.write_text(tomli_w.dumps(document))
        second = await run_command(*words, "import", str(file), "--yes", "--prune")
        assert (second.status, second.out) == (0, "3 changed\n"), second
        assert other.rig.snapshot.value.subnets[1].lease_s == 60
        document |= {"subnets": {"racks": document["subnets"]["racks"]}, "vlans": {}, "fabrics": {}}
        file.write_text(tomli_w.dumps(document))
        third = await run_command(*words, "import", str(file), "--yes", "--prune")
        assert (third.status, third.out) == (0, "3 changed\n"), third
        assert len(other.rig.snapshot.value.subnets) == 1
