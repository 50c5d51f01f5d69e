import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import IPv4Address, IPv4Network

import aiohttp
import pytest

from fibrix.api.machine_facing import MachineFacingService
from fibrix.domain.machine import Deployment
from fibrix.domain.network import Subnet, SubnetMode
from fibrix.domain.rack import RackSnapshot
from fibrix.runtime.cell import Cell
from tests.fakes.agents import FakeAgents, FakeMetadata


def subnet(address: str, mode: SubnetMode = SubnetMode.SERVE) -> Subnet:
    """A subnet at one of the loopback's addresses."""
    return Subnet(
        name=f"at-{address}",
        interface="lo",
        network=IPv4Network("127.0.0.0/8"),
        address=IPv4Address(address),
        mode=mode,
    )


@asynccontextmanager
async def serving(service: MachineFacingService) -> AsyncIterator[MachineFacingService]:
    """Run it as the supervisor would, for as long as the block lasts."""
    ready = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(service.run(ready))
        async with asyncio.timeout(5):
            await ready.wait()
        yield service
        task.cancel()


@pytest.fixture
def agents() -> FakeAgents:
    return FakeAgents()


@pytest.fixture
def metadata() -> FakeMetadata:
    return FakeMetadata(Deployment(image="debian-12", sha256="0" * 64, hostname="web-1", instance="i1"))


@pytest.fixture
def snapshot() -> Cell[RackSnapshot]:
    return Cell(RackSnapshot(subnets=(subnet("127.0.0.1"),)))


@pytest.fixture
async def service(
    agents: FakeAgents, metadata: FakeMetadata, snapshot: Cell[RackSnapshot]
) -> AsyncIterator[MachineFacingService]:
    async with serving(MachineFacingService(agents, metadata, snapshot, port=0, head_s=0.5, whole_s=1.5)) as running:
        yield running


@pytest.fixture
async def client(service: MachineFacingService) -> AsyncIterator[aiohttp.ClientSession]:
    """A client whose paths are relative to the service."""
    address, port = service.listening[0]
    async with aiohttp.ClientSession(f"http://{address}:{port}") as session:
        yield session
