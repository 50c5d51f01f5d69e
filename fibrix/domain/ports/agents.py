"""What the machine-facing API asks of the region: the agents' protocol and the metadata (docs/agent-protocol.md)."""

from typing import Literal, Protocol

import msgspec

from fibrix.domain.machine import Deployment, Machine
from fibrix.types import MacAddress, MachineId, RunId


class Hello(msgspec.Struct, frozen=True, kw_only=True):
    """An agent's first words."""

    mac: MacAddress
    secret: str  # 64 hex digits, made by the agent
    version: str = ""
    uptime_s: float = 0.0


class Welcome(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a good hello."""

    machine: MachineId
    heartbeat_s: int


class Order(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an agent is to do next. Only `run` has the other fields."""

    kind: Literal["wait", "run", "abort", "power-off", "reboot"]
    run: RunId = RunId("")
    script: str = ""
    url: str = ""  # relative to the agent's URL
    sha256: str = ""
    timeout_s: int = 0
    parameters: dict[str, str] = {}
    offset: int = 0  # bytes of output that the controller has already


class RunResult(msgspec.Struct, frozen=True, kw_only=True):
    """How a script ended."""

    exit_status: int
    timed_out: bool = False
    aborted: bool = False
    values: dict[str, msgspec.Raw] = {}
    reason: str = ""


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True):
    """A sign of life."""

    run: RunId = RunId("")
    uptime_s: float = 0.0
    memory_free_bytes: int = 0


class Agents(Protocol):
    """The region's side of the agents' protocol. UnauthorizedError: this boot is over, or never was."""

    async def hello(self, token: str, hello: Hello, *, address: str) -> Welcome:
        """Trade the boot token for a session. Raises UnauthorizedError; every refusal is an event."""
        ...

    async def order(self, secret: str) -> Order:
        """Give the next order, waiting up to 20 s for one. Raises UnauthorizedError."""
        ...

    async def output(self, secret: str, run: RunId, offset: int, data: bytes) -> int:
        """Keep output from byte `offset` on; says how many bytes are kept. Raises UnauthorizedError, NotFoundError."""
        ...

    async def result(self, secret: str, run: RunId, result: RunResult) -> None:
        """Take a script's result; the same again changes nothing. Raises UnauthorizedError, NotFoundError."""
        ...

    async def heartbeat(self, secret: str, beat: Heartbeat) -> bool:
        """Note a sign of life; True: abort what runs. Raises UnauthorizedError."""
        ...

    async def script(self, secret: str, name: str) -> bytes:
        """Give a script's text. Raises UnauthorizedError, NotFoundError."""
        ...


class Metadata(Protocol):
    """What an installed system may read and say."""

    def instance(self, secret: str) -> tuple[Machine, Deployment]:
        """Find the deployment that owns this URL. Raises NotFoundError."""
        ...

    async def report(self, secret: str, hostname: str, data: dict[str, str]) -> None:
        """The installed system reports in; again changes nothing. Raises NotFoundError."""
        ...
