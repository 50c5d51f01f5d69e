"""Labs, built and taken down for real; machines stay off here (tests/e2e/test_lab.py boots them)."""

import asyncio
import signal
from pathlib import Path

import pytest

from fibrix.errors import LabError
from fibrix.lab.process import Daemon, run
from fibrix.lab.rack import Rack
from fibrix.lab.spec import LabSpec
from tests.lab.labs import lab, needs_root, traces

pytestmark = needs_root


def entries(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def ipmi(rack: Rack, machine: int, *words: str, lan: str = "lan") -> str:
    """Ask a BMC from where the controller is, by a tool that is not ours."""
    address = str(rack.plans[machine - 1].bmc_address)
    how = ("-I", lan, "-A", "MD5") if lan == "lan" else ("-I", lan, "-C", "3")
    argv = ("ipmitool", *how, "-H", address, "-U", "admin", "-P", "secret", *words)
    return (await run(*rack.network.in_server, *argv)).strip()


@pytest.mark.parametrize("version", ["2.0", "1.5"])
async def test_down_leaves_nothing(tmp_path: Path, version: str) -> None:
    async with lab("t-down", tmp_path, machines=2, bmc=version):
        assert len(traces("t-down")) > 4
    assert traces("t-down") == []
    assert entries(tmp_path) == []
    await Rack(LabSpec(name="t-down"), tmp_path).down()  # again does nothing


async def test_two_labs_at_once_do_not_meet(tmp_path: Path) -> None:
    async with lab("t-one", tmp_path, machines=1) as one, lab("t-other", tmp_path, machines=1) as two:
        await one.power("node1", "unplug")
        assert [status.bmc for status in one.status()] == ["down"]
        assert [status.bmc for status in two.status()] == ["up"]
        assert await ipmi(two, 1, "chassis", "power", "status") == "Chassis Power is off"


async def test_bmcs_answer_the_controller_by_the_version_that_was_asked_for(tmp_path: Path) -> None:
    async with lab("t-v15", tmp_path, bmc="1.5") as old:
        assert await ipmi(old, 1, "chassis", "power", "status") == "Chassis Power is off"
        with pytest.raises(LabError, match="Unable to establish IPMI v2"):
            await ipmi(old, 1, "-N", "1", "-R", "1", "chassis", "power", "status", lan="lanplus")
    async with lab("t-v20", tmp_path, bmc="2.0") as new:
        assert await ipmi(new, 1, "chassis", "power", "status", lan="lanplus") == "Chassis Power is off"


async def test_the_controllers_namespace_has_two_interfaces_and_no_way_out(tmp_path: Path) -> None:
    async with lab("t-out", tmp_path) as rack:
        addresses = await run("ip", "-n", rack.network.server, "-4", "-br", "address")
        assert "racks" in addresses
        assert "192.168.1.1/24" in addresses
        assert "wan" in addresses
        assert await run("ip", "-n", rack.network.server, "route", "show", "default") == ""
        assert await run("ip", "-n", rack.network.switch, "route", "show", "default") == ""


async def test_a_lab_that_is_up_is_not_built_twice(tmp_path: Path) -> None:
    async with lab("t-twice", tmp_path) as rack:
        with pytest.raises(LabError, match="is up already: `fibrix lab down"):
            await Rack(LabSpec(name="t-twice"), tmp_path).up()
        assert [status.bmc for status in rack.status()] == ["up"]


async def test_what_a_killed_run_left_is_cleared_away_by_the_next(tmp_path: Path) -> None:
    rack = Rack(LabSpec(name="t-crash", machines=1), tmp_path)
    await rack.up(owned=True)
    with pytest.raises(LabError, match="in use by process"):
        await Rack(LabSpec(name="t-crash"), tmp_path).up()
    Daemon(2**22 + 1, 1).write(rack.paths.owner)  # no pid is that high: its owner was killed
    async with lab("t-crash", tmp_path, machines=1) as again:
        assert [status.bmc for status in again.status()] == ["up"]
    assert traces("t-crash") == []


async def test_down_works_when_the_folder_is_lost(tmp_path: Path) -> None:
    rack = Rack(LabSpec(name="t-lost"), tmp_path)
    await rack.up()
    await run("rm", "-r", rack.paths.root)
    await rack.down()
    assert traces("t-lost") == []


async def test_a_build_that_fails_says_why_and_is_taken_down(tmp_path: Path) -> None:
    odd = tmp_path / 'a "folder"'  # ipmi_sim's configuration has no way to write this
    with pytest.raises(LabError, match=r"BMC of node1 does not listen on 192\.168\.1\.201:623: Error on line"):
        await Rack(LabSpec(name="t-fail"), odd).up()
    assert traces("t-fail") == []
    assert entries(odd) == []


async def test_a_cable_can_be_pulled(tmp_path: Path) -> None:
    async with lab("t-nic", tmp_path) as rack:
        await rack.power("node1", "unplug-nic")
        assert "DOWN" in await run("ip", "-n", rack.network.switch, "-br", "link", "show", "tap1")
        await rack.power("node1", "plug-nic")
        assert "UP" in (await run("ip", "-n", rack.network.switch, "link", "show", "tap1")).split("<")[1]


async def test_unknown_names_are_told_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="there is no lab 'nix'"):
        Rack.load("nix", tmp_path)
    async with lab("t-name", tmp_path, machines=2):
        with pytest.raises(LabError, match="no machine 'node9': node1, node2"):
            await Rack.load("t-name", tmp_path).power("node9", "on")


async def test_a_process_started_inside_does_not_outlive_the_lab(tmp_path: Path) -> None:
    async with lab("t-child", tmp_path) as rack:
        inside = ("sh", "-c", "echo; exec sleep 60")
        process = await asyncio.create_subprocess_exec(*rack.network.in_server, *inside, stdout=asyncio.subprocess.PIPE)
        assert process.stdout is not None
        await process.stdout.readline()
    assert await process.wait() == -signal.SIGTERM


async def test_each_bmc_is_a_device_of_its_own_numbered_next_to_its_machine(tmp_path: Path) -> None:
    async with lab("t-macs", tmp_path, machines=2) as rack:
        for number, plan in enumerate(rack.plans, 1):
            assert await ipmi(rack, number, "chassis", "power", "status") == "Chassis Power is off"
            neighbour = await run("ip", "-n", rack.network.server, "neighbour", "show", str(plan.bmc_address))
            assert plan.bmc_mac in neighbour
            assert int(plan.bmc_mac.replace(":", ""), 16) - int(plan.mac.replace(":", ""), 16) == 1
