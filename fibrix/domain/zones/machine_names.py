"""The names of machines: which records each one stands for, and which owners change when it does."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import IPv4Address
from typing import Final

from fibrix.domain.dns import Record
from fibrix.domain.machine import Machine
from fibrix.domain.network import Subnet
from fibrix.domain.state import State
from fibrix.domain.zones.names import zone_of
from fibrix.domain.zones.plan import PlannedZone, domain_of
from fibrix.domain.zones.reverse import address_name, pointer_name
from fibrix.types import MachineId

NAMELESS: Final = frozenset(
    {
        State.RELEASING,
        State.RELEASING_FAILED,
        State.DISK_ERASING,
        State.FAILED_DISK_ERASING,
        State.RETIRED,
    }
)
"""A machine that is being taken back, or is out of use, has no name, whatever address it boots with."""
AT_REST: Final = NAMELESS | {State.NEW, State.READY}
"""A machine that comes into one of these states has no use any more for the addresses that it leased before."""


def has_names(machine: Machine) -> bool:
    """Whether a machine is to be found by name at all."""
    return machine.accepted and machine.state not in NAMELESS


def records_of(
    name: str, held: Iterable[tuple[IPv4Address, Subnet]], zones: Mapping[str, PlannedZone]
) -> tuple[Record, ...]:
    """Tell the records of a machine of this name, for its addresses and the subnets that they are on."""
    found = {record for address, subnet in held for record in _of_address(name, address, subnet, zones)}
    return tuple(sorted(found))


def _of_address(name: str, address: IPv4Address, subnet: Subnet, zones: Mapping[str, PlannedZone]) -> Iterator[Record]:
    """The A record, the PTR record, and for a long prefix what leads to the latter (RFC 2317 §4)."""
    domain = domain_of(subnet)
    if not domain:
        return
    whole = f"{name}.{domain}"
    pointer, plain = pointer_name(address, subnet.network), address_name(address)
    yield from _record(zones, whole, "A", str(address))
    yield from _record(zones, pointer, "PTR", whole)
    if plain != pointer:
        yield from _record(zones, plain, "CNAME", pointer)


def _record(zones: Mapping[str, PlannedZone], owner: str, kind: str, value: str) -> Iterator[Record]:
    """Make a record, where there is a zone for it."""
    zone = zone_of(owner, zones)
    if zone is not None:
        yield Record(name=owner, type=kind, ttl=zones[zone].ttl, value=value)


class GivenNames:
    """The records of all machines, by machine and by owner."""

    def __init__(self) -> None:
        self._machines: dict[MachineId, tuple[Record, ...]] = {}
        self._owners: dict[str, dict[MachineId, tuple[Record, ...]]] = {}

    def put(self, machine: MachineId, records: Sequence[Record]) -> set[str]:
        """Take a machine's records in place of those before; tells the owners at which something changes."""
        before, after = self._machines.get(machine, ()), tuple(records)
        if before == after:
            return set()
        touched = {record.name for record in {*before} ^ {*after}}
        for owner in touched:
            mine = tuple(record for record in after if record.name == owner)
            there = self._owners.setdefault(owner, {})
            if mine:
                there[machine] = mine
            else:
                there.pop(machine, None)
            if not there:
                del self._owners[owner]
        if after:
            self._machines[machine] = after
        else:
            self._machines.pop(machine, None)
        return touched

    def at(self, owner: str) -> Iterator[Record]:
        """The records at one owner."""
        for records in self._owners.get(owner, {}).values():
            yield from records

    def owners(self) -> Iterable[str]:
        """All owners."""
        return self._owners.keys()

    def machines(self) -> set[MachineId]:
        """All machines that have a name."""
        return set(self._machines)
