"""/api/v1/dns: zones, and what is answered."""

from typing import Annotated

import msgspec

from fibrix.api.listing import ListQuery, Page, listing
from fibrix.api.route import Call, Encoded, Nothing, Reply, Route
from fibrix.api.views import Time
from fibrix.domain.access import Permission
from fibrix.domain.ports.dns import Dns, DnsZoneEdit, DnsZoneSpec, DnsZoneStatus, SecondarySpec
from fibrix.domain.zones.lookup import Outcome
from fibrix.domain.zones.plan import PlannedZone, kind_of
from fibrix.errors import ConflictError, InvalidError, NotFoundError

BASE = "/api/v1/dns/zones"
ONE = BASE + "/{zone}"
LOOKUP = "/api/v1/dns/lookup"


class DnsZoneView(msgspec.Struct, frozen=True, kw_only=True):
    """A zone. Its serial is at `/status`, so that reading it for a change is not outrun by the names of machines."""

    name: str
    kind: str  # `forward` or `reverse`
    automatic: bool  # it is there by itself, because a served subnet needs it
    subnets: tuple[str, ...]  # whose machines have names in it
    ttl: int
    primary: str  # empty: `ns` in the zone
    mailbox: str  # as a name; empty: hostmaster in the zone
    refresh_s: int
    retry_s: int
    expire_s: int
    negative_s: int
    name_servers: tuple[str, ...]  # empty: the primary alone
    secondaries: tuple[SecondarySpec, ...]
    created_at: Time | None  # null: it is there by itself
    revision: int


class LookupQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is asked."""

    name: str
    type: Annotated[str, msgspec.Meta(description="A record type, or ANY")] = "A"


class RecordLine(msgspec.Struct, frozen=True, kw_only=True):
    """A record of an answer."""

    name: str
    type: str
    ttl: int
    value: str


class LookupView(msgspec.Struct, frozen=True, kw_only=True):
    """What the zones here say."""

    name: str
    type: str
    outcome: Outcome
    zone: str  # empty: none here has it
    records: tuple[RecordLine, ...]
    authority: tuple[RecordLine, ...]


class DnsZoneRoutes:
    """Zones."""

    def __init__(self, dns: Dns) -> None:
        self._dns = dns

    def routes(self) -> list[Route]:
        """The part of the route table."""
        see, change, gone = Permission.INSPECT, Permission.OPERATE, (NotFoundError,)
        example = DnsZoneSpec(name="rack.example", secondaries=(SecondarySpec(address="192.0.2.53", key="transfer"),))
        refused = (InvalidError, ConflictError)
        return [
            Route("GET", BASE, self.listing, see, "List zones"),
            Route("POST", BASE, self.add, change, "Declare a zone", refused, 201, example=example),
            Route("GET", ONE, self.get, see, "Show a zone", gone),
            Route("PATCH", ONE, self.edit, change, "Change a zone that was declared", (*gone, *refused)),
            Route("DELETE", ONE, self.delete, change, "Delete a zone and its added records", (*gone, *refused), 204),
            Route("GET", ONE + "/status", self.status, see, "Show how a zone is served", gone),
            Route("GET", LOOKUP, self.lookup, see, "Show what is answered", (InvalidError,)),
        ]

    async def listing(self, call: Call[Nothing, ListQuery]) -> Reply[Encoded[Page[DnsZoneView]]]:
        """By name; those too that are there by themselves."""
        return listing(DnsZoneView, map(zone_view, self._dns.zones()), call.query, lambda view: view.name)

    async def add(self, call: Call[DnsZoneSpec, Nothing]) -> Reply[DnsZoneView]:
        """It may take the place of one that is there by itself."""
        zone = await self._dns.add_zone(call.body)
        return Reply(zone_view(zone), headers={"Location": f"{BASE}/{zone.name}"})

    async def get(self, call: Call[Nothing, Nothing]) -> Reply[DnsZoneView]:
        """By name."""
        return Reply(zone_view(self._dns.zone(call.path["zone"])))

    async def edit(self, call: Call[DnsZoneEdit, Nothing]) -> Reply[DnsZoneView]:
        """What is left out stays."""
        return Reply(zone_view(await self._dns.edit_zone(call.path["zone"], call.body)))

    async def delete(self, call: Call[Nothing, Nothing]) -> Reply[None]:
        """Where a subnet needs one of this name, that one takes its place."""
        await self._dns.delete_zone(call.path["zone"])
        return Reply(None)

    async def status(self, call: Call[Nothing, Nothing]) -> Reply[DnsZoneStatus]:
        """As of now."""
        return Reply(self._dns.status(call.path["zone"]))

    async def lookup(self, call: Call[Nothing, LookupQuery]) -> Reply[LookupView]:
        """From the zones here alone: nobody else is asked."""
        found = self._dns.lookup(call.query.name, call.query.type)
        view = LookupView(
            name=call.query.name.lower().removesuffix("."),
            type=call.query.type.upper(),
            outcome=found.outcome,
            zone=found.zone,
            records=msgspec.convert(found.records, tuple[RecordLine, ...], from_attributes=True),
            authority=msgspec.convert(found.authority, tuple[RecordLine, ...], from_attributes=True),
        )
        return Reply(view)


def zone_view(zone: PlannedZone) -> DnsZoneView:
    """Show a zone."""
    of = zone.declared
    return DnsZoneView(
        name=zone.name,
        kind=kind_of(zone.name),
        automatic=zone.automatic,
        subnets=zone.subnets,
        ttl=zone.ttl,
        primary=of.primary,
        mailbox=of.mailbox,
        refresh_s=of.refresh_s,
        retry_s=of.retry_s,
        expire_s=of.expire_s,
        negative_s=of.negative_s,
        name_servers=of.name_servers,
        secondaries=tuple(
            SecondarySpec(address=str(one.address), port=one.port, key=one.key) for one in zone.secondaries
        ),
        created_at=None if zone.automatic else of.created_at,
        revision=of.revision,
    )
