"""Which zones there are: those that were declared, and the reverse zones that served subnets need."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from ipaddress import IPv4Address
from typing import Final

from fibrix.domain.dns import Authority, Record, Secondary
from fibrix.domain.network import Subnet, SubnetMode
from fibrix.domain.zones.names import check_name, is_reverse, zone_of
from fibrix.domain.zones.reverse import parent_zone, reverse_zones
from fibrix.domain.zones.things import DnsZone
from fibrix.errors import InvalidError

PRIMARY: Final = "ns"
"""The label of a zone's primary where none is named; it has the controller's own addresses."""
MAILBOX: Final = "hostmaster"  # RFC 2142 §7
_CLASS_C: Final = 24  # bits
_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedZone:
    """A zone without what other people and machines put into it."""

    declared: DnsZone  # of a zone that is there by itself: what it would be if it was declared
    automatic: bool  # it is there because a subnet needs it
    authority: Authority
    own: Mapping[str, tuple[Record, ...]]  # by owner: name servers, and the addresses of the primary
    subnets: tuple[str, ...]  # whose machines have names here

    @property
    def name(self) -> str:
        """The zone's name."""
        return self.declared.name

    @property
    def ttl(self) -> int:
        """Of what has none of its own, in seconds."""
        return self.declared.ttl

    @property
    def secondaries(self) -> tuple[Secondary, ...]:
        """Who may have all of it."""
        return self.declared.secondaries


def plan(
    zones: Iterable[DnsZone], subnets: Sequence[Subnet], addresses: Sequence[IPv4Address]
) -> dict[str, PlannedZone]:
    """Tell all zones by name; `addresses` are the controller's own, on which it answers."""
    declared = {zone.name: zone for zone in zones}
    served = [subnet for subnet in subnets if subnet.mode is SubnetMode.SERVE]
    automatic: dict[str, DnsZone] = {}
    uses: dict[str, list[str]] = {}
    for subnet in served:
        forward = zone_of(domain_of(subnet), declared)
        if forward is not None:
            uses.setdefault(forward, []).append(subnet.name)
        for name in _reverse_of(subnet, declared):
            uses.setdefault(name, []).append(subnet.name)
            if name not in declared:
                automatic.setdefault(name, _like(name, declared.get(forward or "")))
    found = {
        name: _planned(zone, addresses, tuple(uses.get(name, ())), automatic=name in automatic)
        for name, zone in sorted((declared | automatic).items())
    }
    return _delegated(found)


def _delegated(zones: dict[str, PlannedZone]) -> dict[str, PlannedZone]:
    """Have each zone lead to those below it, with glue (RFC 1034 §4.2.1): a secondary may have the one alone."""
    found = dict(zones)
    for name, zone in zones.items():
        above_it = zone_of(name.partition(".")[2], zones)
        if above_it is not None:
            parent = found[above_it]
            found[above_it] = replace(parent, own={**zone.own, **parent.own})
    return found


def domain_of(subnet: Subnet) -> str:
    """The domain in which a subnet's machines have their names; empty: in none."""
    try:
        return check_name(subnet.domain_name, pointer="/domain_name") if subnet.domain_name else ""
    except InvalidError:
        return ""


def _reverse_of(subnet: Subnet, declared: Mapping[str, DnsZone]) -> Iterator[str]:
    """Name the reverse zones of a subnet.

    Nobody else leads from the addresses of a private network to a zone of its own, so that this is done here as well.
    """
    yield from reverse_zones(subnet.network)
    if subnet.network.prefixlen > _CLASS_C:
        parent = parent_zone(subnet.network)
        if parent in declared or subnet.network.is_private:
            yield parent


def _like(name: str, forward: DnsZone | None) -> DnsZone:
    """Make a reverse zone by itself: as the zone is that has the names it leads to."""
    if forward is None:
        return DnsZone(name=name, created_at=_LONG_AGO)
    return DnsZone(
        name=name,
        ttl=forward.ttl,
        primary=forward.primary or f"{PRIMARY}.{forward.name}",
        mailbox=forward.mailbox or f"{MAILBOX}.{forward.name}",
        refresh_s=forward.refresh_s,
        retry_s=forward.retry_s,
        expire_s=forward.expire_s,
        negative_s=forward.negative_s,
        name_servers=forward.name_servers,
        secondaries=forward.secondaries,
        created_at=_LONG_AGO,
    )


def _planned(
    zone: DnsZone, addresses: Sequence[IPv4Address], subnets: tuple[str, ...], *, automatic: bool
) -> PlannedZone:
    name, primary = zone.name, zone.primary or f"{PRIMARY}.{zone.name}"
    servers = zone.name_servers or (primary,)
    own = {name: tuple(Record(name=name, type="NS", ttl=zone.ttl, value=server) for server in servers)}
    if primary == f"{PRIMARY}.{name}":
        own[primary] = tuple(Record(name=primary, type="A", ttl=zone.ttl, value=str(one)) for one in addresses)
    authority = Authority(
        primary=primary,
        mailbox=zone.mailbox or f"{MAILBOX}.{name}",
        refresh_s=zone.refresh_s,
        retry_s=zone.retry_s,
        expire_s=zone.expire_s,
        negative_s=zone.negative_s,
    )
    return PlannedZone(declared=zone, automatic=automatic, authority=authority, own=own, subnets=subnets)


def kind_of(zone: str) -> str:
    """Whether a zone has the names of things or those of addresses."""
    return "reverse" if is_reverse(zone) else "forward"
