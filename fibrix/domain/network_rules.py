"""What a network may not be, with the reason: the same rules for the configuration file and for the API.

Each rule gives faults; a pointer names the field of a subnet as the API has it (RFC 6901).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import IPv4Address
from itertools import combinations
from typing import Final

from fibrix.domain.network import AddressRange, Reservation, Subnet, SubnetMode
from fibrix.domain.network_kept import MOST_VID, UNTAGGED, KeptSubnet, Vlan
from fibrix.domain.network_options import option_faults
from fibrix.errors import Fault

WAN: Final = "wan"
_ROOM: Final = 30  # bits: a longer prefix has no address for the rack and a client
_ROOM_BEHIND_A_RELAY: Final = 31  # the relay's own and one client's (RFC 3021)
_LEAST_MTU: Final = 68  # RFC 791 §3.2: every internet module must be able to forward so many octets
_MOST_MTU: Final = 65535


def role_of(interface: str, roles: Mapping[str, str]) -> str | None:
    """What an interface is for; None: it is not told. `roles`: those of the file, by name.

    An interface of a VLAN, as Linux has `eth1.10`, counts as the one that it is on.
    """
    role = roles.get(interface)
    parent, dot, vid = interface.rpartition(".")
    if role is None and dot and vid.isdecimal() and UNTAGGED < int(vid) <= MOST_VID:
        role = roles.get(parent)
    return role


def interface_fault(interface: str, roles: Mapping[str, str]) -> str:
    """Why Fibrix does not serve on an interface; empty when it does. `roles`: those of the file, by name."""
    role = role_of(interface, roles)
    if role is None:
        return f"the interface {interface!r} is not among [[interfaces]] (there are: {', '.join(roles) or 'none'})"
    return f"the interface {interface!r} has the role wan: Fibrix serves nothing there" if role == WAN else ""


def vlan_faults(vlan: Vlan, roles: Mapping[str, str]) -> Iterator[Fault]:
    """Find what is wrong with a VLAN by itself."""
    if not UNTAGGED <= vlan.vid <= MOST_VID:
        yield Fault(f"{vlan.vid} is no VLAN id: use 1 to {MOST_VID}, or {UNTAGGED} for untagged frames", "/vid")
    if vlan.interface and (fault := interface_fault(vlan.interface, roles)):
        yield Fault(fault, "/interface")
    yield from _mtu(vlan.mtu)


def subnet_faults(kept: KeptSubnet, vlan: Vlan | None, roles: Mapping[str, str]) -> Iterator[Fault]:
    """Find what is wrong with a subnet by itself, on its VLAN."""
    subnet = kept.subnet
    yield from _own_address(subnet)
    for index, router in enumerate(subnet.routers):
        if router not in subnet.network:
            yield Fault(f"the router {router} is not in {subnet.network}", f"/routers/{index}")
    yield from _ranges(kept)
    yield from _routes(subnet)
    yield from option_faults(subnet.options)
    yield from _mtu(subnet.mtu)
    yield from _carried(subnet, vlan, roles)


def between(kept: KeptSubnet, others: Iterable[KeptSubnet]) -> Iterator[Fault]:
    """Find what is wrong between a subnet and the others."""
    subnet = kept.subnet
    there = [other.subnet for other in others if other.name != kept.name]
    for other in there:
        if subnet.network.overlaps(other.network):
            yield Fault(f"{subnet.network} overlaps {other.network} of subnet {other.name!r}", "/network")
    if subnet.relayed and subnet.address not in subnet.network:
        own = {other.address for other in there if not other.relayed}
        if subnet.address not in own:
            known = ", ".join(sorted(map(str, own))) or "none"
            words = f"{subnet.address} is not the rack's address in any subnet that is not relayed (there are: {known})"
            yield Fault(words, "/address")


def reservation_faults(kept: KeptSubnet, reservation: Reservation) -> Iterator[Fault]:
    """Find why an address of a subnet cannot be kept for a client."""
    address, network = reservation.address, kept.subnet.network
    if address not in network:
        yield Fault(f"{address} cannot be a client's address on {kept.name} ({network})", "/address")
    elif what := taken(kept).get(address):
        yield Fault(f"{address} is {what} on {kept.name} ({network}): choose another one", "/address")
    for index, span in enumerate(kept.reserved):
        if span.first <= address <= span.last:
            purpose = f" for {span.note}" if span.note else ""
            words = f"{address} is in {shown(span)}, which is reserved{purpose}: choose another one"
            yield Fault(f"{words}, or remove range {index + 1} of `reserved`", "/address")
    yield from option_faults(reservation.options)


def taken(kept: KeptSubnet) -> dict[IPv4Address, str]:
    """Addresses of a subnet that can be no client's, with what they are."""
    subnet = kept.subnet
    found = dict.fromkeys((a for a in subnet.dns_servers if a in subnet.network), "a DNS server's address")
    found |= dict.fromkeys(subnet.routers, "a router's address")
    if not subnet.relayed:
        found[subnet.address] = "the controller's own address"
    return found | _of_the_network(subnet)


def shown(span: AddressRange) -> str:
    """Write a range."""
    return f"{span.first}-{span.last}"


