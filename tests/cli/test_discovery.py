"""Discoveries from the command line: listed, shown, marked, hidden, made machines."""

import json
import tomllib
from pathlib import Path

import pytest
from msgspec.structs import replace

from fibrix.domain.census.sighting import DhcpClient, Neighbour, NetService, Role
from tests.cli.conftest import Command, run_command
from tests.support.hosts import ITS_BMC, SERVER, host, news
from tests.support.site import Site

PHONE = "02:00:00:00:00:02"


async def heard(site: Site) -> None:
    server = host(
        SERVER,
        "fe80::1",
        "192.168.1.30",
        vendor="Dell Inc.",
        kind="PXE ROM",
        client=DhcpClient(architectures=(0,), vendor_class="PXEClient:Arch:00000:UNDI:002001"),
        switch=Neighbour(name="sw1", port="ge-0/0/7", vlan=7),
        services=(NetService(kind="_ssh._tcp", name="db-1", port=22),),
    )
    bmc = host(ITS_BMC, "192.168.1.203", roles=(Role.BMC.value,), bmc="answers RMCP", vendor="Dell Inc.")
    await site.rig.core.keeper.take(news([server, bmc, host(PHONE, "10.9.0.7", vlan=9)]))


@pytest.mark.timeout(60)
async def test_hosts_are_listed_shown_and_marked(site: Site, fibrix: Command) -> None:
    assert "nothing was heard" in (await fibrix("discovery", "list")).out
    await heard(site)
    listed = (await fibrix("discovery", "list")).out
    for words in ("PXE ROM", "eth1 VLAN 9", "192.168.1.30", "192.168.1.203", "Dell Inc."):
        assert words in listed
    assert (await fibrix("discovery", "list", "--vlan", "9", "--unknown", "-q")).out == f"{PHONE}\n"
    assert (await fibrix("discovery", "list", "--known", "-q")).out == ""
    shown = (await fibrix("discovery", "show", SERVER)).out
    for words in (
        "sw1, ge-0/0/7, VLAN 7",
        "_ssh._tcp  db-1  port 22",
        "BIOS",
        "PXEClient:Arch:00000",
        "racks",
        f"{ITS_BMC}  192.168.1.203",
    ):
        assert words in shown
    for command in (
        ("name", PHONE, "Ann's phone"),
        ("note", PHONE, "hers"),
        ("hide", PHONE),
        ("ignore", ITS_BMC),
    ):
        ended = await fibrix("discovery", *command)
        assert ended.status == 0, (command, ended)
    assert (await fibrix("discovery", "list", "-q")).out == f"{SERVER}\n"
    every = (await fibrix("discovery", "list", "--all")).out
    assert "Ann's phone" in every
    assert "hidden" in every
    for command in (("unhide", PHONE), ("ignore", ITS_BMC, "--off"), ("name", PHONE), ("note", PHONE)):
        assert (await fibrix("discovery", *command)).status == 0
    assert len(json.loads((await fibrix("discovery", "list", "--json")).out)) == 3
    told = await fibrix("discovery", "forget", PHONE, "--dry-run")
    assert "discovery" in told.out
    assert (await fibrix("discovery", "forget", PHONE)).out == f"{PHONE} is forgotten\n"
    assert (await fibrix("discovery", "show", PHONE)).status == 6


@pytest.mark.timeout(60)
async def test_networks_are_hidden_for_good_and_shown_again(site: Site, fibrix: Command) -> None:
    await heard(site)
    hidden = await fibrix("discovery", "hide", "--interface", "eth1", "--vlan", "9", "--note", "guests")
    assert hidden.out == "nothing is kept of eth1 VLAN 9\n"
    assert (await fibrix("discovery", "show", PHONE)).status == 6
    assert (await fibrix("discovery", "hide", "--network", "203.0.113.0/24")).status == 0
    listed = (await fibrix("discovery", "hidden")).out
    assert "guests" in listed
    assert "203.0.113.0/24" in listed
    assert (await fibrix("discovery", "unhide", "--interface", "eth1")).status == 1
    shown = await fibrix("discovery", "unhide", "--interface", "eth1", "--vlan", "9")
    assert shown.out == "eth1 VLAN 9 is not hidden\n"
    for words in (("hide",), ("hide", PHONE, "--network", "10.0.0.0/8"), ("unhide",)):
        assert (await fibrix("discovery", *words)).status == 2


@pytest.mark.timeout(60)
async def test_hidden_networks_are_exported_and_brought_about(site: Site, fibrix: Command, tmp_path: Path) -> None:
    for words in (("--interface", "eth1", "--vlan", "9", "--note", "guests"), ("--network", "203.0.113.0/24")):
        assert (await fibrix("discovery", "hide", *words)).status == 0
    document = tomllib.loads((await fibrix("export")).out)
    assert document["hidden_networks"] == {"203.0.113.0/24": {}, "eth1 VLAN 9": {"note": "guests"}}
    file = tmp_path / "declared.toml"
    file.write_text(
        'format = 1\n[hidden_networks.eth5]\n[hidden_networks."203.0.113.0/24"]\nnote = "the provider\'s"\n'
    )
    assert (await fibrix("import", str(file), "--yes", "--prune")).status == 0
    listed = json.loads((await fibrix("discovery", "hidden", "--json")).out)
    named = {(one["network"], one["interface"], one["note"]) for one in listed}
    assert named == {("", "eth5", ""), ("203.0.113.0/24", "", "the provider's")}
    file.write_text('format = 1\n[hidden_networks."eth1 VLAN x"]\n')
    refused = await fibrix("import", str(file), "--yes")
    assert (refused.status, "is no network to hide" in refused.err) == (1, True)


@pytest.mark.timeout(60)
async def test_a_host_becomes_a_machine_and_the_machine_tells_what_was_heard(site: Site, fibrix: Command) -> None:
    await heard(site)
    words = ("discovery", "add", SERVER, "--name", "db-1", "--bmc", ITS_BMC, "--bmc-user", "root", "--tag", "ssd")
    told = await fibrix(*words, "--bmc-password-file", "-", "--dry-run", stdin=b"calvin\n")
    assert (told.status, "db-1" in told.out, "calvin" in told.out) == (0, True, False)
    made = await fibrix(*words, "--bmc-password-file", "-", stdin=b"calvin\n")
    assert made.out.endswith("is a machine: New\n")
    machine = site.rig.region.find("db-1")
    assert (machine.power.address, machine.power.username) == ("192.168.1.203", "root")
    assert site.rig.region.password(machine.id) == "calvin"
    shown = (await fibrix("machine", "show", "db-1")).out
    assert f"{SERVER}, Dell Inc., PXE ROM, eth1, sw1, ge-0/0/7, VLAN 7" in shown
    assert ITS_BMC in shown
    again = await fibrix("discovery", "add", SERVER)
    assert (again.status, "is the machine db-1" in again.err) == (7, True)
    typed = f"fibrix --state-dir {site.state_dir} discovery show 00"
    offered = await run_command(_FIBRIX_COMPLETE="bash_complete", COMP_WORDS=typed, COMP_CWORD="5")
    assert SERVER in offered.out


@pytest.mark.timeout(30)
async def test_a_hostile_name_reaches_no_terminal(site: Site, fibrix: Command) -> None:
    await site.rig.core.keeper.take(news([replace(host(SERVER), vendor="\x1b[2Jgone")]))
    assert "\x1b" not in (await fibrix("discovery", "list")).out
    assert "\x1b" not in (await fibrix("discovery", "show", SERVER)).out
