"""Networks as people write them: addresses as text, options as hex digits. Read with every fault told, written back."""

import re
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network
from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta

from fibrix.domain.names import check_label
from fibrix.domain.network import (
    AddressRange,
    DhcpOption,
    Reservation,
    StaticRoute,
    Subnet,
    SubnetMode,
    UnknownPolicy,
)
from fibrix.domain.network_kept import KeptSubnet, ReservedRange
from fibrix.errors import Fault, InvalidError
from fibrix.types import MacAddress, parse_mac

T = TypeVar("T")

_HEX: Final = re.compile(r"(?:[0-9a-f]{2})+")
_LABEL: Final = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN: Final = re.compile(rf"(?=.{{1,253}}\.?$){_LABEL}(\.{_LABEL})*\.?")
_LEAST_ID: Final = 2  # octets of a client identifier (RFC 2132 §9.14)
_MOST_ID: Final = 255

Lease = Annotated[int, Meta(ge=1, le=0xFFFFFFFF)]
"""Seconds; option 51 has four octets for them (RFC 2132 §9.2)."""
Mtu = Annotated[int, Meta(ge=0, le=65535)]
"""Octets; 0: clients are not told."""
Code = Annotated[int, Meta(ge=0, le=255)]
"""The code of a DHCP option."""
Words = Annotated[str, Meta(max_length=500)]
"""What people write about a thing, for people."""


class _Spec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What all of them have in common."""


class RangeSpec(_Spec, frozen=True, kw_only=True):
    """A dynamic range; both ends belong to it."""

    first: str
    last: str


class ReservedSpec(_Spec, frozen=True, kw_only=True):
    """A range that Fibrix gives to nobody; both ends belong to it."""

    first: str
    last: str
    note: Words = ""


class RouteSpec(_Spec, frozen=True, kw_only=True):
    """A route that clients are told of (option 121, RFC 3442)."""

    destination: str
    router: str


class OptionSpec(_Spec, frozen=True, kw_only=True):
    """A DHCP option as its octets."""

    code: Code
    value: str  # hex digits, two an octet; colons between them are as good


class SubnetSpec(_Spec, frozen=True, kw_only=True):
    """A subnet to be made. `address` is the rack's own; `network` may be left out where it has a prefix length."""

    name: str
    network: str = ""
    address: str
    interface: str = ""  # empty: that of the VLAN
    vlan: str = ""  # as `default.10`
    relayed: bool = False
    mode: SubnetMode = SubnetMode.SERVE
    boot: bool = True
    unknown: UnknownPolicy = UnknownPolicy.ENLIST
    authoritative: bool = True
    probe: bool = True
    ranges: tuple[RangeSpec, ...] = ()
    reserved: tuple[ReservedSpec, ...] = ()
    routers: tuple[str, ...] = ()
    dns_servers: tuple[str, ...] = ()
    ntp_servers: tuple[str, ...] = ()
    domain_name: str = ""
    search_domains: tuple[str, ...] = ()
    routes: tuple[RouteSpec, ...] = ()
    options: tuple[OptionSpec, ...] = ()
    mtu: Mtu = 0
    lease_s: Lease = 600
    note: Words = ""


class SubnetChanges(_Spec, frozen=True, kw_only=True):
    """What is to change of a subnet; what is left out stays as it is, a list is replaced whole."""

    network: str | None = None
    address: str | None = None
    interface: str | None = None
    vlan: str | None = None
    relayed: bool | None = None
    mode: SubnetMode | None = None
    boot: bool | None = None
    unknown: UnknownPolicy | None = None
    authoritative: bool | None = None
    probe: bool | None = None
    ranges: tuple[RangeSpec, ...] | None = None
    reserved: tuple[ReservedSpec, ...] | None = None
    routers: tuple[str, ...] | None = None
    dns_servers: tuple[str, ...] | None = None
    ntp_servers: tuple[str, ...] | None = None
    domain_name: str | None = None
    search_domains: tuple[str, ...] | None = None
    routes: tuple[RouteSpec, ...] | None = None
    options: tuple[OptionSpec, ...] | None = None
    mtu: Mtu | None = None
    lease_s: Lease | None = None
    note: Words | None = None


