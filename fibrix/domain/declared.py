"""The declared part of a region: what people decide, apart from what happens. As a document, and what differs in two.

A document has a table per section, and in it one per thing, by name. A section that is not there says nothing about it.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from fibrix.domain.access import Role
from fibrix.domain.account import Quota
from fibrix.domain.network import SubnetMode, UnknownPolicy
from fibrix.domain.network_spec import OptionSpec, RangeSpec, ReservedSpec, RouteSpec
from fibrix.domain.zones.names import is_reverse
from fibrix.errors import Fault, InvalidError

FORMAT: Final = 1
_RECORD_PARTS: Final = 4  # zone, name, type, value

Things = Mapping[str, dict[str, Any]]
"""The things of a section by their names, each in plain values, without what is null."""
Document = Mapping[str, Things]
"""Sections by their names."""


class _Declared(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What all have in common."""


class TenantDeclared(_Declared, frozen=True, kw_only=True):
    """A customer."""

    title: str = ""
    quota: Quota = Quota()
    pools: tuple[str, ...] = ("default",)


class UserDeclared(_Declared, frozen=True, kw_only=True):
    """Someone who may log in, without what they log in with."""

    role: Role
    tenant: str = ""  # its name
    disabled: bool = False


class SshKeyDeclared(_Declared, frozen=True, kw_only=True):
    """A public key; its name is `name`, or `tenant/name`."""

    key: str


class ReservationDeclared(_Declared, frozen=True, kw_only=True):
    """An address of a client; its name is `subnet/mac`, or `subnet/id:` and the hex digits of its identifier."""

    address: str
    hostname: str = ""
    options: tuple[OptionSpec, ...] = ()


class WantedDeclared(_Declared, frozen=True, kw_only=True):
    """Which events a webhook gets."""

    types: tuple[str, ...] = ()
    subject: str = ""
    machine: str = ""
    tenant: str = ""


class WebhookDeclared(_Declared, frozen=True, kw_only=True):
    """A webhook of the region's, without its secret."""

    url: str
    wants: WantedDeclared = WantedDeclared()
    parallel: int = 1
    enabled: bool = True


class HashDeclared(_Declared, frozen=True, kw_only=True):
    """Something that is known by its content."""

    sha256: str = ""  # empty: it is broken


class NoteDeclared(_Declared, frozen=True, kw_only=True):
    """A zone or a fabric."""

    note: str = ""


class VlanDeclared(_Declared, frozen=True, kw_only=True):
    """A VLAN; its name here is its fabric and its number, `core.10`."""

    name: str = ""
    interface: str = ""
    mtu: int = 0
    note: str = ""


class SubnetDeclared(_Declared, frozen=True, kw_only=True):
    """A subnet, of the configuration or of the API."""

    interface: str = ""
    network: str
    address: str
    vlan: str = ""
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
    mtu: int = 0
    lease_s: int = 600
    note: str = ""


class SecondaryDeclared(_Declared, frozen=True, kw_only=True):
    """A secondary of a zone."""

    address: str
    port: int = 53
    key: str = ""  # its name: secrets are not declared


class ZoneDeclared(_Declared, frozen=True, kw_only=True):
    """A DNS zone. Those that are there by themselves are not declared."""

    ttl: int = 300
    primary: str = ""
    mailbox: str = ""  # as a name
    refresh_s: int = 3600
    retry_s: int = 600
    expire_s: int = 604800
    negative_s: int = 60
    name_servers: tuple[str, ...] = ()
    secondaries: tuple[SecondaryDeclared, ...] = ()


class RecordDeclared(_Declared, frozen=True, kw_only=True):
    """A record that was added to a zone; its name is `zone name type value`."""

    ttl: int | None = None


