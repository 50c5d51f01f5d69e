"""The snapshot's served subnets, made ready for answers: who belongs where, and option areas that are written once."""

from collections.abc import Callable, Sequence
from functools import partial
from ipaddress import IPv4Address, IPv4Network
from typing import Final

from fibrix.domain.network import DhcpOption, StaticRoute, Subnet, SubnetMode
from fibrix.domain.rack import RackSnapshot
from fibrix.wire.dhcp4.area import written
from fibrix.wire.dhcp4.options import (
    BROADCAST_ADDRESS,
    CLASSLESS_ROUTES,
    DNS_SERVERS,
    DOMAIN_NAME,
    DOMAIN_SEARCH,
    INTERFACE_MTU,
    LEASE_TIME,
    MESSAGE_TYPE,
    NTP_SERVERS,
    REBINDING_TIME,
    RENEWAL_TIME,
    ROUTERS,
    SERVER_IDENTIFIER,
    SUBNET_MASK,
    MessageType,
)

_AREAS: Final = 512  # kinds of question whose answer is kept; they come from outside, so there may be any number
_EVERYWHERE: Final = IPv4Network("0.0.0.0/0")
_OURS: Final = frozenset(
    option.code for option in (MESSAGE_TYPE, SERVER_IDENTIFIER, LEASE_TIME, RENEWAL_TIME, REBINDING_TIME, SUBNET_MASK)
)
_UNASKED: Final = (ROUTERS.code, DNS_SERVERS.code, DOMAIN_NAME.code, BROADCAST_ADDRESS.code)


class Served:
    """A subnet with what its clients are told."""

    def __init__(self, subnet: Subnet) -> None:
        self.subnet = subnet
        self.name = subnet.name
        self.address = int(subnet.address)
        self._first = int(subnet.network.network_address)
        self._last = int(subnet.network.broadcast_address)
        self._values = _values(subnet)
        self._areas: dict[tuple[int, bool, bytes | None], bytes] = {}

    def __contains__(self, number: int) -> bool:
        """Whether an address is in its network."""
        return self._first <= number <= self._last

    def head(self, kind: MessageType, *, lease: bool) -> dict[int, bytes]:
        """What every answer of a kind begins with; `lease`: with the times of a lease."""
        options = {
            MESSAGE_TYPE.code: MESSAGE_TYPE.encode(kind),
            SERVER_IDENTIFIER.code: self.address.to_bytes(4),
        }
        if lease:
            seconds = self.subnet.lease_s
            options[LEASE_TIME.code] = LEASE_TIME.encode(seconds)
            options[RENEWAL_TIME.code] = RENEWAL_TIME.encode(seconds // 2)
            options[REBINDING_TIME.code] = REBINDING_TIME.encode(seconds * 7 // 8)
        options[SUBNET_MASK.code] = SUBNET_MASK.encode(self.subnet.network.netmask)  # before routers: RFC 2132 §3.3
        return options

    def parameters(self, wants: bytes | None, own: Sequence[DhcpOption] = ()) -> dict[int, bytes]:
        """What a client asks for, in its order, as far as there is something; `own`: its reservation's options.

        Routers are left out where classless routes are given: who asks for both has to ignore them (RFC 3442).
        """
        values = self._values | {one.code: one.value for one in own} if own else self._values
        if wants is None:
            wants = bytes((*_UNASKED, *(one.code for one in own)))
        told = {code: values[code] for code in wants if code in values and code not in _OURS}
        if CLASSLESS_ROUTES.code in told:
            told.pop(ROUTERS.code, None)
        return told

    def area(self, kind: MessageType, wants: bytes | None, *, lease: bool) -> bytes:
        """Head and parameters as octets, for a client about whom nothing is special. Written once per question."""
        key = (kind.code, lease, wants)
        area = self._areas.get(key)
        if area is None:
            options = self.head(kind, lease=lease) | self.parameters(wants)
            if len(self._areas) >= _AREAS:
                self._areas.clear()
            area = self._areas[key] = written(options)
        return area


class Network:
    """Everything that is served, of one snapshot. What has not changed since the last one is kept."""

    def __init__(self, snapshot: RackSnapshot, before: "Network | None" = None) -> None:
        kept: dict[int, Served] = {} if before is None else {id(one.subnet): one for one in before.served}
        subnets = (subnet for subnet in snapshot.subnets if subnet.mode is SubnetMode.SERVE)
        self.served: tuple[Served, ...] = tuple(kept.get(id(subnet)) or Served(subnet) for subnet in subnets)
        self.boot = snapshot.boot
        reserved = (one.mac for served in self.served for one in served.subnet.reservations if one.mac)
        self.known = frozenset(reserved) | snapshot.boot.keys()
        self._on: dict[str, tuple[Served, ...]] = {}
        self._holding: dict[int, tuple[Served, ...]] = {}

    def on(self, interface: str) -> tuple[Served, ...]:
        """Subnets whose clients are on an interface's own link."""
        found = self._on.get(interface)
        if found is None:
            found = tuple(one for one in self.served if one.subnet.interface == interface and not one.subnet.relayed)
            if len(self._on) < _AREAS:
                self._on[interface] = found
        return found

    def holding(self, number: int) -> tuple[Served, ...]:
        """Subnets whose network an address is in."""
        found = self._holding.get(number)
        if found is None:
            found = tuple(one for one in self.served if number in one)
            if len(self._holding) >= _AREAS:
                self._holding.clear()
            self._holding[number] = found
        return found


def _values(subnet: Subnet) -> dict[int, bytes]:
    """All that can be told of a subnet, by option code. Its free options come before what is made of its fields."""
    makers: dict[int, tuple[object, Callable[[], bytes]]] = {
        BROADCAST_ADDRESS.code: (True, lambda: subnet.network.broadcast_address.packed),
        ROUTERS.code: (subnet.routers, partial(ROUTERS.encode, subnet.routers)),
        DNS_SERVERS.code: (subnet.dns_servers, partial(DNS_SERVERS.encode, subnet.dns_servers)),
        NTP_SERVERS.code: (subnet.ntp_servers, partial(NTP_SERVERS.encode, subnet.ntp_servers)),
        DOMAIN_NAME.code: (subnet.domain_name, partial(DOMAIN_NAME.encode, subnet.domain_name)),
        DOMAIN_SEARCH.code: (subnet.search_domains, partial(DOMAIN_SEARCH.encode, subnet.search_domains)),
        INTERFACE_MTU.code: (subnet.mtu, partial(INTERFACE_MTU.encode, subnet.mtu)),
        CLASSLESS_ROUTES.code: (subnet.routes, lambda: CLASSLESS_ROUTES.encode(_routes(subnet))),
    }
    values = {code: make() for code, (there, make) in makers.items() if there}
    return values | {one.code: one.value for one in subnet.options}


def _routes(subnet: Subnet) -> tuple[tuple[IPv4Network, IPv4Address], ...]:
    """The classless routes, with the way to everywhere in them: who takes them looks at no router (RFC 3442)."""
    routes: list[StaticRoute] = list(subnet.routes)
    if subnet.routers and not any(route.destination == _EVERYWHERE for route in routes):
        routes.append(StaticRoute(destination=_EVERYWHERE, router=subnet.routers[0]))
    return tuple((route.destination, route.router) for route in routes)
