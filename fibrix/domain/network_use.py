"""Address management: how full a subnet is, who holds an address, which one is free next. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from ipaddress import IPv4Address

import msgspec

from fibrix.domain.binding import Binding, BindingState
from fibrix.domain.machine import Machine
from fibrix.domain.network import AddressRange, Reservation
from fibrix.domain.network_kept import KeptSubnet
from fibrix.domain.network_rules import shown, taken
from fibrix.types import MacAddress


class Where(Enum):
    """Which free addresses are meant."""

    OUTSIDE = "outside"  # of the dynamic ranges: nobody gets it by chance
    INSIDE = "inside"  # of a dynamic range


class Hold(Enum):
    """Why an address is not free."""

    NETWORK = "network"  # the subnet's own, its broadcast, the controller's, a router's, a DNS server's
    RESERVED_RANGE = "reserved-range"
    RESERVATION = "reservation"
    LEASE = "lease"
    QUARANTINE = "quarantine"  # a client found somebody else on it
    MACHINE = "machine"  # that leased it last
    RANGE = "range"  # nobody's, but in a dynamic range: anybody may get it


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """One reason why an address is not free."""

    kind: Hold
    detail: str
    client: str = ""  # a MAC, or `id:` and a client identifier
    hostname: str = ""
    machine: str = ""  # its id
    until: datetime | None = None  # of a lease or a quarantine


class RangeUse(msgspec.Struct, frozen=True, kw_only=True):
    """How full one dynamic range is."""

    first: str
    last: str
    addresses: int
    leased: int
    declined: int
    reserved: int  # by reservations within it, whether leased or not
    free: int


class SubnetUse(msgspec.Struct, frozen=True, kw_only=True):
    """How full a subnet's dynamic ranges are."""

    addresses: int  # in the ranges
    leased: int  # of those, now
    declined: int = 0  # of those, in quarantine
    reserved: int = 0  # of those, kept for one client each
    free: int = 0  # of those
    ranges: tuple[RangeUse, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Occupants:
    """What is known of the addresses of one subnet."""

    reservations: Sequence[Reservation] = ()
    bindings: Sequence[Binding] = ()
    machines: Sequence[Machine] = ()


def use(kept: KeptSubnet, occupants: Occupants, now: datetime) -> SubnetUse:
    """Count what is taken in each range."""
    live = {int(b.address): b.state for b in occupants.bindings if is_live(b, now)}
    reserved = {int(r.address) for r in occupants.reservations}
    ranges = tuple(_range_use(span, live, reserved) for span in kept.subnet.ranges)
    return SubnetUse(
        addresses=sum(one.addresses for one in ranges),
        leased=sum(one.leased for one in ranges),
        declined=sum(one.declined for one in ranges),
        reserved=sum(one.reserved for one in ranges),
        free=sum(one.free for one in ranges),
        ranges=ranges,
    )


def _range_use(span: AddressRange, live: Mapping[int, BindingState], reserved: set[int]) -> RangeUse:
    first, last = int(span.first), int(span.last)
    states = [state for number, state in live.items() if first <= number <= last]
    declined = states.count(BindingState.DECLINED)
    kept = {number for number in reserved if first <= number <= last}
    size = last - first + 1
    return RangeUse(
        first=str(span.first),
        last=str(span.last),
        addresses=size,
        leased=len(states) - declined,
        declined=declined,
        reserved=len(kept),
        free=size - len(states) - len(kept - live.keys()),
    )


def is_live(binding: Binding, now: datetime) -> bool:
    """Whether somebody has the address, or it rests."""
    return binding.expires_at > now and binding.state is not BindingState.RELEASED


def holders(kept: KeptSubnet, occupants: Occupants, address: IPv4Address, now: datetime) -> Iterator[Holder]:
    """Tell all that keeps an address from being free, the strongest first."""
    yield from _by_declaration(kept, occupants, address)
    yield from _by_use(occupants, address, now)
    for span in kept.subnet.ranges:
        if span.first <= address <= span.last:
            yield Holder(kind=Hold.RANGE, detail=f"it is in the dynamic range {shown(span)}")


def _by_declaration(kept: KeptSubnet, occupants: Occupants, address: IPv4Address) -> Iterator[Holder]:
    if what := taken(kept).get(address):
        yield Holder(kind=Hold.NETWORK, detail=f"it is {what}")
    for closed in kept.reserved:
        if closed.first <= address <= closed.last:
            yield Holder(kind=Hold.RESERVED_RANGE, detail=closed.note or f"{shown(closed)} is reserved")
    for reservation in occupants.reservations:
        if reservation.address == address:
            words = f"it is kept for {reservation.client}"
            client, hostname = reservation.client, reservation.hostname
            yield Holder(kind=Hold.RESERVATION, detail=words, client=client, hostname=hostname)


def _by_use(occupants: Occupants, address: IPv4Address, now: datetime) -> Iterator[Holder]:
    named = {mac: machine.id for machine in occupants.machines for mac in machine.macs}
    for binding in occupants.bindings:
        if binding.address == address and is_live(binding, now):
            yield _held(binding, named)
    for machine in occupants.machines:
        if machine.address == str(address):
            words = f"{machine.name} leased it last"
            yield Holder(kind=Hold.MACHINE, detail=words, hostname=machine.name, machine=machine.id)


def _held(binding: Binding, named: Mapping[MacAddress, str]) -> Holder:
    declined = binding.state is BindingState.DECLINED
    words = f"{binding.mac} found somebody else on it" if declined else f"{binding.mac} has leased it"
    return Holder(
        kind=Hold.QUARANTINE if declined else Hold.LEASE,
        detail=words,
        client=binding.mac,
        hostname=binding.hostname,
        machine="" if declined else named.get(binding.mac, ""),
        until=binding.expires_at,
    )


def next_address(kept: KeptSubnet, occupants: Occupants, where: Where, now: datetime) -> IPv4Address | None:
    """Find the lowest address that nothing and nobody holds; None: there is none."""
    subnet = kept.subnet
    dynamic = [(int(span.first), int(span.last)) for span in subnet.ranges]
    reserved = [(int(span.first), int(span.last)) for span in kept.reserved]
    if where is Where.INSIDE:
        spans, closed = sorted(dynamic), sorted(reserved)
    else:
        spans = [(int(subnet.network.network_address), int(subnet.network.broadcast_address))]
        closed = sorted(dynamic + reserved)
    held = set(_held_numbers(kept, occupants, now))
    for first, last in spans:
        number = _lowest(first, last, closed, held)
        if number is not None:
            return IPv4Address(number)
    return None


def _held_numbers(kept: KeptSubnet, occupants: Occupants, now: datetime) -> Iterator[int]:
    yield from map(int, taken(kept))
    yield from (int(one.address) for one in occupants.reservations)
    yield from (int(one.address) for one in occupants.bindings if is_live(one, now))
    yield from (int(IPv4Address(one.address)) for one in occupants.machines if one.address)


def _lowest(first: int, last: int, closed: Iterable[tuple[int, int]], held: set[int]) -> int | None:
    """The lowest number from `first` to `last` that is neither in a closed span nor held."""
    number = first
    for start, end in [*closed, (last + 1, last + 1)]:
        while number < min(start, last + 1):
            if number not in held:
                return number
            number += 1
        number = max(number, end + 1)
    return None
