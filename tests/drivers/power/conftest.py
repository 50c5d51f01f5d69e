import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from fibrix.config import PowerConfig
from fibrix.drivers.power.ipmi.driver import IpmiDriver
from tests.support.bmc import SimulatedBmc, simulated_bmc


@asynccontextmanager
async def running(config: PowerConfig) -> AsyncIterator[IpmiDriver]:
    """An IPMI driver with its socket open."""
    driver = IpmiDriver(config)
    ready = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(driver.run(ready), name="ipmi")
        await ready.wait()
        try:
            yield driver
        finally:
            task.cancel()


@pytest.fixture
def config() -> PowerConfig:
    """Little patience: 0.3, 0.6 and 1.2 s."""
    return PowerConfig(timeout_s=0.3, retries=2)


@pytest_asyncio.fixture
async def driver(config: PowerConfig) -> AsyncIterator[IpmiDriver]:
    async with running(config) as driver:
        yield driver


@pytest_asyncio.fixture
async def patient() -> AsyncIterator[IpmiDriver]:
    """One that sends nothing twice, however slow the test's machine is."""
    async with running(PowerConfig(timeout_s=4, retries=0)) as driver:
        yield driver


@pytest_asyncio.fixture
async def sim(tmp_path: Path) -> AsyncIterator[SimulatedBmc]:
    async with simulated_bmc(tmp_path) as bmc:
        yield bmc
