"""Which disks of a machine lose what is on them."""

from collections.abc import Sequence

from fibrix.domain.foreseen import Foreseen
from fibrix.domain.machine import Deployment, Disk, Machine


def fixed_disks(machine: Machine) -> Sequence[Disk]:
    """The disks that belong to it, as far as they are known; scripts touch no others."""
    return [d for d in machine.hardware.disks if not d.removable] if machine.hardware else []


def wiped(machine: Machine, disk: str, script: str) -> Foreseen:
    """Tell of a destructive script; an empty `disk`: all disks."""
    lost = [_words(d) for d in fixed_disks(machine) if disk in ("", d.name)]
    held = machine.deployment.image if machine.deployment else "nothing of a customer's"
    return Foreseen(
        what="disks",
        subject=f"machines/{machine.id}",
        before=held,
        after=f"overwritten by {script}",
        detail=", ".join(lost) or "all that it has: none is known yet",
    )


def installed(machine: Machine, deployment: Deployment) -> Foreseen:
    """Tell of a deployment: it writes to the disk that was named, or to the smallest that is large enough."""
    fit = [d for d in fixed_disks(machine) if d.size_bytes >= deployment.size_bytes]
    chosen = min((d for d in fit if deployment.disk in ("", d.name)), key=lambda d: d.size_bytes, default=None)
    return Foreseen(
        what="disks",
        subject=f"machines/{machine.id}",
        after=f"{deployment.image} on {chosen.name}" if chosen else deployment.image,
        detail=f"all data on {_words(chosen)} is lost" if chosen else "it is seen when it has booted which disk fits",
    )


def _words(disk: Disk) -> str:
    return f"{disk.name} ({disk.size_bytes} bytes)"
