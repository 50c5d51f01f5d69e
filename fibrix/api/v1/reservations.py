"""/api/v1/subnets/{subnet}/reservations: addresses that are kept for one client each."""

from fibrix.api.listing import ListQuery, Page, listing
from fibrix.api.route import Call, Encoded, Nothing, Reply, Route
from fibrix.api.v1.network_views import ReservationView, reservation_view
from fibrix.domain.access import Permission
from fibrix.domain.ports.networks import ReservationChanges, Reservations, ReservationSpec
from fibrix.errors import ConflictError, NotFoundError

BASE = "/api/v1/subnets/{subnet}/reservations"
ONE = BASE + "/{client}"


class ReservationRoutes:
    """Reservations, also in subnets of the configuration file. {client}: a MAC, `id:` and an identifier, an address."""

    def __init__(self, reservations: Reservations) -> None:
        self._reservations = reservations

    def routes(self) -> list[Route]:
        """The part of the route table."""
        see, may = Permission.INSPECT, Permission.OPERATE
        clash = (NotFoundError, ConflictError)
        example = ReservationSpec(mac="52:54:00:77:00:01", address="192.168.1.20", hostname="web-1")
        return [
            Route("GET", BASE, self.listing, see, "List a subnet's reservations", (NotFoundError,)),
            Route("POST", BASE, self.add, may, "Keep an address for a client", clash, 201, example=example),
            Route("GET", ONE, self.get, see, "Show a reservation", (NotFoundError,)),
            Route("PATCH", ONE, self.edit, may, "Change a reservation", clash),
            Route("DELETE", ONE, self.delete, may, "Give an address back", (NotFoundError,), 204),
        ]

    async def listing(self, call: Call[Nothing, ListQuery]) -> Reply[Encoded[Page[ReservationView]]]:
        """By client."""
        views = map(reservation_view, self._reservations.all(call.path["subnet"]))
        return listing(ReservationView, views, call.query, lambda view: view.client)

    async def add(self, call: Call[ReservationSpec, Nothing]) -> Reply[ReservationView]:
        """The next free address, where none is given."""
        subnet = call.path["subnet"]
        made = reservation_view(await self._reservations.add(subnet, call.body))
        return Reply(made, headers={"Location": f"/api/v1/subnets/{subnet}/reservations/{made.client}"})

    async def get(self, call: Call[Nothing, Nothing]) -> Reply[ReservationView]:
        """One of them."""
        return Reply(reservation_view(self._reservations.get(call.path["subnet"], call.path["client"])))

    async def edit(self, call: Call[ReservationChanges, Nothing]) -> Reply[ReservationView]:
        """What is left out stays as it is."""
        changed = await self._reservations.update(call.path["subnet"], call.path["client"], call.body)
        return Reply(reservation_view(changed))

    async def delete(self, call: Call[Nothing, Nothing]) -> Reply[None]:
        """Its client keeps the address for as long as its lease runs."""
        await self._reservations.delete(call.path["subnet"], call.path["client"])
        return Reply(None)
