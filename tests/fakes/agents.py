"""A region that machines talk to, in memory: one machine, one boot, one deployment."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime

from fibrix.domain.machine import Deployment, Machine
from fibrix.domain.ports.agents import Heartbeat, Hello, Order, RunResult, Welcome
from fibrix.errors import FibrixError, NotFoundError, UnauthorizedError
from fibrix.types import MacAddress, MachineId, RunId

TOKEN = "boot-token"
SECRET = "ab" * 32
METADATA_SECRET = "metadata-secret"
RUN = RunId("r1")

MACHINE = Machine(
    id=MachineId("m0123456789"),
    name="brave-otter",
    since=datetime(2026, 1, 1, tzinfo=UTC),
    reason="a test",
    macs=(MacAddress("52:54:00:77:00:01"),),
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
)


@dataclass
class FakeAgents:
    """Fits `Agents`; what was said to it is in its attributes. `trouble` is raised instead of any answer."""

    trouble: FibrixError | None = None
    orders: asyncio.Queue[Order] = field(default_factory=asyncio.Queue)
    abort: bool = False
    scripts: dict[str, bytes] = field(default_factory=dict)
    hellos: list[tuple[Hello, str]] = field(default_factory=list)
    printed: bytearray = field(default_factory=bytearray)
    results: list[RunResult] = field(default_factory=list)
    beats: list[Heartbeat] = field(default_factory=list)
    waiting: int = 0
    cancelled: int = 0

    async def hello(self, token: str, hello: Hello, *, address: str) -> Welcome:
        self._check(token, TOKEN)
        self.hellos.append((hello, address))
        return Welcome(machine=MACHINE.id, heartbeat_s=5)

    async def order(self, secret: str) -> Order:
        self._check(secret, SECRET)
        self.waiting += 1
        try:
            return await self.orders.get()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.waiting -= 1

    async def output(self, secret: str, run: RunId, offset: int, data: bytes) -> int:
        self._check(secret, SECRET)
        self._check_run(run)
        if offset == len(self.printed):
            self.printed += data
        return len(self.printed)

    async def result(self, secret: str, run: RunId, result: RunResult) -> None:
        self._check(secret, SECRET)
        self._check_run(run)
        self.results.append(result)

    async def heartbeat(self, secret: str, beat: Heartbeat) -> bool:
        self._check(secret, SECRET)
        self.beats.append(beat)
        return self.abort

    async def script(self, secret: str, name: str) -> bytes:
        self._check(secret, SECRET)
        if name not in self.scripts:
            raise NotFoundError(f"no machine script {name}")
        return self.scripts[name]

    def _check(self, given: str, wanted: str) -> None:
        if self.trouble:
            raise self.trouble
        if given != wanted:
            raise UnauthorizedError("this boot is over")

    def _check_run(self, run: RunId) -> None:
        if run != RUN:
            raise NotFoundError(f"no run {run}")


@dataclass
class FakeMetadata:
    """Fits `Metadata`: one deployment."""

    deployment: Deployment
    machine: Machine = MACHINE
    secret: str = METADATA_SECRET
    reports: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    reported: asyncio.Event = field(default_factory=asyncio.Event)

    def instance(self, secret: str) -> tuple[Machine, Deployment]:
        if secret != self.secret:
            raise NotFoundError(f"no deployment has the secret {secret}")
        return self.machine, self.deployment

    async def report(self, secret: str, hostname: str, data: dict[str, str]) -> None:
        self.instance(secret)
        self.reports.append((hostname, data))
        self.reported.set()
