"""What follows from a machine's change for its power, its boot, its name and its tenant's quota."""

from collections.abc import Iterator
from typing import Final

from fibrix.domain.boot_choice import boot_action
from fibrix.domain.foreseen import Foreseen
from fibrix.domain.machine import Boots, Machine
from fibrix.domain.power import PowerKind, PowerState
from fibrix.domain.quota import sizes
from fibrix.domain.rack import BootAction
from fibrix.domain.state import PASSING, State

_BOOTS: Final = {
    BootAction.EPHEMERAL: "the ephemeral OS",
    BootAction.DISK: "its own disk",
    BootAction.WAIT: "it waits in iPXE",
}

_ON: Final = {
    PowerState.ON: "it is switched off and on again; not, if it waits in iPXE for what to boot",
    PowerState.OFF: "it is switched on, by network boot",
    PowerState.UNKNOWN: "nothing before its power state can be read; then it is switched on, off before if it is on",
}

_STARTED: Final = {
    PowerKind.WOL: "it is woken by Wake-on-LAN; if it is running, somebody has to restart it",
    PowerKind.MANUAL: "a person is asked to start it by network boot, and to confirm it",
}


def state(before: Machine, after: Machine) -> Iterator[Foreseen]:
    """The state, and why."""
    if before.state is not after.state:
        old, new = before.state.value, after.state.value
        yield Foreseen(what="state", subject=_path(after), before=old, after=new, detail=after.reason)


def tenancy(before: Machine, after: Machine) -> Iterator[Foreseen]:
    """Whose it is, and what that does to quotas. A tenant gets a machine's figures back when it is Ready again."""
    if before.tenant == after.tenant:
        return
    use = sizes([after], [])
    figures = f"{use.cores} cores, {use.memory_bytes} bytes of memory, {use.disk_bytes} bytes of disks"
    yield Foreseen(
        what="tenant",
        subject=_path(after),
        before=before.tenant,
        after=after.tenant,
        detail=f"in a quota it counts 1 machine, {figures} and its addresses",
    )


def power(before: Machine, after: Machine) -> Iterator[Foreseen]:
    """What is done about its power."""
    if _boots_anew(before, after):
        yield _started(after)
    elif _winds_down(after) and not _winds_down(before):
        yield from _switched_off(after)


def _boots_anew(before: Machine, after: Machine) -> bool:
    known = before.boot.id if before.boot else ""
    return after.state in PASSING and after.boot is not None and after.boot.id != known


def _winds_down(machine: Machine) -> bool:
    return machine.boot is not None and machine.boot.wind_down


def _started(machine: Machine) -> Foreseen:
    by_bmc = machine.power.kind is PowerKind.IPMI
    return Foreseen(
        what="power",
        subject=_path(machine),
        before=machine.power_state.value,
        after=PowerState.ON.value,
        detail=_ON[machine.power_state] if by_bmc else _STARTED[machine.power.kind],
    )


def _switched_off(machine: Machine) -> Iterator[Foreseen]:
    if machine.power_state is PowerState.OFF:
        return
    by_bmc = machine.power.kind is PowerKind.IPMI
    yield Foreseen(
        what="power",
        subject=_path(machine),
        before=machine.power_state.value,
        after=PowerState.OFF.value,
        detail="it is switched off" if by_bmc else "it switches itself off, if the ephemeral OS runs on it",
    )


def dhcp(subject: str, before: Machine | None, after: Machine | None) -> Iterator[Foreseen]:
    """What it is given when it asks for a network boot."""
    old, new = _boot_choice(before), _boot_choice(after)
    if old == new and (before is None or after is None or before.macs == after.macs):
        return
    machine = after or before
    macs = ", ".join(machine.macs) if machine else ""
    then = ""
    if after is not None and after.state is State.DEPLOYING:
        then = "; its own disk, once the image is written"
    yield Foreseen(what="dhcp", subject=subject, before=old, after=new, detail=f"network boot of {macs}{then}")


def _boot_choice(machine: Machine | None) -> str:
    if machine is None:
        return "as an unknown machine"
    boot = machine.boot
    ephemeral = boot is not None and boot.boots is Boots.EPHEMERAL and not boot.wind_down
    if machine.state in PASSING and ephemeral:
        return _BOOTS[BootAction.EPHEMERAL]  # from the moment that it is switched on
    return _BOOTS[boot_action(machine)]


def dns(subject: str, before: Machine | None, after: Machine | None) -> Iterator[Foreseen]:
    """Which names come and go: in DNS where its subnet has a domain, and what DHCP tells it."""
    old, new = before.name if before else "", after.name if after else ""
    if old != new:
        detail = "its DNS names, while it has an address; the host name that DHCP tells it with its next lease"
        yield Foreseen(what="dns", subject=subject, before=old, after=new, detail=detail)


def _path(machine: Machine) -> str:
    return f"machines/{machine.id}"