KINDS: Final[Mapping[str, type[_Declared]]] = {
    "zones": NoteDeclared,
    "fabrics": NoteDeclared,
    "vlans": VlanDeclared,
    "subnets": SubnetDeclared,
    "images": HashDeclared,
    "scripts": HashDeclared,
    "tenants": TenantDeclared,
    "users": UserDeclared,
    "ssh_keys": SshKeyDeclared,
    "reservations": ReservationDeclared,
    "webhooks": WebhookDeclared,
    "dns_zones": ZoneDeclared,
    "dns_records": RecordDeclared,
    "hidden_networks": NoteDeclared,
}
"""All sections, in an order in which they can be brought about: what is named comes before what names it."""
SETTLED: Final = tuple(name for name in KINDS if name not in {"images", "scripts"})
"""Sections that an import brings about; of subnets, those that are not in the configuration. The others are files."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is not as declared."""

    section: str
    name: str
    before: dict[str, Any] | None  # as it is; None: it is not there
    after: dict[str, Any] | None  # as declared; None: it is not

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that differ."""
        one, other = self.before or {}, self.after or {}
        return tuple(name for name in sorted(one.keys() | other.keys()) if one.get(name) != other.get(name))


def plain(value: _Declared) -> dict[str, Any]:
    """Write a thing in plain values, without what is null or as it would be anyway."""
    told: dict[str, Any] = _told(msgspec.to_builtins(value))
    usual = {field.name: field.default for field in msgspec.structs.fields(value)}
    return {name: said for name, said in told.items() if said != usual[name]}  # msgspec leaves out small numbers only


def _told(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _told(one) for key, one in value.items() if one is not None}
    return [_told(one) for one in value] if isinstance(value, (list, tuple)) else value


def read(table: Mapping[str, Any]) -> dict[str, dict[str, dict[str, Any]]]:
    """Check a document that was read from a file. Raises InvalidError with all its faults."""
    faults = [Fault("its format is none that is known here: 1 is", "/format")] if table.get("format") != FORMAT else []
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for section, things in table.items():
        if section == "format":
            continue
        if section not in KINDS or not isinstance(things, dict):
            faults.append(Fault(f"there is no such section; there are: {', '.join(KINDS)}", f"/{section}"))
            continue
        found[section] = {}
        for name, thing in things.items():
            if section == "dns_records" and len(name.split(maxsplit=_RECORD_PARTS - 1)) != _RECORD_PARTS:
                faults.append(Fault("write it as `zone name type value`", f"/{section}/{name}"))
                continue
            try:
                found[section][name] = plain(msgspec.convert(thing, KINDS[section]))
            except msgspec.ValidationError as exc:
                faults.append(Fault(str(exc), f"/{section}/{name}"))
    if faults:
        raise InvalidError("; ".join(f"{fault.pointer}: {fault.detail}" for fault in faults), faults=faults)
    return found


def differences(declared: Document, there: Document) -> list[Difference]:
    """Compare what is declared with what is there, section by section, in an order in which it can be settled.

    What is to go comes last, and what names something goes before what it names.
    """
    found = [
        Difference(
            section=section, name=name, before=there.get(section, {}).get(name), after=declared[section].get(name)
        )
        for section in KINDS
        if section in declared
        for name in sorted(declared[section].keys() | there.get(section, {}).keys())
    ]
    differ = [one for one in found if one.before != one.after]
    going = [one for one in differ if one.after is None]
    return [one for one in differ if one.after is not None] + going[::-1]


def dangling(declared: Document, there: Document) -> list[Fault]:
    """Find names that lead nowhere: a user of no tenant, a reservation on no subnet."""
    tenants = declared.get("tenants", {}).keys() | there.get("tenants", {}).keys()
    subnets = declared.get("subnets", {}).keys() | there.get("subnets", {}).keys()
    faults = []
    for name, user in declared.get("users", {}).items():
        if user.get("tenant", "") not in tenants | {""}:
            faults.append(Fault(f"there is no tenant {user['tenant']!r}", f"/users/{name}/tenant"))
    for name in declared.get("ssh_keys", {}):
        owner, slash, _ = name.rpartition("/")
        if slash and owner not in tenants:
            faults.append(Fault(f"there is no tenant {owner!r}", f"/ssh_keys/{name}"))
    for name in declared.get("reservations", {}):
        subnet, slash, _ = name.rpartition("/")
        if not slash or subnet not in subnets:
            faults.append(Fault(f"there is no subnet {subnet!r}: write it as `subnet/mac`", f"/reservations/{name}"))
    return [*faults, *_homeless(declared, there)]


def _homeless(declared: Document, there: Document) -> Iterator[Fault]:
    """Find records that are in no zone."""
    zones = declared.get("dns_zones", {}).keys() | there.get("dns_zones", {}).keys()
    for name in declared.get("dns_records", {}):
        zone = name.split()[0]
        if zone not in zones and not is_reverse(zone):
            yield Fault(f"there is no zone {zone!r}", f"/dns_records/{name}")
