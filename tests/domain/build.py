"""Machines for tests, in few words."""

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from fibrix.domain.enter import new_boot
from fibrix.domain.machine import Boot, Boots, Deployment, Machine, Stage
from fibrix.domain.power import PowerKind, PowerSettings
from fibrix.domain.progress import reach
from fibrix.domain.state import State
from fibrix.types import BootId, MachineId, parse_mac

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """The moment this many seconds after T0."""
    return T0 + timedelta(seconds=seconds)


def machine(state: State = State.NEW, *, kind: PowerKind = PowerKind.IPMI, boot: Boot | None = None) -> Machine:
    """An accepted machine that entered its state at T0."""
    return Machine(
        id=MachineId("m000000001"),
        name="swift-otter",
        state=state,
        since=T0,
        reason="for a test",
        accepted=True,
        macs=(parse_mac("52:54:00:00:00:01"),),
        power=PowerSettings(kind=kind, address="10.0.0.9"),
        boot=boot,
        created_at=T0,
    )


def boot(stage: Stage = Stage.ASKED, *, boots: Boots = Boots.EPHEMERAL, reached_s: float = 0.0) -> Boot:
    """A boot that was asked for at T0 and reached its stage later."""
    return reach(new_boot(BootId("b000000001"), boots, T0), stage, at(reached_s))


def deployment(*, written: bool = False, reported: bool = False) -> Deployment:
    """A deployment of an image that does not matter."""
    made = Deployment(image="debian-12", sha256="0" * 64, instance="i000000001", written=written)
    return replace(made, reported_at=T0) if reported else made
