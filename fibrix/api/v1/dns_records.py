"""/api/v1/dns/zones/{zone}/records: what is in a zone."""

import msgspec

from fibrix.api.listing import ListQuery, Page, listing
from fibrix.api.route import Call, Encoded, Nothing, Reply, Route
from fibrix.api.v1.dns import ONE as ZONE
from fibrix.domain.access import Permission
from fibrix.domain.ports.dns import Dns, DnsRecordLine, DnsRecordSpec
from fibrix.domain.zones.things import ZoneRecord
from fibrix.errors import ConflictError, InvalidError, NotFoundError

BASE = ZONE + "/records"
ONE = BASE + "/{record}"


class DnsRecordView(msgspec.Struct, frozen=True, kw_only=True):
    """A record that people added."""

    id: str
    zone: str
    name: str
    type: str
    ttl: int | None  # null: the zone's
    value: str


class DnsRecordRoutes:
    """Records of zones."""

    def __init__(self, dns: Dns) -> None:
        self._dns = dns

    def routes(self) -> list[Route]:
        """The part of the route table."""
        see, change, gone = Permission.INSPECT, Permission.OPERATE, (NotFoundError,)
        refused = (*gone, InvalidError, ConflictError)
        example = DnsRecordSpec(name="www", type="A", value="192.0.2.80")
        return [
            Route("GET", BASE, self.listing, see, "List all records of a zone", gone),
            Route("POST", BASE, self.add, change, "Add a record", refused, 201, example=example),
            Route("GET", ONE, self.get, see, "Show an added record", gone),
            Route("PUT", ONE, self.replace, change, "Put another record in its place", refused, example=example),
            Route("DELETE", ONE, self.delete, change, "Take an added record out", gone, 204),
        ]

    async def listing(self, call: Call[Nothing, ListQuery]) -> Reply[Encoded[Page[DnsRecordLine]]]:
        """By name, as they are served: those of machines and of the zone itself too, which have no id."""
        records = self._dns.records(call.path["zone"])
        return listing(DnsRecordLine, records, call.query, lambda view: f"{view.name} {view.type} {view.value}")

    async def add(self, call: Call[DnsRecordSpec, Nothing]) -> Reply[DnsRecordView]:
        """It is answered when this returns."""
        made = await self._dns.add_record(call.path["zone"], call.body)
        place = f"{BASE.format(zone=made.zone)}/{made.id}"
        return Reply(record_view(made), headers={"Location": place})

    async def get(self, call: Call[Nothing, Nothing]) -> Reply[DnsRecordView]:
        """By its id."""
        return Reply(record_view(self._dns.record(call.path["zone"], call.path["record"])))

    async def replace(self, call: Call[DnsRecordSpec, Nothing]) -> Reply[DnsRecordView]:
        """It keeps its id."""
        return Reply(record_view(await self._dns.replace_record(call.path["zone"], call.path["record"], call.body)))

    async def delete(self, call: Call[Nothing, Nothing]) -> Reply[None]:
        """It is answered no more when this returns."""
        await self._dns.delete_record(call.path["zone"], call.path["record"])
        return Reply(None)


def record_view(record: ZoneRecord) -> DnsRecordView:
    """Show an added record."""
    return msgspec.convert(record, DnsRecordView, from_attributes=True)
