"""Our client and `ipmitool` see the same of the same BMC."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from fibrix.config import PowerConfig
from fibrix.domain.power import Bmc, BootDevice, IpmiProtocol, PowerAction
from fibrix.drivers.power.ipmi.driver import IpmiDriver
from fibrix.lab.bmc15 import OldBmc
from fibrix.wire.ipmi.suites import SUITE_3, SUITE_17
from tests.drivers.power.conftest import running
from tests.support.bmc import LOOPBACK, SimulatedBmc, simulated_bmc
from tests.support.bmc20 import PythonBmc, python_bmc
from tests.support.relay import relayed

LAN_MD5 = ("-I", "lan", "-A", "MD5")
LAN_PASSWORD = ("-I", "lan", "-A", "PASSWORD")
LANPLUS = ("-I", "lanplus", "-C", "3")
LANPLUS_17 = ("-I", "lanplus", "-C", "17")


async def ipmitool(port: int, how: tuple[str, ...], *command: str) -> str:
    """What ipmitool prints."""
    program = shutil.which("ipmitool")
    assert program, "ipmitool is missing: install the Debian package"
    process = await asyncio.create_subprocess_exec(
        program, *how, "-H", LOOPBACK, "-p", str(port), "-U", "admin", "-P", "secret", *command,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    return output.decode()


@pytest_asyncio.fixture
async def driver() -> AsyncIterator[IpmiDriver]:
    async with running(PowerConfig()) as driver:
        yield driver


@pytest_asyncio.fixture
async def sim(tmp_path: Path) -> AsyncIterator[SimulatedBmc]:
    async with simulated_bmc(tmp_path) as bmc:
        yield bmc


async def _agree(driver: IpmiDriver, bmc: Bmc, how: tuple[str, ...]) -> None:
    reading = await driver.status(bmc)
    assert f"Chassis Power is {reading.state.value}" in await ipmitool(bmc.settings.port, how, "power", "status")


@pytest.mark.parametrize(
    ("how", "protocol"),
    [(LAN_MD5, IpmiProtocol.V15), (LAN_PASSWORD, IpmiProtocol.V15), (LANPLUS, IpmiProtocol.V20)],
    ids=["1.5 MD5", "1.5 password", "2.0"],
)
async def test_both_see_what_either_did(
    driver: IpmiDriver, sim: SimulatedBmc, how: tuple[str, ...], protocol: IpmiProtocol
) -> None:
    bmc = sim.bmc(protocol=protocol)
    await _agree(driver, bmc, how)
    await ipmitool(sim.port, how, "power", "on")
    await _agree(driver, bmc, how)
    await driver.act(bmc, PowerAction.OFF)
    await _agree(driver, bmc, how)


async def test_they_agree_on_a_bmc_that_speaks_15_only(driver: IpmiDriver, sim: SimulatedBmc) -> None:
    async with relayed(sim.port, OldBmc()) as port:
        for on in (True, False):
            sim.power = on
            await _agree(driver, sim.bmc(port=port), LAN_MD5)


async def test_ipmitool_reads_the_boot_flags_that_we_set(driver: IpmiDriver, sim: SimulatedBmc) -> None:
    await driver.set_boot_device(sim.bmc(), BootDevice.PXE)
    ours = list(sim.orders)
    await ipmitool(sim.port, LANPLUS, "chassis", "bootdev", "pxe")
    assert sim.orders == ours * 2


async def test_they_agree_on_what_the_bmc_is(driver: IpmiDriver, sim: SimulatedBmc) -> None:
    device = await driver.identify(sim.bmc())
    told = await ipmitool(sim.port, LANPLUS, "mc", "info")
    for line in (device.firmware, device.ipmi_version, str(device.manufacturer), str(device.product)):
        assert f": {line}" in told


@pytest.mark.parametrize(("suite", "how"), [(SUITE_3, LANPLUS), (SUITE_17, LANPLUS_17)], ids=["3", "17"])
async def test_the_bmc_that_our_tests_use_for_suite_17_is_one_for_ipmitool_too(
    driver: IpmiDriver, suite: object, how: tuple[str, ...]
) -> None:
    async with python_bmc(PythonBmc(suite=SUITE_17 if suite is SUITE_17 else SUITE_3)) as bmc:
        simulated = SimulatedBmc(Path(), bmc.port)
        for action in (PowerAction.ON, PowerAction.OFF):
            await driver.act(simulated.bmc(), action)
            await _agree(driver, simulated.bmc(), how)
        await ipmitool(bmc.port, how, "power", "on")
        assert bmc.on
        bmc.password = b"another"
        assert "Chassis Power" not in await ipmitool(bmc.port, how, "power", "status")
