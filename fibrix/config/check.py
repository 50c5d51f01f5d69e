"""What values say together: subnets that overlap, ranges that leave their subnet, two services on one port."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import ip_network
from itertools import combinations
from typing import Any

from fibrix.config.sections import ApiConfig, Config, InterfaceConfig, RangeConfig, SubnetConfig

PORT_SECTIONS = frozenset({"api", "machines", "boot", "dhcp"})
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.:-]*[A-Za-z0-9])?")
ROOM = 30  # bits: a longer prefix has no address for a client


def conflicts(values: Mapping[str, Any], unsound: set[str]) -> list[str]:
    """Find the faults among values that are sound by themselves; what is unsound is left out of the comparison."""
    sound = Config(**values)
    faults = list(_subnets(sound.subnets))
    if "api" not in unsound:
        faults += _api(sound.api)
    faults += _names("interfaces", [interface.name for interface in sound.interfaces])
    if "interfaces" not in unsound:
        faults += _interfaces(sound.interfaces, sound.subnets)
    if PORT_SECTIONS.isdisjoint(unsound):
        faults += _ports(sound)
    faults += _networks("webhooks.allow", sound.webhooks.allow)
    faults += _networks("webhooks.tenant_allow", sound.webhooks.tenant_allow)
    return faults


def _api(api: ApiConfig) -> Iterator[str]:
    """Find what is wrong with how the API is guarded on the wire."""
    if bool(api.tls_cert) != bool(api.tls_key):
        given, missing = ("tls_cert", "tls_key") if api.tls_cert else ("tls_key", "tls_cert")
        yield f"api.{given}: a certificate and its key go together: set api.{missing} too"
    for index, name in enumerate(api.tls_names):
        if not _HOST.fullmatch(name):
            yield f"api.tls_names[{index}]: {name!r} is neither a host name nor an address"
    if api.plain_http and (api.tls_cert or api.tls_key):
        yield "api.plain_http: there is a certificate too: choose one of them"


def _names(path: str, names: Iterable[str]) -> Iterator[str]:
    """Find names that are used twice."""
    yield from (f"{path}: the name {name!r} is used {n} times" for name, n in Counter(names).items() if n > 1)


def _interfaces(interfaces: Sequence[InterfaceConfig], subnets: Sequence[SubnetConfig]) -> Iterator[str]:
    """Find subnets on interfaces that are not there, or not to be served."""
    roles = {interface.name: interface.role for interface in interfaces}
    for subnet in subnets:
        role = roles.get(subnet.interface)
        if role is None:
            there = f"(there are: {', '.join(roles) or 'none'})"
            yield f"{_called(subnet)}: the interface {subnet.interface!r} is not among [[interfaces]] {there}"
        elif role == "wan":
            yield f"{_called(subnet)}: the interface {subnet.interface!r} has the role wan: Fibrix serves nothing there"


def _subnets(subnets: Sequence[SubnetConfig]) -> Iterator[str]:
    """Find what is wrong with each subnet and between them."""
    yield from _names("subnets", [subnet.name for subnet in subnets])
    for one, other in combinations(subnets, 2):
        if one.network.overlaps(other.network):
            yield f"{_called(one)}: {one.network} overlaps {other.network} of subnet {other.name!r}"
    for subnet in subnets:
        yield from (f"{_called(subnet)}: {fault}" for fault in _subnet(subnet))


def _subnet(subnet: SubnetConfig) -> Iterator[str]:
    """Find what is wrong with the addresses of one subnet."""
    network = subnet.network
    if network.prefixlen > ROOM:
        yield f"{network} has no room for clients"
    elif subnet.address.ip in (network.network_address, network.broadcast_address):
        yield f"{subnet.address} is the subnet itself or its broadcast, not an address in it"
    yield from (f"the router {router} is not in {network}" for router in subnet.routers if router not in network)
    for span in subnet.ranges:
        yield from (f"the range {_shown(span)} {fault}" for fault in _range(subnet, span))
    for one, other in combinations(subnet.ranges, 2):
        if one.first <= other.last and other.first <= one.last:
            yield f"the ranges {_shown(one)} and {_shown(other)} overlap"


def _range(subnet: SubnetConfig, span: RangeConfig) -> Iterator[str]:
    """Find what is wrong with one range."""
    network = subnet.network
    if span.first not in network or span.last not in network:
        yield f"is not within {network}"
        return
    if span.first > span.last:
        yield "ends before it begins"
    taken = dict.fromkeys(subnet.routers, "a router's address")
    taken[subnet.address.ip] = "the controller's own address"
    taken[network.network_address] = "the subnet's own address"
    taken[network.broadcast_address] = "the broadcast address"
    for address, what in taken.items():
        if span.first <= address <= span.last:
            yield f"has {address} in it, {what}"


def _ports(config: Config) -> Iterator[str]:
    """Find ports that two services want."""
    tcp = {"api.port": config.api.port, "machines.port": config.machines.port, "boot.http_port": config.boot.http_port}
    udp = {
        "boot.tftp_port": config.boot.tftp_port,
        "dhcp.server_port": config.dhcp.server_port,
        "dhcp.client_port": config.dhcp.client_port,
    }
    for protocol, ports in (("TCP", tcp), ("UDP", udp)):
        for (one, port), (other, same) in combinations(ports.items(), 2):
            if port == same != 0:
                yield f"{one} and {other}: both are {protocol} port {port}"


def _networks(path: str, texts: Sequence[str]) -> Iterator[str]:
    """Find what is no network."""
    for text in texts:
        try:
            ip_network(text)
        except ValueError as exc:
            yield f"{path}: expected a network, as 10.0.0.0/8 or fd00::/8: {exc}"


def _called(subnet: SubnetConfig) -> str:
    """Name a subnet in a fault."""
    return f"subnet {subnet.name!r}"


def _shown(span: RangeConfig) -> str:
    """Show a range in a fault."""
    return f"{span.first}-{span.last}"