def _own_address(subnet: Subnet) -> Iterator[Fault]:
    network, inside = subnet.network, subnet.address in subnet.network
    room = _ROOM_BEHIND_A_RELAY if subnet.relayed else _ROOM
    if network.prefixlen > room:
        written = f"{network}" if subnet.relayed else f"{subnet.address}/{network.prefixlen}"
        yield Fault(f"{written} has no room for clients", "/network")
    elif subnet.relayed and inside:
        words = f"{subnet.address} is in {network}: where the rack has an address itself, nothing has to be relayed"
        yield Fault(words, "/relayed")
    elif not subnet.relayed and not inside:
        words = f"{subnet.address} is not in {network}: give the rack's own address there, or say that it is relayed"
        yield Fault(words, "/address")
    elif inside and subnet.address in (network.network_address, network.broadcast_address):
        written = f"{subnet.address}/{network.prefixlen}"
        yield Fault(f"{written} is the subnet itself or its broadcast, not an address in it", "/address")


def _of_the_network(subnet: Subnet) -> dict[IPv4Address, str]:
    if subnet.network.prefixlen > _ROOM:
        return {}
    network = subnet.network
    return {
        network.network_address: "the subnet's own address",
        network.broadcast_address: "the broadcast address",
    }


def _ranges(kept: KeptSubnet) -> Iterator[Fault]:
    """Find ranges that leave the subnet, hold what is nobody's, or overlap."""
    subnet = kept.subnet
    named: list[tuple[str, AddressRange]] = [(f"/ranges/{i}", span) for i, span in enumerate(subnet.ranges)]
    dynamic = len(named)
    named += [(f"/reserved/{i}", span) for i, span in enumerate(kept.reserved)]
    sound = []
    for index, (pointer, span) in enumerate(named):
        faults = list(_range(subnet, span, dynamic=index < dynamic))
        yield from (Fault(f"the range {shown(span)} {fault}", pointer) for fault in faults)
        if span.first <= span.last:
            sound.append((pointer, span))
    for (_, one), (pointer, other) in combinations(sound, 2):
        if one.first <= other.last and other.first <= one.last:
            yield Fault(f"the ranges {shown(one)} and {shown(other)} overlap", pointer)


def _range(subnet: Subnet, span: AddressRange, *, dynamic: bool) -> Iterator[str]:
    if span.first not in subnet.network or span.last not in subnet.network:
        yield f"is not within {subnet.network}"
    elif span.first > span.last:
        yield "ends before it begins"
    elif dynamic:
        nobodys = dict.fromkeys(subnet.routers, "a router's address")
        if not subnet.relayed:
            nobodys[subnet.address] = "the controller's own address"
        for address, what in (nobodys | _of_the_network(subnet)).items():
            if span.first <= address <= span.last:
                yield f"has {address} in it, {what}"


def _routes(subnet: Subnet) -> Iterator[Fault]:
    seen = set()
    for index, route in enumerate(subnet.routes):
        if route.router not in subnet.network:
            words = f"the router {route.router} of the route to {route.destination} is not in {subnet.network}"
            yield Fault(words, f"/routes/{index}/router")
        if route.destination in seen:
            yield Fault(f"there are two routes to {route.destination}", f"/routes/{index}/destination")
        seen.add(route.destination)


def _mtu(mtu: int) -> Iterator[Fault]:
    if mtu and not _LEAST_MTU <= mtu <= _MOST_MTU:
        yield Fault(f"an MTU is {_LEAST_MTU} to {_MOST_MTU} octets, not {mtu}; 0: clients are told none", "/mtu")


def _carried(subnet: Subnet, vlan: Vlan | None, roles: Mapping[str, str]) -> Iterator[Fault]:
    """Find what is wrong with the interface that a subnet is on."""
    interface = subnet.interface
    if vlan is not None and vlan.interface and interface not in ("", vlan.interface):
        words = f"VLAN {vlan.id} is on the interface {vlan.interface!r}, not on {interface!r}: leave the interface out"
        yield Fault(words, "/interface")
        return
    interface = interface or (vlan.interface if vlan else "")
    if not interface:
        yield Fault("it is on no interface of the rack: name one, or a VLAN that has one", "/interface")
    elif fault := interface_fault(interface, roles):
        yield Fault(fault, "/interface")
    if vlan is not None and vlan.mtu and subnet.mtu > vlan.mtu:
        yield Fault(f"an MTU of {subnet.mtu} does not fit VLAN {vlan.id}, which has {vlan.mtu}", "/mtu")


def clashes(subnets: Sequence[KeptSubnet]) -> Iterator[tuple[KeptSubnet, Fault]]:
    """Find what is wrong between many subnets; two that overlap are told of once."""
    for index, kept in enumerate(subnets):
        for fault in between(kept, subnets):
            if fault.pointer != "/network":
                yield kept, fault
        for other in subnets[index + 1 :]:
            if kept.subnet.network.overlaps(other.subnet.network):
                words = f"{kept.subnet.network} overlaps {other.subnet.network} of subnet {other.name!r}"
                yield kept, Fault(words, "/network")


def serves(subnet: Subnet) -> bool:
    """Whether Fibrix gives addresses on it."""
    return subnet.mode is SubnetMode.SERVE
