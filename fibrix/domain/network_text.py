"""From what people write to what networks are, and back."""

from typing import Final

import msgspec

from fibrix.domain.names import check_label
from fibrix.domain.network import AddressRange, DhcpOption, Reservation, Subnet
from fibrix.domain.network_kept import KeptSubnet, ReservedRange
from fibrix.domain.network_reader import NetworkReader, octets
from fibrix.domain.network_spec import OptionSpec, RangeSpec, ReservedSpec, RouteSpec, SubnetChanges, SubnetSpec
from fibrix.errors import InvalidError
from fibrix.types import MacAddress, parse_mac

_LEAST_ID: Final = 2  # octets of a client identifier (RFC 2132 §9.14)
_MOST_ID: Final = 255


def kept_of(spec: SubnetSpec, *, any_name: bool = False) -> KeptSubnet:
    """Read a subnet. Raises InvalidError with every fault of what is written; what it means is looked at elsewhere.

    `any_name`: the configuration file may call it what it wants.
    """
    reader = NetworkReader()
    subnet = Subnet(
        name=spec.name if any_name else reader.one(_name, spec.name, "/name", ""),
        interface=spec.interface,
        network=reader.network(spec),
        address=reader.address(spec.address.partition("/")[0], "/address"),
        relayed=spec.relayed,
        mode=spec.mode,
        boot=spec.boot,
        unknown=spec.unknown,
        authoritative=spec.authoritative,
        probe=spec.probe,
        ranges=tuple(AddressRange(first=first, last=last) for first, last in reader.spans(spec.ranges, "/ranges")),
        routers=reader.addresses(spec.routers, "/routers"),
        dns_servers=reader.addresses(spec.dns_servers, "/dns_servers"),
        ntp_servers=reader.addresses(spec.ntp_servers, "/ntp_servers"),
        domain_name=reader.domain(spec.domain_name, "/domain_name"),
        search_domains=tuple(reader.domain(d, f"/search_domains/{i}") for i, d in enumerate(spec.search_domains)),
        routes=reader.routes(spec.routes),
        options=reader.options(spec.options),
        mtu=spec.mtu,
        lease_s=spec.lease_s,
    )
    reserved = tuple(
        ReservedRange(first=first, last=last, note=given.note)
        for given, (first, last) in zip(spec.reserved, reader.spans(spec.reserved, "/reserved"), strict=True)
    )
    reader.close()
    return KeptSubnet(subnet=subnet, vlan=spec.vlan, reserved=reserved, note=spec.note)


def spec_of(kept: KeptSubnet) -> SubnetSpec:
    """Write a subnet."""
    subnet = kept.subnet
    return SubnetSpec(
        name=subnet.name,
        network=str(subnet.network),
        address=str(subnet.address),
        interface=subnet.interface,
        vlan=kept.vlan,
        relayed=subnet.relayed,
        mode=subnet.mode,
        boot=subnet.boot,
        unknown=subnet.unknown,
        authoritative=subnet.authoritative,
        probe=subnet.probe,
        ranges=tuple(RangeSpec(first=str(r.first), last=str(r.last)) for r in subnet.ranges),
        reserved=tuple(ReservedSpec(first=str(r.first), last=str(r.last), note=r.note) for r in kept.reserved),
        routers=tuple(map(str, subnet.routers)),
        dns_servers=tuple(map(str, subnet.dns_servers)),
        ntp_servers=tuple(map(str, subnet.ntp_servers)),
        domain_name=subnet.domain_name,
        search_domains=subnet.search_domains,
        routes=tuple(RouteSpec(destination=str(r.destination), router=str(r.router)) for r in subnet.routes),
        options=options_of(subnet.options),
        mtu=subnet.mtu,
        lease_s=subnet.lease_s,
        note=kept.note,
    )


def changed(kept: KeptSubnet, changes: SubnetChanges) -> KeptSubnet:
    """Apply changes. Raises InvalidError."""
    given = {name: value for name, value in msgspec.structs.asdict(changes).items() if value is not None}
    if "address" in given and "/" in given["address"] and "network" not in given:
        given["network"] = ""
    return kept_of(msgspec.structs.replace(spec_of(kept), **given), any_name=True)


def options_of(options: tuple[DhcpOption, ...]) -> tuple[OptionSpec, ...]:
    """Write options."""
    return tuple(OptionSpec(code=one.code, value=one.value.hex()) for one in options)


def client_of(mac: str, client_id: str) -> tuple[MacAddress, str]:
    """Read whose a reservation is: a MAC or a client identifier, one of them. Raises InvalidError."""
    if bool(mac) == bool(client_id):
        raise InvalidError("give the client's MAC or its identifier, one of them", pointer="/mac")
    if mac:
        try:
            return parse_mac(mac), ""
        except InvalidError as exc:
            raise InvalidError(str(exc), pointer="/mac") from exc
    try:
        identifier = octets(client_id)
    except ValueError as exc:
        raise InvalidError(str(exc), pointer="/client_id") from exc
    if not _LEAST_ID <= len(identifier) <= _MOST_ID:
        words = f"a client identifier has {_LEAST_ID} to {_MOST_ID} octets, this one {len(identifier)}"
        raise InvalidError(words, pointer="/client_id")
    return MacAddress(""), identifier.hex()


def reservation_of(
    client: tuple[MacAddress, str], address: str, hostname: str, options: tuple[OptionSpec, ...]
) -> Reservation:
    """Read a reservation. Raises InvalidError with every fault."""
    reader = NetworkReader()
    made = Reservation(
        mac=client[0],
        client_id=client[1],
        address=reader.address(address, "/address"),
        hostname=reader.domain(hostname, "/hostname"),
        options=reader.options(options),
    )
    reader.close()
    return made


def _name(text: str) -> str:
    return check_label(text, pointer="/name")
