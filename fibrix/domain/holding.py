"""A machine as its tenant knows it: without what is the region's, and what was before."""

from msgspec.structs import replace

from fibrix.domain.machine import Boot, Hardware, Machine
from fibrix.domain.power import PowerSettings


def as_held(machine: Machine) -> Machine:
    """Leave out how the machine is powered, its BMC, its neighbours on the rack's network, and boots of before."""
    return replace(
        machine,
        power=PowerSettings(kind=machine.power.kind),
        power_detail="",
        hardware=_of_tenant(machine.hardware),
        boot=machine.boot if _is_theirs(machine, machine.boot) else None,
    )


def _of_tenant(hardware: Hardware | None) -> Hardware | None:
    if hardware is None:
        return None
    interfaces = tuple(replace(interface, neighbour="") for interface in hardware.interfaces)
    return replace(hardware, bmc_address="", bmc_version="", interfaces=interfaces)


def _is_theirs(machine: Machine, boot: Boot | None) -> bool:
    """Whether a boot was begun since the machine is allocated."""
    if boot is None or not boot.seen or machine.allocated_at is None:
        return False
    return boot.seen[0].at >= machine.allocated_at
