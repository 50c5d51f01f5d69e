"""What tenants use, and whether their quota allows them more. Pure."""

from collections.abc import Iterable
from typing import Final

import msgspec

from fibrix.domain.account import Quota
from fibrix.domain.machine import Machine
from fibrix.domain.network import Reservation
from fibrix.errors import QuotaError
from fibrix.types import TenantId


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """What some machines come to, figure by figure as in a Quota."""

    machines: int = 0
    cores: int = 0  # logical
    memory_bytes: int = 0
    disk_bytes: int = 0  # of all disks that cannot be taken out
    addresses: int = 0  # at least one for each machine


_WORDS: Final = {
    "machines": "machines",
    "cores": "cores",
    "memory_bytes": "memory",
    "disk_bytes": "disk space",
    "addresses": "addresses",
}
_UNITS: Final = ((1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))


def use_of(tenant: TenantId, machines: Iterable[Machine], reservations: Iterable[Reservation]) -> Use:
    """Sum up what a tenant has. `machines` and `reservations` may be everybody's: only its own are counted."""
    return sizes((m for m in machines if m.tenant == tenant), reservations)


def sizes(machines: Iterable[Machine], reservations: Iterable[Reservation]) -> Use:
    """Sum up machines with the addresses that they lease or that are reserved for one of their MACs.

    A machine that was never commissioned counts no cores, memory and disks: nobody knows of any.
    """
    counted = list(machines)
    owners = {mac: machine.id for machine in counted for mac in machine.macs}
    addresses = {machine.id: {machine.address} - {""} for machine in counted}
    for reservation in reservations:
        if reservation.mac in owners:
            addresses[owners[reservation.mac]].add(str(reservation.address))
    known = [machine.hardware for machine in counted if machine.hardware is not None]
    return Use(
        machines=len(counted),
        cores=sum(hardware.cpu_count for hardware in known),
        memory_bytes=sum(hardware.memory_bytes for hardware in known),
        disk_bytes=sum(disk.size_bytes for hardware in known for disk in hardware.disks if not disk.removable),
        addresses=sum(max(1, len(found)) for found in addresses.values()),
    )


def check(quota: Quota, use: Use, asked: Use) -> None:
    """Refuse what would be more than the quota. Raises QuotaError, with each figure that does not allow it.

    A tenant that has more than its quota already, since that was lowered, keeps it; it is only given no more.
    """
    refused = []
    for figure, word in _WORDS.items():
        limit: int | None = getattr(quota, figure)
        used, more = getattr(use, figure), getattr(asked, figure)
        if limit is not None and more > 0 and used + more > limit:
            used_words, more_words, limit_words = (_amount(figure, n) for n in (used, more, limit))
            refused.append(f"{word}: {used_words} used, {more_words} asked, {limit_words} allowed")
    if refused:
        raise QuotaError(f"the quota does not allow it: {'; '.join(refused)}")


def _amount(figure: str, number: int) -> str:
    return bytes_words(number) if figure.endswith("_bytes") else str(number)


def bytes_words(number: int) -> str:
    """Write a number of bytes in the largest unit that it fills, to a tenth where that is not exact: `1.5 GiB`."""
    for unit, name in _UNITS:
        if number >= unit:
            return f"{number // unit} {name}" if number % unit == 0 else f"{number / unit:.1f} {name}"
    return f"{number} B"
