"""The machine-facing HTTP server: on every served subnet's own address, and nowhere else."""

import asyncio
import socket
from contextlib import AsyncExitStack
from ipaddress import IPv4Address
from typing import Final

import structlog
from aiohttp import web

from fibrix.api.machine_facing.agent_routes import AgentRoutes
from fibrix.api.machine_facing.guard import HEAD_S, WHOLE_S, guarded
from fibrix.api.machine_facing.metadata_routes import MetadataRoutes
from fibrix.api.machine_facing.problem import problems
from fibrix.domain.network import SubnetMode
from fibrix.domain.ports.agents import Agents, Metadata
from fibrix.domain.rack import RackSnapshot
from fibrix.runtime.cell import Cell

_IP_FREEBIND: Final = 15  # ip(7); the address may come later than we do
_BACKLOG: Final = 512
_STOP_S: Final = 0.5  # for answers that are under way; a long poll is cut short, and its agent asks again

log = structlog.get_logger()


class MachineFacingService:
    """Serves agents and installed systems; listens as the snapshot's subnets come and go."""

    name = "machine-facing"

    def __init__(
        self,
        agents: Agents,
        metadata: Metadata,
        snapshot: Cell[RackSnapshot],
        *,
        port: int,
        head_s: float = HEAD_S,
        whole_s: float = WHOLE_S,
    ) -> None:
        self._agents = AgentRoutes(agents)
        self._metadata = MetadataRoutes(metadata)
        self._snapshot = snapshot
        self._port = port
        self._head_s = head_s
        self._whole_s = whole_s
        self._servers: dict[IPv4Address, asyncio.Server] = {}

    @property
    def refused(self) -> int:
        """Metadata requests with a secret that no deployment has."""
        return self._metadata.refused

    @property
    def listening(self) -> tuple[tuple[str, int], ...]:
        """Addresses and ports as they are bound."""
        return tuple(s.getsockname()[:2] for server in self._servers.values() for s in server.sockets)

    async def run(self, ready: asyncio.Event) -> None:
        """Serve until cancelled. Raises OSError when the port is taken."""
        app = web.Application(middlewares=[problems])
        app.add_routes([*self._agents.routes(), *self._metadata.routes()])
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=_STOP_S)
        async with AsyncExitStack() as stack:
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            stack.callback(self._close, set())
            while True:
                snapshot = self._snapshot.value
                await self._listen(runner, _addresses(snapshot))
                ready.set()
                if self._snapshot.value is snapshot:  # it may have been replaced while sockets were opened
                    await self._snapshot.changed()

    async def _listen(self, runner: web.AppRunner, wanted: set[IPv4Address]) -> None:
        """Open what is wanted and not open, close what is open and not wanted."""
        self._close(wanted)
        server = runner.server
        if server is None:
            raise RuntimeError("the runner is not set up")
        factory = guarded(server, head_s=self._head_s, whole_s=self._whole_s)
        for address in sorted(wanted - self._servers.keys()):
            self._servers[address] = await asyncio.get_running_loop().create_server(
                factory, sock=_bound(address, self._port), backlog=_BACKLOG
            )
            log.info("machine_server.listening", address=str(address), port=self._port)

    def _close(self, kept: set[IPv4Address]) -> None:
        for address in self._servers.keys() - kept:
            self._servers.pop(address).close()


def _addresses(snapshot: RackSnapshot) -> set[IPv4Address]:
    return {subnet.address for subnet in snapshot.subnets if subnet.mode is SubnetMode.SERVE}


def _bound(address: IPv4Address, port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setsockopt(socket.SOL_IP, _IP_FREEBIND, 1)
        bound.bind((str(address), port))
    except OSError:
        bound.close()
        raise
    return bound
