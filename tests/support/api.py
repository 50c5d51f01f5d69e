"""The real API on real sockets, served from fakes."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from ipaddress import IPv4Address
from pathlib import Path

from fibrix.api.application import LIMITS, Limits
from fibrix.api.service import ApiPorts, ApiService
from fibrix.config import ApiConfig
from tests.fakes.journal import FakeJournal
from tests.fakes.machines import FakeMachines
from tests.fakes.region import FakeApiKeys, FakeHealth, FakeImages, FakeNetworks, FakeSshKeys


class Region:
    """All the fakes behind one API, and where it is."""

    def __init__(self, state_dir: Path) -> None:
        self.machines = FakeMachines()
        self.images = FakeImages()
        self.ssh_keys = FakeSshKeys()
        self.networks = FakeNetworks()
        self.journal = FakeJournal()
        self.api_keys = FakeApiKeys()
        self.health = FakeHealth()
        self.state_dir = state_dir
        self.port = free_port()

    @property
    def url(self) -> str:
        """Where it is by TCP."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def unix_url(self) -> str:
        """Where it is by its unix socket, for Fibrix's own client."""
        return f"unix:{self.state_dir / 'api.sock'}"

    def service(self, limits: Limits = LIMITS) -> ApiService:
        """Make the service that serves it."""
        ports = ApiPorts(
            machines=self.machines,
            images=self.images,
            ssh_keys=self.ssh_keys,
            networks=self.networks,
            journal=self.journal,
            api_keys=self.api_keys,
            health=self.health,
        )
        return ApiService(ApiConfig(listen=IPv4Address("127.0.0.1"), port=self.port), self.state_dir, ports, limits)


@asynccontextmanager
async def serving(service: ApiService) -> AsyncIterator[Callable[[], object]]:
    """Run a service for as long as the block runs; gives what stops it early."""
    async with asyncio.TaskGroup() as group:
        ready = asyncio.Event()
        task = group.create_task(service.run(ready), name="api")
        await ready.wait()
        yield task.cancel
        task.cancel()


def free_port() -> int:
    """Find a TCP port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
