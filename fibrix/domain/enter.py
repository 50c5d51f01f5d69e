"""What an edge of the lifecycle makes of a machine's stored values. Pure: ids and times are given."""

from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from fibrix.domain.access import REGION
from fibrix.domain.lifecycle import Content, Edge, Effect
from fibrix.domain.machine import Boot, Boots, Machine, Sighting, Stage
from fibrix.domain.state import PASSING, State
from fibrix.types import BootId

UNHELD: Final = frozenset({State.NEW, State.READY, State.RETIRED})
"""States in which a machine is nobody's. A broken one stays its tenant's, with what is on its disks."""

_TAKEN: Final = frozenset({State.ALLOCATED, State.DEPLOYING})
"""States by which a machine that was nobody's is taken into use."""


def content(machine: Machine) -> Content:
    """Tell what a machine's disks hold."""
    if machine.deployment is None:
        return Content.BLANK
    return Content.INSTALLED if machine.deployment.reported_at else Content.PARTIAL


def new_boot(boot: BootId, boots: Boots, now: datetime, *, session_hash: str = "") -> Boot:
    """Begin a boot. A boot of the installed system takes the agent's session along: it still has to be sent off."""
    asked = Sighting(stage=Stage.ASKED, at=now)
    return Boot(id=boot, boots=boots, seen=(asked,), session_hash=session_hash)


def _boot_after(machine: Machine, effect: Effect, boot: BootId, now: datetime) -> Boot | None:
    match effect:
        case Effect.BOOT:
            return new_boot(boot, Boots.EPHEMERAL, now)
        case Effect.CONTINUE:
            return machine.boot or new_boot(boot, Boots.EPHEMERAL, now)
        case Effect.WIND_DOWN:
            return machine.boot and replace(machine.boot, wind_down=True)
        case Effect.NOTHING:
            return machine.boot


def enter(machine: Machine, edge: Edge, *, reason: str, now: datetime, limit_s: float, boot: BootId) -> Machine:
    """Take an edge: the new state, its reason and deadline (`limit_s` from now, passing states only), its boot.

    A machine that has become Ready holds nothing of a customer's any more, and in the states of UNHELD it is nobody's.
    """
    passing = edge.target in PASSING
    free = edge.target in UNHELD
    return replace(
        machine,
        state=edge.target,
        since=now,
        reason=reason,
        deadline=now + timedelta(seconds=limit_s) if passing else None,
        boot=_boot_after(machine, edge.effect, boot, now),
        deployment=None if edge.target is State.READY else machine.deployment,
        tenant=REGION if free else machine.tenant,
        allocated_at=None if free else machine.allocated_at or (now if edge.target in _TAKEN else None),
    )
