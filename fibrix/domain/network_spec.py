"""Networks as people write them: addresses as text, options as hex digits."""

from typing import Annotated

import msgspec
from msgspec import Meta

from fibrix.domain.network import SubnetMode, UnknownPolicy

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
