"""`python -m fibrix.lab.bmc15`, as the lab runs it."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from fibrix.config import PowerConfig
from fibrix.domain.power import IpmiProtocol
from fibrix.errors import LabError, PowerError
from fibrix.lab.bmc15 import OldBmc, Relay
from tests.drivers.power.conftest import running
from tests.peers.test_ipmitool import LAN_MD5, LANPLUS, ipmitool
from tests.support.bmc import LOOPBACK, answering, free_port, simulated_bmc


@asynccontextmanager
async def old_bmc(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "fibrix.lab.bmc15", *arguments, stderr=subprocess.PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.mark.parametrize("flag", [(), ("--refuse-question",)], ids=["says 1.5", "refuses the question"])
async def test_a_new_bmc_becomes_one_that_speaks_15_only(tmp_path: Path, flag: tuple[str, ...]) -> None:
    async with simulated_bmc(tmp_path) as sim:
        port = free_port()
        async with old_bmc(str(port), f"{LOOPBACK}:{sim.port}", *flag), running(PowerConfig(timeout_s=0.2)) as driver:
            bmc = sim.bmc(port=port)
            await answering(port)
            assert "the BMC speaks 1.5 only" in (await driver.status(bmc)).detail
            assert "Chassis Power is off" in await ipmitool(port, LAN_MD5, "power", "status")
            await sim.stop()
            with pytest.raises(PowerError, match="no answer"):
                await driver.status(sim.bmc(port=port, protocol=IpmiProtocol.V15))


async def test_ipmitool_finds_no_20_on_it(tmp_path: Path) -> None:
    async with simulated_bmc(tmp_path) as sim:
        port = free_port()
        async with old_bmc(str(port), str(sim.port)):
            await answering(port)
            refusal = await ipmitool(port, (*LANPLUS, "-R", "1", "-N", "1"), "power", "status")
    assert "Unable to establish IPMI v2 / RMCP+ session" in refusal


async def test_a_port_without_its_bmc_is_refused() -> None:
    async with old_bmc("6230") as process:
        assert process.stderr is not None
        assert b"each LISTEN needs its BMC" in await process.stderr.read()


async def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    async with simulated_bmc(tmp_path) as sim:
        relay = Relay((LOOPBACK, sim.port), (LOOPBACK, sim.port), OldBmc())
        with pytest.raises(LabError, match=f"UDP 127.0.0.1:{sim.port} cannot be had"):
            await relay.run(asyncio.Event())
