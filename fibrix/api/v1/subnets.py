"""/api/v1/subnets: subnets of the configuration and of the API, how full they are, their ranges."""

from typing import Literal

import msgspec

from fibrix.api.listing import ListQuery, Page, listing
from fibrix.api.route import Call, Encoded, Nothing, Reply, Route
from fibrix.api.v1.network_views import SubnetView, subnet_view
from fibrix.domain.access import Permission
from fibrix.domain.network_spec import RangeSpec, ReservedSpec, SubnetChanges, SubnetSpec, Words
from fibrix.domain.network_use import RangeUse, Where
from fibrix.domain.ports.networks import Addresses, Listed, Networks
from fibrix.errors import ConflictError, InvalidError, NotFoundError

BASE = "/api/v1/subnets"
ONE = BASE + "/{subnet}"


class ForceQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether what is in use goes too."""

    force: bool = False


class WhereQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which free address."""

    where: Where = Where.OUTSIDE


class NextView(msgspec.Struct, frozen=True, kw_only=True):
    """An address that is free now; it is not kept for anybody by being told."""

    subnet: str
    address: str


class RangeBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A range to be added."""

    first: str
    last: str
    kind: Literal["dynamic", "reserved"] = "dynamic"
    note: Words = ""  # of a reserved one: what it is for


class RangeView(msgspec.Struct, frozen=True, kw_only=True):
    """A range of a subnet; both ends belong to it."""

    first: str
    last: str
    kind: Literal["dynamic", "reserved"]
    note: str
    use: RangeUse | None  # of a dynamic one that is served


class SubnetRoutes:
    """Subnets and their ranges."""

    def __init__(self, networks: Networks, addresses: Addresses) -> None:
        self._networks = networks
        self._addresses = addresses

    def routes(self) -> list[Route]:
        """The part of the route table."""
        see, may = Permission.INSPECT, Permission.OPERATE
        clash = (NotFoundError, ConflictError)
        example = SubnetSpec(
            name="customers",
            interface="eth1",
            network="10.20.0.0/24",
            address="10.20.0.1",
            ranges=(RangeSpec(first="10.20.0.100", last="10.20.0.199"),),
            routers=("10.20.0.1",),
        )
        return [
            Route("GET", BASE, self.listing, see, "List subnets"),
            Route("POST", BASE, self.add, may, "Make a subnet; it is served at once", clash, 201, example=example),
            Route("GET", ONE, self.get, see, "Show a subnet", (NotFoundError,)),
            Route("PATCH", ONE, self.edit, may, "Change a subnet that the API made; lists are replaced whole", clash),
            Route("DELETE", ONE, self.delete, may, "Remove a subnet that the API made", clash, 204),
            Route("GET", ONE + "/next-address", self.next, see, "Tell the next free address", (NotFoundError,)),
            Route("GET", ONE + "/ranges", self.ranges, see, "List a subnet's ranges", (NotFoundError,)),
            Route("POST", ONE + "/ranges", self.add_range, may, "Add a range", clash, 201),
            Route(
                "DELETE", ONE + "/ranges/{first}", self.delete_range, may, "Remove the range that begins so", clash, 204
            ),
        ]

    async def listing(self, call: Call[Nothing, ListQuery]) -> Reply[Encoded[Page[SubnetView]]]:
        """By name."""
        views = [self._view(listed) for listed in self._networks.all()]
        return listing(SubnetView, views, call.query, lambda view: view.name)

    async def add(self, call: Call[SubnetSpec, Nothing]) -> Reply[SubnetView]:
        """Its name is for life."""
        made = self._view(await self._networks.add(call.body))
        return Reply(made, headers={"Location": f"{BASE}/{made.name}"})

    async def get(self, call: Call[Nothing, Nothing]) -> Reply[SubnetView]:
        """One of them."""
        return Reply(self._view(self._networks.get(call.path["subnet"])))

    async def edit(self, call: Call[SubnetChanges, Nothing]) -> Reply[SubnetView]:
        """What is left out stays as it is."""
        return Reply(self._view(await self._networks.update(call.path["subnet"], call.body)))

    async def delete(self, call: Call[Nothing, ForceQuery]) -> Reply[None]:
        """Only when it is empty, unless it is forced."""
        await self._networks.delete(call.path["subnet"], force=call.query.force)
        return Reply(None)

    async def next(self, call: Call[Nothing, WhereQuery]) -> Reply[NextView]:
        """The lowest that nobody holds."""
        subnet = call.path["subnet"]
        return Reply(NextView(subnet=subnet, address=str(self._addresses.next(subnet, call.query.where))))

    async def ranges(self, call: Call[Nothing, ListQuery]) -> Reply[Encoded[Page[RangeView]]]:
        """By their first address."""
        listed = self._networks.get(call.path["subnet"])
        return listing(RangeView, self._ranges(listed), call.query, lambda view: view.first)

    async def add_range(self, call: Call[RangeBody, Nothing]) -> Reply[RangeView]:
        """Dynamic or reserved."""
        body, subnet = call.body, call.path["subnet"]
        if body.kind == "dynamic" and body.note:
            raise InvalidError("only a reserved range has a note", pointer="/note")
        span: RangeSpec | ReservedSpec = RangeSpec(first=body.first, last=body.last)
        if body.kind == "reserved":
            span = ReservedSpec(first=body.first, last=body.last, note=body.note)
        await self._networks.add_range(subnet, span)
        made = RangeView(first=body.first, last=body.last, kind=body.kind, note=body.note, use=None)
        return Reply(made, headers={"Location": f"{BASE}/{subnet}/ranges/{body.first}"})

    async def delete_range(self, call: Call[Nothing, Nothing]) -> Reply[None]:
        """Leases in it run out, and are not renewed."""
        await self._networks.delete_range(call.path["subnet"], call.path["first"])
        return Reply(None)

    def _ranges(self, listed: Listed) -> list[RangeView]:
        use = self._addresses.use(listed.kept.name)
        known = {one.first: one for one in use.ranges} if use else {}
        dynamic = [
            RangeView(first=str(r.first), last=str(r.last), kind="dynamic", note="", use=known.get(str(r.first)))
            for r in listed.kept.subnet.ranges
        ]
        reserved = [
            RangeView(first=str(r.first), last=str(r.last), kind="reserved", note=r.note, use=None)
            for r in listed.kept.reserved
        ]
        return dynamic + reserved

    def _view(self, listed: Listed) -> SubnetView:
        """Show a subnet. One that was only rehearsed is in no use."""
        try:
            use = self._addresses.use(listed.kept.name)
        except NotFoundError:
            use = None
        return subnet_view(listed, use)
