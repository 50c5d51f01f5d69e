"""Networks as the API shows them: addresses as text."""

from typing import Literal

import msgspec

from fibrix.api.views import Time
from fibrix.domain.binding import BindingState
from fibrix.domain.network import Reservation, SubnetMode, UnknownPolicy
from fibrix.domain.network_kept import Vlan, Zone
from fibrix.domain.network_spec import OptionSpec, RangeSpec, ReservedSpec, RouteSpec
from fibrix.domain.network_text import options_of, spec_of
from fibrix.domain.network_use import Holder, SubnetUse
from fibrix.domain.ports.networks import Held, Lease, Listed


class ReservationView(msgspec.Struct, frozen=True, kw_only=True):
    """An address that one client always gets and nobody else ever does. The client is a MAC or an identifier."""

    client: str  # what it is called by: its MAC, or `id:` and its identifier
    mac: str
    client_id: str
    address: str
    hostname: str
    options: tuple[OptionSpec, ...]


class SubnetView(msgspec.Struct, frozen=True, kw_only=True):
    """A subnet as it is served; `use` is null where Fibrix does not give addresses."""

    name: str
    interface: str
    network: str
    address: str  # the controller's own
    vlan: str
    relayed: bool
    mode: SubnetMode
    boot: bool
    unknown: UnknownPolicy
    authoritative: bool
    probe: bool
    ranges: tuple[RangeSpec, ...]
    reserved: tuple[ReservedSpec, ...]
    routers: tuple[str, ...]
    dns_servers: tuple[str, ...]
    ntp_servers: tuple[str, ...]
    domain_name: str
    search_domains: tuple[str, ...]
    routes: tuple[RouteSpec, ...]
    options: tuple[OptionSpec, ...]
    mtu: int
    lease_s: int
    note: str
    source: Literal["file", "api"]  # what declares it, and where it can be changed
    fault: str  # why it is not served
    reservations: tuple[ReservationView, ...]
    use: SubnetUse | None


class ZoneView(msgspec.Struct, frozen=True, kw_only=True):
    """A zone, and how many machines stand there."""

    name: str
    note: str
    machines: int


class VlanView(msgspec.Struct, frozen=True, kw_only=True):
    """A VLAN of a fabric, and its subnets."""

    id: str  # its fabric and its number: `default.10`
    fabric: str
    vid: int
    name: str
    interface: str
    mtu: int
    note: str
    subnets: tuple[str, ...]


class FabricView(msgspec.Struct, frozen=True, kw_only=True):
    """A fabric, and its VLANs."""

    name: str
    note: str
    vlans: tuple[str, ...]


class LeaseView(msgspec.Struct, frozen=True, kw_only=True):
    """Who has an address, or had it last."""

    address: str
    subnet: str
    mac: str
    hostname: str
    state: Literal["bound", "released", "declined", "expired"]
    since: Time
    expires_at: Time
    machine: str  # its id; empty: it is none that is known
    machine_name: str


class AddressView(msgspec.Struct, frozen=True, kw_only=True):
    """All that keeps an address from being free, the strongest first. No holder: it is free."""

    address: str
    subnet: str  # empty: it is in none
    free: bool
    holders: tuple[Holder, ...]


def reservation_view(one: Reservation) -> ReservationView:
    """Show a reservation."""
    return ReservationView(
        client=one.client,
        mac=one.mac,
        client_id=one.client_id,
        address=str(one.address),
        hostname=one.hostname,
        options=options_of(one.options),
    )


def subnet_view(listed: Listed, use: SubnetUse | None) -> SubnetView:
    """Show a subnet."""
    spec = msgspec.structs.asdict(spec_of(listed.kept))
    taken = {"interface": listed.subnet.interface, "mtu": listed.subnet.mtu}
    return SubnetView(
        **(spec | taken),
        source="file" if listed.of_file else "api",
        fault=listed.fault,
        reservations=tuple(map(reservation_view, listed.reservations)),
        use=use,
    )


def zone_view(zone: Zone, machines: int) -> ZoneView:
    """Show a zone."""
    return ZoneView(name=zone.name, note=zone.note, machines=machines)


def vlan_view(vlan: Vlan, subnets: tuple[str, ...]) -> VlanView:
    """Show a VLAN."""
    return VlanView(**msgspec.structs.asdict(vlan), id=vlan.id, subnets=subnets)


def lease_view(lease: Lease, *, expired: bool) -> LeaseView:
    """Show a binding."""
    binding, machine = lease.binding, lease.machine
    bound = binding.state is BindingState.BOUND
    return LeaseView(
        address=str(binding.address),
        subnet=binding.subnet,
        mac=binding.mac,
        hostname=binding.hostname,
        state="expired" if expired and bound else binding.state.value,
        since=binding.since,
        expires_at=binding.expires_at,
        machine=machine.id if machine else "",
        machine_name=machine.name if machine else "",
    )


def address_view(held: Held) -> AddressView:
    """Show an address."""
    return AddressView(
        address=str(held.address), subnet=held.subnet, free=bool(held.subnet) and not held.holders, holders=held.holders
    )
