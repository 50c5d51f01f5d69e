"""An edit of a machine. Pure."""

from msgspec.structs import replace

from fibrix.domain.machine import Machine
from fibrix.domain.names import check_label, check_tags
from fibrix.domain.ports.machines import MachineChanges, MachineSpec
from fibrix.domain.power import PowerSettings
from fibrix.types import parse_mac


def check_place(given: MachineSpec | MachineChanges) -> None:
    """Refuse names that a zone or a pool cannot have. Raises InvalidError."""
    for field, name in (("zone", given.zone), ("pool", given.pool)):
        if name is not None:
            check_label(name, pointer=f"/{field}")


def edited(machine: Machine, changes: MachineChanges) -> tuple[Machine, tuple[str, ...]]:
    """Apply an edit; give the names of the fields that it sets too. Raises InvalidError for a MAC or a tag."""
    macs = None if changes.macs is None else tuple(dict.fromkeys(parse_mac(m) for m in changes.macs))
    new: dict[str, str | PowerSettings | tuple[str, ...] | None] = {
        "name": changes.name,
        "macs": macs,
        "power": changes.power,
        "zone": changes.zone,
        "pool": changes.pool,
        "tags": None if changes.tags is None else check_tags(changes.tags),
    }
    given = {field: value for field, value in new.items() if value is not None}
    fields = tuple(given) + (("power_password",) if changes.power_password is not None else ())
    return replace(machine, **given), fields
