"""When each machine was last heard. In memory: a sign of life every few seconds is not worth a transaction."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from fibrix.domain.machine import Machine
from fibrix.types import MachineId

GRACE_S: Final = 30.0
"""After its own start the controller gives everyone this long to come back before it gives anybody up."""


class Heard:
    """Signs of life of agents, and of machines that wait in iPXE."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._started_at = now()
        self._agents: dict[MachineId, datetime] = {}
        self._waiting: dict[MachineId, datetime] = {}

    def agent(self, machine: MachineId) -> None:
        """Note that a machine's agent spoke."""
        self._agents[machine] = self._now()

    def waits(self, machine: MachineId) -> None:
        """Note that a machine sits in iPXE and asked what to boot."""
        self._waiting[machine] = self._now()

    def waited_within(self, machine: MachineId, seconds: float) -> bool:
        """Whether a machine asked from iPXE in the last seconds, and was told to wait."""
        at = self._waiting.get(machine)
        return at is not None and self._now() - at <= timedelta(seconds=seconds)

    def agent_within(self, machine: MachineId, seconds: float) -> bool:
        """Whether a machine's agent spoke in the last seconds."""
        at = self._agents.get(machine)
        return at is not None and self._now() - at <= timedelta(seconds=seconds)

    def in_grace(self, seconds: float = GRACE_S) -> bool:
        """Whether the controller is so freshly started that silence means nothing yet."""
        return self._now() - self._started_at < timedelta(seconds=seconds)

    def last_seen(self, machine: MachineId) -> datetime | None:
        """When a machine last showed itself in any way."""
        times = [t for t in (self._agents.get(machine), self._waiting.get(machine)) if t]
        return max(times) if times else None

    def onto(self, machine: Machine) -> Machine:
        """Put the newest sign of life onto a machine, for judging and showing it."""
        boot, at = machine.boot, self._agents.get(machine.id)
        if boot is None or at is None or (boot.heard_at and boot.heard_at >= at):
            return machine
        return replace(machine, boot=replace(boot, heard_at=at))