class _Reader:
    """Reads text, and notes what cannot be read."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []

    def one(self, read: Callable[[str], T], text: str, pointer: str, stand_in: T) -> T:
        """Read one value; where it is none, note that and give what stands in for it."""
        try:
            return read(text)
        except (ValueError, InvalidError) as exc:
            self.faults.append(Fault(str(exc), pointer))
            return stand_in

    def address(self, text: str, pointer: str) -> IPv4Address:
        """Read an address."""
        return self.one(_address, text, pointer, _NOWHERE)

    def addresses(self, texts: tuple[str, ...], pointer: str) -> tuple[IPv4Address, ...]:
        """Read many."""
        return tuple(self.address(text, f"{pointer}/{i}") for i, text in enumerate(texts))

    def domain(self, text: str, pointer: str) -> str:
        """Read a domain name; empty is none."""
        return self.one(_domain, text, pointer, "") if text else ""

    def options(self, given: tuple[OptionSpec, ...]) -> tuple[DhcpOption, ...]:
        """Read options."""
        return tuple(
            DhcpOption(code=one.code, value=self.one(octets, one.value, f"/options/{i}/value", b"\0"))
            for i, one in enumerate(given)
        )

    def network(self, spec: "SubnetSpec") -> IPv4Network:
        """Read the network of a subnet: given by itself, or by the prefix length of the address."""
        if spec.network:
            return self.one(_network, spec.network, "/network", _NO_NETWORK)
        if "/" in spec.address:
            return self.one(_loose_network, spec.address, "/address", _NO_NETWORK)
        self.faults.append(Fault("it is missing: give it as 192.168.1.0/24", "/network"))
        return _NO_NETWORK

    def spans(self, given: Sequence[RangeSpec | ReservedSpec], pointer: str) -> list[tuple[IPv4Address, IPv4Address]]:
        """Read the ends of ranges."""
        return [
            (self.address(one.first, f"{pointer}/{i}/first"), self.address(one.last, f"{pointer}/{i}/last"))
            for i, one in enumerate(given)
        ]

    def routes(self, given: tuple[RouteSpec, ...]) -> tuple[StaticRoute, ...]:
        """Read static routes."""
        return tuple(
            StaticRoute(
                destination=self.one(_network, one.destination, f"/routes/{i}/destination", _NO_NETWORK),
                router=self.address(one.router, f"/routes/{i}/router"),
            )
            for i, one in enumerate(given)
        )

    def close(self) -> None:
        """Raise InvalidError with all that was noted."""
        refuse(self.faults)


_NOWHERE: Final = IPv4Address(0)
_NO_NETWORK: Final = IPv4Network("0.0.0.0/32")


def refuse(faults: list[Fault]) -> None:
    """Raise InvalidError with these faults, if there are any."""
    if faults:
        first = faults[0].detail
        raise InvalidError(first if len(faults) == 1 else f"{first} (and {len(faults) - 1} more)", faults=faults)


def kept_of(spec: SubnetSpec, *, any_name: bool = False) -> KeptSubnet:
    """Read a subnet. Raises InvalidError with every fault of what is written; what it means is looked at elsewhere.

    `any_name`: the configuration file may call it what it wants.
    """
    reader = _Reader()
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
    reader = _Reader()
    made = Reservation(
        mac=client[0],
        client_id=client[1],
        address=reader.address(address, "/address"),
        hostname=reader.domain(hostname, "/hostname"),
        options=reader.options(options),
    )
    reader.close()
    return made


def octets(text: str) -> bytes:
    """Read hex digits, with or without colons. Raises ValueError."""
    digits = text.strip().lower().replace(":", "")
    if not _HEX.fullmatch(digits):
        raise ValueError(f"{text!r} is not octets: write two hex digits for each, as 0a1b")
    return bytes.fromhex(digits)


def _name(text: str) -> str:
    return check_label(text, pointer="/name")


def _address(text: str) -> IPv4Address:
    try:
        return IPv4Address(text)
    except ValueError as exc:
        raise ValueError(f"not an IPv4 address: {exc}") from None


def _network(text: str) -> IPv4Network:
    try:
        return IPv4Network(text)
    except ValueError as exc:
        raise ValueError(f"expected a network, as 192.168.1.0/24: {exc}") from None


def _loose_network(text: str) -> IPv4Network:
    try:
        return IPv4Network(text, strict=False)
    except ValueError as exc:
        raise ValueError(f"expected an address with its prefix length, as 192.168.1.1/24: {exc}") from None


def _domain(text: str) -> str:
    if not _DOMAIN.fullmatch(text):
        raise ValueError(f"{text!r} is no domain name: labels of 1 to 63 of a-z, 0-9 and -, with dots between them")
    return text
