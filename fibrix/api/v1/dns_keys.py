"""/api/v1/dns/keys: TSIG keys, that secondaries sign with."""

import msgspec

from fibrix.api.listing import ListQuery, Page, listing
from fibrix.api.route import Call, Encoded, Nothing, Reply, Route
from fibrix.api.views import Time
from fibrix.domain.access import Permission
from fibrix.domain.ports.dns import Dns, DnsKeySpec
from fibrix.domain.zones.things import DnsKey
from fibrix.errors import ConflictError, InvalidError, NotFoundError

BASE = "/api/v1/dns/keys"
ONE = BASE + "/{key}"


class DnsKeyView(msgspec.Struct, frozen=True, kw_only=True):
    """A key without its secret."""

    name: str
    algorithm: str
    created_at: Time


class DnsKeySecretView(msgspec.Struct, frozen=True, kw_only=True):
    """A key with its secret, which is shown this once."""

    key: DnsKeyView
    secret: str  # base64


class DnsKeyRoutes:
    """TSIG keys."""

    def __init__(self, dns: Dns) -> None:
        self._dns = dns

    def routes(self) -> list[Route]:
        """The part of the route table."""
        see, change, gone = Permission.INSPECT, Permission.OPERATE, (NotFoundError,)
        refused, stored = (InvalidError, ConflictError), "Store a TSIG key; shows its secret"
        example = DnsKeySpec(name="transfer")
        return [
            Route("GET", BASE, self.listing, see, "List TSIG keys"),
            Route("POST", BASE, self.add, change, stored, refused, 201, example=example, confidential=True),
            Route("GET", ONE, self.get, see, "Show a TSIG key", gone),
            Route("DELETE", ONE, self.delete, change, "Forget a TSIG key", (*gone, ConflictError), 204),
        ]

    async def listing(self, call: Call[Nothing, ListQuery]) -> Reply[Encoded[Page[DnsKeyView]]]:
        """By name."""
        return listing(DnsKeyView, map(key_view, self._dns.keys()), call.query, lambda view: view.name)

    async def add(self, call: Call[DnsKeySpec, Nothing]) -> Reply[DnsKeySecretView]:
        """A secret is made where none is given."""
        key, secret = await self._dns.add_key(call.body)
        view = DnsKeySecretView(key=key_view(key), secret=secret)
        return Reply(view, headers={"Location": f"{BASE}/{key.name}"})

    async def get(self, call: Call[Nothing, Nothing]) -> Reply[DnsKeyView]:
        """By name."""
        return Reply(key_view(self._dns.key(call.path["key"])))

    async def delete(self, call: Call[Nothing, Nothing]) -> Reply[None]:
        """Not while a secondary signs with it."""
        await self._dns.delete_key(call.path["key"])
        return Reply(None)


def key_view(key: DnsKey) -> DnsKeyView:
    """Show a key."""
    return msgspec.convert(key, DnsKeyView, from_attributes=True)
