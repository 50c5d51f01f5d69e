"""How far a boot has come, what is awaited next, until when, and what it means when it does not come.

All of it follows from stored values and `now`: after a restart of the controller the same deadlines hold.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from fibrix.domain.machine import STAGES, Boot, Boots, Machine, Sighting, Stage
from fibrix.domain.ports.machines import Expectation
from fibrix.domain.power import PowerKind
from fibrix.domain.state import PASSING

MISSED_BEATS: Final = 12
"""An agent that is silent for so many heartbeats is lost."""

_RANK: Final = {stage: rank for rank, stage in enumerate(STAGES)}

_AWAITED: Final = {
    Stage.ASKED: "its power state to be read",
    Stage.POWERING_OFF: "that it goes off",
    Stage.OFF: "that its power is switched on",
    Stage.POWERING_ON: "that it goes on",
    Stage.POWERED_ON: "a DHCPDISCOVER from {macs} (network boot)",
    Stage.DISCOVER: "that it fetches its boot file or its boot script",
    Stage.BOOT_FILE: "that it fetches its boot script",
    Stage.BOOT_SCRIPT: "that it fetches the kernel of the ephemeral OS",
    Stage.KERNEL: "the hello of the agent in the ephemeral OS",
    Stage.AGENT: "that the agent takes its first order",
    Stage.SCRIPTS: "a sign of life of the agent, which runs {script}",
    Stage.DONE: "nothing more of this boot",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """How long each part of a boot may take, in seconds."""

    power_s: float
    boot_s: float
    heartbeat_s: float


def rank(stage: Stage) -> int:
    """Place of a stage in the order of a boot."""
    return _RANK[stage]


def reach(boot: Boot, stage: Stage, at: datetime, detail: str = "") -> Boot:
    """Advance a boot to a stage; a stage that it has passed already changes nothing."""
    if rank(stage) <= rank(boot.stage):
        return boot
    return replace(boot, stage=stage, seen=(*boot.seen, Sighting(stage=stage, at=at, detail=detail)), fault="")


def is_driven(boot: Boot) -> bool:
    """Whether the boot waits for the controller to do something about the power, not for the machine."""
    return rank(boot.stage) <= rank(Stage.POWERING_ON)


def _since(machine: Machine, boot: Boot, *stages: Stage) -> datetime:
    times = [s.at for s in boot.seen if s.stage in stages]
    return times[0] if times else (boot.seen[0].at if boot.seen else machine.since)


def _stage_ends_at(machine: Machine, boot: Boot, limits: Limits) -> datetime:
    if is_driven(boot):
        by_hand = machine.power.kind is not PowerKind.IPMI  # a person has to walk there: as long as a boot may take
        return boot.seen[-1].at + timedelta(seconds=limits.boot_s if by_hand else limits.power_s)
    if rank(boot.stage) < rank(Stage.AGENT) or boot.boots is Boots.INSTALLED:
        return _since(machine, boot, Stage.POWERED_ON, Stage.DISCOVER) + timedelta(seconds=limits.boot_s)
    heard = boot.heard_at or boot.seen[-1].at
    return heard + timedelta(seconds=MISSED_BEATS * limits.heartbeat_s)


def gives_up_at(machine: Machine, limits: Limits) -> datetime | None:
    """When the present stage is given up, or the whole state if that comes first. None: nothing is awaited."""
    if machine.state not in PASSING or machine.boot is None:
        return machine.deadline
    until = _stage_ends_at(machine, machine.boot, limits)
    return min(until, machine.deadline) if machine.deadline else until


def awaited(machine: Machine, script: str = "") -> str:
    """Say in words what is awaited next. `script`: the one that runs now."""
    boot = machine.boot
    if machine.state not in PASSING or boot is None:
        return ""
    if is_driven(boot) and machine.power.kind is PowerKind.MANUAL:
        text = f"that a person starts it by network boot, and confirms its power ({boot.stage.value})"
    elif is_driven(boot) and machine.power.kind is PowerKind.WOL:
        text = "that it wakes up and boots from the network; if it is running, somebody has to restart it"
    elif boot.boots is Boots.INSTALLED and not is_driven(boot):
        text = "that the installed system boots from its disk and reports in"
    else:
        text = _AWAITED[boot.stage].format(macs=", ".join(machine.macs), script=script or "a script")
    return f"{text} (so far: {boot.fault})" if boot.fault else text


def last_seen(machine: Machine) -> Expectation | None:
    """Name the last thing that this boot showed."""
    boot = machine.boot
    if boot is None or not boot.seen:
        return None
    last = boot.seen[-1]
    said = f"{last.stage.value}: {last.detail}" if last.detail else last.stage.value
    if boot.heard_at and boot.heard_at > last.at:
        return Expectation(what=f"{said}; the agent was heard", at=boot.heard_at)
    return Expectation(what=said, at=last.at)


def overdue(machine: Machine, limits: Limits, now: datetime, script: str = "") -> str:
    """Say why the machine's passing state is given up now; empty while there is time."""
    if machine.state not in PASSING:
        return ""
    if machine.deadline and now >= machine.deadline:
        return f"{machine.state.value} took longer than it may: still waiting for {awaited(machine, script)}"
    until = gives_up_at(machine, limits)
    if until is None or now < until:
        return ""
    seen = last_seen(machine)
    return f"waited in vain for {awaited(machine, script)}; last seen: {seen.what if seen else 'nothing'}"
