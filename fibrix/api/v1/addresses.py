"""/api/v1/leases and /api/v1/addresses: who has which address."""

from typing import Annotated

import msgspec

from fibrix.api.listing import ListQuery, Page, listing
from fibrix.api.route import Call, Encoded, Nothing, Reply, Route
from fibrix.api.v1.network_views import AddressView, LeaseView, address_view, lease_view
from fibrix.domain.access import Permission
from fibrix.domain.ports.networks import Addresses
from fibrix.errors import InvalidError
from fibrix.types import parse_mac

Wanted = Annotated[str, msgspec.Meta(description="Empty: any")]


class LeaseQuery(ListQuery, frozen=True, forbid_unknown_fields=True):
    """Which leases."""

    subnet: Wanted = ""
    mac: Wanted = ""
    address: Wanted = ""
    state: Wanted = ""
    hostname: Wanted = ""
    machine: Wanted = ""  # its id or name


class LeaseRoutes:
    """Leases."""

    def __init__(self, addresses: Addresses) -> None:
        self._addresses = addresses

    def routes(self) -> list[Route]:
        """The part of the route table."""
        see = Permission.INSPECT
        return [Route("GET", "/api/v1/leases", self.listing, see, "List leases, ended ones too")]

    async def listing(self, call: Call[Nothing, LeaseQuery]) -> Reply[Encoded[Page[LeaseView]]]:
        """By address."""
        query, now = call.query, self._addresses.now()
        plain = ("subnet", "address", "state", "hostname")
        wanted = {name: value for name in plain if (value := getattr(query, name))}
        if query.mac:
            try:
                wanted["mac"] = parse_mac(query.mac)
            except InvalidError as exc:
                raise InvalidError(str(exc), pointer="/mac") from exc
        views = (lease_view(lease, expired=lease.binding.expires_at <= now) for lease in self._addresses.leases())
        chosen = [
            view
            for view in views
            if all(getattr(view, name) == value for name, value in wanted.items())
            and (not query.machine or query.machine in (view.machine, view.machine_name))
        ]
        return listing(LeaseView, chosen, query, lambda view: view.address)


class AddressRoutes:
    """Single addresses."""

    def __init__(self, addresses: Addresses) -> None:
        self._addresses = addresses

    def routes(self) -> list[Route]:
        """The part of the route table."""
        see = Permission.INSPECT
        return [Route("GET", "/api/v1/addresses/{address}", self.get, see, "Tell who holds an address")]

    async def get(self, call: Call[Nothing, Nothing]) -> Reply[AddressView]:
        """Also one that is in no subnet."""
        return Reply(address_view(self._addresses.held(call.path["address"])))
