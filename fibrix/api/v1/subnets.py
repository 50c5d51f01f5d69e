"""/api/v1/subnets: what the configuration says, how full it is, and reservations."""

from ipaddress import AddressValueError, IPv4Address

import msgspec

from fibrix.api.listing import ListQuery, Page, listing
from fibrix.api.route import Call, Encoded, Nothing, Reply, Route
from fibrix.domain.access import Permission
from fibrix.domain.network import Reservation, Subnet, SubnetMode, UnknownPolicy
from fibrix.domain.ports.networks import Networks, SubnetUse
from fibrix.errors import ConflictError, InvalidError, NotFoundError
from fibrix.types import MacAddress, parse_mac

BASE = "/api/v1/subnets"
ONE = BASE + "/{subnet}"


class RangeView(msgspec.Struct, frozen=True, kw_only=True):
    """A dynamic range; both ends belong to it."""

    first: str
    last: str


class ReservationView(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An address that one MAC always gets and nobody else ever does."""

    mac: str
    address: str
    hostname: str = ""

    @classmethod
    def of(cls, reservation: Reservation) -> "ReservationView":
        """Show a reservation."""
        return cls(mac=reservation.mac, address=str(reservation.address), hostname=reservation.hostname)


class SubnetView(msgspec.Struct, frozen=True, kw_only=True):
    """A subnet; `use` is null where Fibrix does not serve addresses."""

    name: str
    interface: str
    network: str
    address: str  # the controller's own
    mode: SubnetMode
    unknown: UnknownPolicy
    ranges: tuple[RangeView, ...]
    routers: tuple[str, ...]
    dns_servers: tuple[str, ...]
    domain_name: str
    mtu: int
    lease_s: int
    reservations: tuple[ReservationView, ...]
    use: SubnetUse | None


class SubnetRoutes:
    """Subnets and reservations."""

    def __init__(self, networks: Networks) -> None:
        self._networks = networks

    def routes(self) -> list[Route]:
        """The part of the route table."""
        return [
            Route("GET", BASE, self.listing, Permission.INSPECT, "List subnets"),
            Route("GET", ONE, self.get, Permission.INSPECT, "Show a subnet", (NotFoundError,)),
            Route(
                "POST",
                ONE + "/reservations",
                self.reserve,
                Permission.OPERATE,
                "Keep an address for a MAC",
                (NotFoundError, ConflictError),
                201,
            ),
            Route(
                "DELETE",
                ONE + "/reservations/{mac}",
                self.unreserve,
                Permission.OPERATE,
                "Give an address back",
                (NotFoundError,),
                204,
            ),
        ]

    async def listing(self, call: Call[Nothing, ListQuery]) -> Reply[Encoded[Page[SubnetView]]]:
        """By name."""
        views = [self._view(subnet) for subnet in self._networks.subnets()]
        return listing(SubnetView, views, call.query, lambda view: view.name)

    async def get(self, call: Call[Nothing, Nothing]) -> Reply[SubnetView]:
        """One of them."""
        name = call.path["subnet"]
        for subnet in self._networks.subnets():
            if subnet.name == name:
                return Reply(self._view(subnet))
        raise NotFoundError(f"there is no subnet {name!r}")

    async def reserve(self, call: Call[ReservationView, Nothing]) -> Reply[ReservationView]:
        """Check the values here, what they mean for the subnet behind the port."""
        body = call.body
        reservation = Reservation(mac=_mac(body.mac), address=_address(body.address), hostname=body.hostname)
        return Reply(ReservationView.of(await self._networks.reserve(call.path["subnet"], reservation)))

    async def unreserve(self, call: Call[Nothing, Nothing]) -> Reply[None]:
        """By the MAC that it is kept for."""
        await self._networks.unreserve(call.path["subnet"], parse_mac(call.path["mac"]))
        return Reply(None)

    def _view(self, subnet: Subnet) -> SubnetView:
        """Show a subnet: addresses as text."""
        return SubnetView(
            name=subnet.name,
            interface=subnet.interface,
            network=str(subnet.network),
            address=str(subnet.address),
            mode=subnet.mode,
            unknown=subnet.unknown,
            ranges=tuple(RangeView(first=str(r.first), last=str(r.last)) for r in subnet.ranges),
            routers=tuple(map(str, subnet.routers)),
            dns_servers=tuple(map(str, subnet.dns_servers)),
            domain_name=subnet.domain_name,
            mtu=subnet.mtu,
            lease_s=subnet.lease_s,
            reservations=tuple(map(ReservationView.of, subnet.reservations)),
            use=self._networks.use(subnet.name),
        )


def _mac(text: str) -> MacAddress:
    try:
        return parse_mac(text)
    except InvalidError as exc:
        raise InvalidError(str(exc), pointer="/mac") from exc


def _address(text: str) -> IPv4Address:
    try:
        return IPv4Address(text)
    except AddressValueError as exc:
        raise InvalidError(f"not an IPv4 address: {exc}", pointer="/address") from exc
