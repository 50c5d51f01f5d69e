"""What values say together: subnets that overlap, ranges that leave their subnet, two services on one port."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import ip_network
from itertools import combinations
from typing import Any

from fibrix.config.networks import interface_roles, network_faults
from fibrix.config.sections import ApiConfig, Config, DnsConfig
from fibrix.domain.network_rules import interface_fault

PORT_SECTIONS = frozenset({"api", "machines", "boot", "dhcp", "dns"})
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.:-]*[A-Za-z0-9])?")


def conflicts(values: Mapping[str, Any], unsound: set[str]) -> list[str]:
    """Find the faults among values that are sound by themselves; what is unsound is left out of the comparison."""
    sound = Config(**values)
    faults = list(_names("subnets", [subnet.name for subnet in sound.subnets]))
    faults += network_faults(sound.subnets, None if "interfaces" in unsound else interface_roles(sound))
    if "api" not in unsound:
        faults += _api(sound.api)
    if "dns" not in unsound:
        faults += _dns(sound.dns)
    if unsound.isdisjoint({"discovery", "interfaces"}):
        faults += _discovery(sound)
    faults += _names("interfaces", [interface.name for interface in sound.interfaces])
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


def _dns(dns: DnsConfig) -> Iterator[str]:
    """Find forwarders that would lead back here, and addresses that nobody can be asked on."""
    for index, address in enumerate(dns.listen):
        if address.is_unspecified or address.is_multicast:
            yield f"dns.listen[{index}]: {address} is no address of this machine: name each one"
    for index, address in enumerate(dns.forwarders):
        if address in dns.listen:
            yield f"dns.forwarders[{index}]: {address} is where Fibrix itself answers"
        elif address.is_unspecified or address.is_multicast:
            yield f"dns.forwarders[{index}]: {address} is no resolver's address"


def _discovery(config: Config) -> Iterator[str]:
    """Find interfaces that are to be heard promiscuously, and are not heard at all."""
    for index, name in enumerate(config.discovery.promiscuous):
        if fault := interface_fault(name, interface_roles(config)):
            yield f"discovery.promiscuous[{index}]: {fault}"


def _names(path: str, names: Iterable[str]) -> Iterator[str]:
    """Find names that are used twice."""
    yield from (f"{path}: the name {name!r} is used {n} times" for name, n in Counter(names).items() if n > 1)


def _ports(config: Config) -> Iterator[str]:
    """Find ports that two services want."""
    tcp = {"api.port": config.api.port, "machines.port": config.machines.port, "boot.http_port": config.boot.http_port}
    dns = {"dns.port": config.dns.port} if config.dns.enabled else {}
    udp = {
        "boot.tftp_port": config.boot.tftp_port,
        "dhcp.server_port": config.dhcp.server_port,
        "dhcp.client_port": config.dhcp.client_port,
    }
    for protocol, ports in (("TCP", tcp | dns), ("UDP", udp | dns)):
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
