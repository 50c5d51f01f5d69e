"""What to do about a machine's power so that its boot goes on: one move at a time, from what is stored and read.

Level-triggered, so that a controller which was killed at any moment simply looks again: `on` and `off` are asked for
only of a machine that is read to be otherwise, and a boot that is past "powering on" is never powered again.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

from fibrix.domain.enter import content
from fibrix.domain.lifecycle import Content
from fibrix.domain.machine import Boot, Boots, Machine, Stage
from fibrix.domain.power import BootDevice, PowerAction, PowerKind, PowerState
from fibrix.domain.progress import is_driven
from fibrix.domain.state import PASSING

IPXE_POLL_S: Final = 12.0
"""A machine that waits in iPXE asks again within this time."""

OWN_OFF_S: Final = 25.0
"""An agent that is told to power off is given this long before its BMC does it."""

REPEAT_S: Final = 20.0
"""An action that shows no effect is asked for again after this long."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is known at the moment of deciding."""

    now: datetime
    power: PowerState
    waits_in_ipxe: bool = False
    agent_near: bool = False  # the agent spoke a moment ago
    just_started: bool = False  # the controller: who waits in iPXE has not had the time to ask again
    acted_at: datetime | None = None  # when the last action for this stage was accepted


@dataclass(frozen=True, slots=True)
class Move:
    """One step: the stage is stored first, then the boot device set, then the action asked for."""

    stage: Stage | None = None
    detail: str = ""
    device: BootDevice | None = None
    action: PowerAction | None = None
    wound_down: bool = False


STAY: Final = Move()


class Asked(Enum):
    """What came of an action that was asked for, and of which no answer was heard."""

    DONE = "done"
    OPEN = "open"  # it is asked for again, or shows later
    IN_VAIN = "in vain"


def may_move(machine: Machine, boot: Boot) -> bool:
    """Whether a boot's power is still the controller's business."""
    return boot.wind_down or (machine.state in PASSING and is_driven(boot))


def next_move(machine: Machine, boot: Boot, seen: Circumstances) -> Move:
    """Decide the next step for a boot whose power is still the controller's business."""
    if machine.power.kind is not PowerKind.IPMI:
        return _by_hand(boot, seen, resend=machine.power.kind is PowerKind.WOL or boot.asking is not None)
    if boot.wind_down:
        return _wind_down(machine, seen)
    match boot.stage:
        case Stage.ASKED | Stage.POWERING_OFF:
            return _towards_off(machine, boot, seen)
        case Stage.OFF:
            return _switch_on(boot, seen)
        case Stage.POWERING_ON:
            return _await_on(boot, seen)
        case _:
            return STAY


def came_of(machine: Machine, boot: Boot, power: PowerState) -> Asked:
    """Tell what came of what the boot is asking for (only `on` and `off` are ever asked for), by a reading."""
    wanted = PowerState.ON if boot.asking is PowerAction.ON else PowerState.OFF
    if power is wanted:
        return Asked.DONE
    return Asked.OPEN if may_move(machine, boot) else Asked.IN_VAIN


def _again(seen: Circumstances) -> bool:
    return seen.acted_at is None or seen.now - seen.acted_at >= timedelta(seconds=REPEAT_S)


def _towards_off(machine: Machine, boot: Boot, seen: Circumstances) -> Move:
    if seen.power is PowerState.OFF:
        return Move(stage=Stage.OFF)
    if seen.power is PowerState.UNKNOWN or _is_patient(machine, boot, seen):
        return STAY
    if boot.boots is Boots.EPHEMERAL and seen.waits_in_ipxe:
        return Move(stage=Stage.POWERED_ON, detail="it is on already, and waits in iPXE")
    if boot.stage is Stage.ASKED:
        return Move(stage=Stage.POWERING_OFF, action=PowerAction.OFF)
    return Move(action=PowerAction.OFF) if _again(seen) else STAY


def _is_patient(machine: Machine, boot: Boot, seen: Circumstances) -> bool:
    """Whether a moment's patience may save a power cycle, or give an agent the time to power off by itself."""
    waited_s = (seen.now - boot.seen[-1].at).total_seconds()
    if boot.boots is Boots.INSTALLED:
        return seen.agent_near and waited_s < OWN_OFF_S
    may_be_in_ipxe = content(machine) is Content.BLANK and not seen.agent_near and not seen.waits_in_ipxe
    return boot.stage is Stage.ASKED and may_be_in_ipxe and (waited_s < IPXE_POLL_S or seen.just_started)


def _device(boot: Boot) -> BootDevice:
    return BootDevice.PXE if boot.boots is Boots.EPHEMERAL else BootDevice.DISK


def _switch_on(boot: Boot, seen: Circumstances) -> Move:
    if seen.power is PowerState.UNKNOWN:
        return STAY
    if seen.power is PowerState.ON:  # somebody else switched it on, from who knows what device
        return Move(action=PowerAction.OFF) if _again(seen) else STAY
    return Move(stage=Stage.POWERING_ON, device=_device(boot), action=PowerAction.ON)


def _await_on(boot: Boot, seen: Circumstances) -> Move:
    if seen.power is PowerState.ON:
        return Move(stage=Stage.POWERED_ON)
    if seen.power is PowerState.OFF and _again(seen):
        return Move(device=_device(boot), action=PowerAction.ON)
    return STAY


def _by_hand(boot: Boot, seen: Circumstances, *, resend: bool) -> Move:
    """Power that we cannot take away: ask for `on`, and let the machine show itself on the wire."""
    if boot.wind_down:
        return Move(wound_down=True)  # its agent powers it off by itself
    if boot.boots is Boots.EPHEMERAL and seen.waits_in_ipxe:
        return Move(stage=Stage.POWERED_ON, detail="it is on already, and waits in iPXE")
    if boot.boots is Boots.INSTALLED:
        return STAY  # its agent restarts it
    if boot.stage is not Stage.POWERING_ON:
        return Move(stage=Stage.POWERING_ON, action=PowerAction.ON)
    return Move(action=PowerAction.ON) if resend and _again(seen) else STAY


def _wind_down(machine: Machine, seen: Circumstances) -> Move:
    if seen.power is PowerState.OFF:
        return Move(wound_down=True)
    if seen.power is PowerState.UNKNOWN:
        return STAY
    if seen.agent_near and seen.now - machine.since < timedelta(seconds=OWN_OFF_S):
        return STAY
    return Move(action=PowerAction.OFF) if _again(seen) else STAY
