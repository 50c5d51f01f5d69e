"""The file's subnets as the domain knows them, held against the same rules as those that the API makes."""

from collections.abc import Iterator, Mapping, Sequence

from fibrix.config.sections import Config, SubnetConfig
from fibrix.domain.names import check_label
from fibrix.domain.network import Subnet, SubnetMode, UnknownPolicy
from fibrix.domain.network_kept import KeptSubnet, Vlan, effective, vlan_id
from fibrix.domain.network_rules import clashes, subnet_faults
from fibrix.domain.network_spec import OptionSpec, RangeSpec, ReservedSpec, RouteSpec, SubnetSpec
from fibrix.domain.network_text import kept_of
from fibrix.errors import InvalidError


def subnets(config: Config) -> tuple[Subnet, ...]:
    """Give the file's subnets as the rack serves them."""
    return tuple(effective(kept, None) for kept in kept_subnets(config))


def kept_subnets(config: Config) -> tuple[KeptSubnet, ...]:
    """Give the file's subnets as they are declared."""
    return tuple(_kept(subnet) for subnet in config.subnets)


def vlans(config: Config) -> tuple[Vlan, ...]:
    """Give the VLANs that the file's subnets name, each on the interface of the first of them."""
    return tuple(_vlans(config.subnets).values())


def interface_roles(config: Config) -> Mapping[str, str]:
    """Give the role of each interface by its name."""
    return {interface.name: interface.role for interface in config.interfaces}


def network_faults(given: Sequence[SubnetConfig], roles: Mapping[str, str] | None) -> Iterator[str]:
    """Find what is wrong with the file's subnets and between them. `roles` is None where they cannot be told."""
    sound: list[KeptSubnet] = []
    for subnet in given:
        try:
            sound.append(_kept(subnet))
        except InvalidError as exc:
            yield from (f"{called(subnet.name)}: {fault.detail}" for fault in exc.faults)
    for kept, fault in clashes(sound):
        yield f"{called(kept.name)}: {fault.detail}"
    known = _vlans(given)
    for kept in sound:
        for fault in subnet_faults(kept, known.get(kept.vlan), roles or {}):
            if roles is not None or fault.pointer != "/interface":
                yield f"{called(kept.name)}: {fault.detail}"


def called(name: str) -> str:
    """Name a subnet in a fault."""
    return f"subnet {name!r}"


def _vlans(given: Sequence[SubnetConfig]) -> dict[str, Vlan]:
    found: dict[str, Vlan] = {}
    for subnet in given:
        if subnet.fabric:
            vlan = Vlan(fabric=subnet.fabric, vid=subnet.vlan, interface=subnet.interface)
            found.setdefault(vlan.id, vlan)
    return found


def _kept(subnet: SubnetConfig) -> KeptSubnet:
    """Read one. Raises InvalidError."""
    if subnet.fabric:
        check_label(subnet.fabric, pointer="/fabric")
    spec = SubnetSpec(
        name=subnet.name,
        network=str(subnet.network or subnet.address.network),
        address=str(subnet.address.ip),
        interface=subnet.interface,
        vlan=vlan_id(subnet.fabric, subnet.vlan) if subnet.fabric else "",
        relayed=subnet.relayed,
        mode=SubnetMode(subnet.mode),
        boot=subnet.boot,
        unknown=UnknownPolicy(subnet.unknown),
        authoritative=subnet.authoritative,
        probe=subnet.probe,
        ranges=tuple(RangeSpec(first=str(r.first), last=str(r.last)) for r in subnet.ranges),
        reserved=tuple(ReservedSpec(first=str(r.first), last=str(r.last), note=r.note) for r in subnet.reserved),
        routers=tuple(map(str, subnet.routers)),
        dns_servers=tuple(map(str, subnet.dns_servers)),
        ntp_servers=tuple(map(str, subnet.ntp_servers)),
        domain_name=subnet.domain_name,
        search_domains=subnet.search_domains,
        routes=tuple(RouteSpec(destination=str(r.destination), router=str(r.router)) for r in subnet.routes),
        options=tuple(OptionSpec(code=o.code, value=o.value) for o in subnet.options),
        mtu=subnet.mtu,
        lease_s=subnet.lease_s,
    )
    return kept_of(spec, any_name=True)
