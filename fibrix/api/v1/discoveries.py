"""/api/v1/discoveries: every host that was heard on the wire; /api/v1/hidden-networks: what nothing is kept of."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from datetime import datetime

from fibrix.api.listing import ListQuery, Page, listing
from fibrix.api.long_list import long_listing
from fibrix.api.route import Call, Encoded, Nothing, Reply, Route
from fibrix.api.v1.discovery_views import (
    DiscoveryDetail,
    DiscoveryQuery,
    DiscoveryView,
    discovery_detail,
    discovery_view,
)
from fibrix.api.views import MachineView, machine_view
from fibrix.domain.access import Permission
from fibrix.domain.census.hiding import HiddenNetwork
from fibrix.domain.ports.discoveries import Discoveries, HiddenNetworks, HiddenSpec, MarkChanges, NewMachine
from fibrix.errors import ConflictError, NotFoundError, StoreError
from fibrix.types import MacAddress

BASE = "/api/v1/discoveries"
ONE = BASE + "/{mac}"
HIDDEN = "/api/v1/hidden-networks"
ONE_HIDDEN = HIDDEN + "/{hidden}"


class DiscoveryRoutes:
    """Hosts that were heard."""

    def __init__(self, discoveries: Discoveries, now: Callable[[], datetime]) -> None:
        self._discoveries = discoveries
        self._now = now

    def routes(self) -> list[Route]:
        """The part of the route table."""
        see, may = Permission.INSPECT, Permission.OPERATE
        here, clash = (NotFoundError, StoreError), (NotFoundError, ConflictError)
        forget = "Forget a host, and what people say of it, until it is heard again"
        machine = "Make a machine of a host, or accept the one that waits for it"
        return [
            Route("GET", BASE, self.listing, see, "List hosts that were heard on the wire", (StoreError,)),
            Route("GET", ONE, self.get, see, "Show a host, with hosts that may be its BMC", here),
            Route("PATCH", ONE, self.edit, may, "Name, note, hide or ignore a host", (NotFoundError,)),
            Route("DELETE", ONE, self.delete, may, forget, (NotFoundError,), 204),
            Route("POST", ONE + "/machine", self.add_machine, may, machine, clash, 201),
        ]

    async def listing(self, call: Call[Nothing, DiscoveryQuery]) -> Reply[Encoded[Page[DiscoveryView]]]:
        """By MAC."""
        choose = call.query.choice(self._now(), self._discoveries.in_subnet)

        async def read(after: str) -> AsyncGenerator[Sequence[DiscoveryView], None]:
            async with aclosing(self._discoveries.pages(after)) as pages:
                async for page in pages:
                    yield [discovery_view(found) for found in page if choose(found)]

        async def again(macs: Sequence[str]) -> Sequence[DiscoveryView]:
            return [discovery_view(found) for found in await self._discoveries.some([MacAddress(mac) for mac in macs])]

        return await long_listing(DiscoveryView, read, again, call.query, lambda view: view.mac)

    async def get(self, call: Call[Nothing, Nothing]) -> Reply[DiscoveryDetail]:
        """By MAC, however it is written."""
        found = await self._discoveries.get(call.path["mac"])
        return Reply(discovery_detail(found, tuple(await self._discoveries.candidates(found))))

    async def edit(self, call: Call[MarkChanges, Nothing]) -> Reply[DiscoveryView]:
        """What is left out stays as it is."""
        return Reply(discovery_view(await self._discoveries.mark(call.path["mac"], call.body)))

    async def delete(self, call: Call[Nothing, Nothing]) -> Reply[None]:
        """No event says that it is heard again: to those who hear it it is not new."""
        await self._discoveries.forget(call.path["mac"])
        return Reply(None)

    async def add_machine(self, call: Call[NewMachine, Nothing]) -> Reply[MachineView]:
        """It counts as accepted. Which host is its BMC is for the caller to say."""
        machine = await self._discoveries.add_machine(call.path["mac"], call.body)
        return Reply(machine_view(machine, call.caller), headers={"Location": f"/api/v1/machines/{machine.id}"})


class HiddenNetworkRoutes:
    """Networks that are hidden for good."""

    def __init__(self, hidden: HiddenNetworks) -> None:
        self._hidden = hidden

    def routes(self) -> list[Route]:
        """The part of the route table."""
        see, may = Permission.INSPECT, Permission.OPERATE
        here = (NotFoundError,)
        add = "Hide a network for good: what is kept of its hosts is forgotten"
        example = HiddenSpec(network="203.0.113.0/24", note="the transit provider's side")
        return [
            Route("GET", HIDDEN, self.listing, see, "List networks of whose hosts nothing is kept"),
            Route("POST", HIDDEN, self.add, may, add, (ConflictError,), 201, example=example),
            Route("GET", ONE_HIDDEN, self.get, see, "Show a hidden network", here),
            Route("DELETE", ONE_HIDDEN, self.delete, may, "Hide a network no more", here, 204),
        ]

    async def listing(self, call: Call[Nothing, ListQuery]) -> Reply[Encoded[Page[HiddenNetwork]]]:
        """By id."""
        return listing(HiddenNetwork, self._hidden.all(), call.query, lambda hidden: hidden.id)

    async def add(self, call: Call[HiddenSpec, Nothing]) -> Reply[HiddenNetwork]:
        """Events about its hosts that are in the journal stay there until they are old."""
        made = await self._hidden.add(call.body)
        return Reply(made, headers={"Location": f"{HIDDEN}/{made.id}"})

    async def get(self, call: Call[Nothing, Nothing]) -> Reply[HiddenNetwork]:
        """By id."""
        return Reply(self._hidden.get(call.path["hidden"]))

    async def delete(self, call: Call[Nothing, Nothing]) -> Reply[None]:
        """Its hosts come back when they are heard."""
        await self._hidden.delete(call.path["hidden"])
        return Reply(None)
