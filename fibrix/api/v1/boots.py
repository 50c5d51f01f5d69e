"""/api/v1/machines/{machine}/boots: the last boots of a machine, step by step."""

from typing import Final

from fibrix.api.listing import ListQuery, Page, listing
from fibrix.api.route import Call, Encoded, Nothing, Reply, Route
from fibrix.domain.access import Permission
from fibrix.domain.ports.boots import BootBook, PastBoot
from fibrix.domain.ports.machines import Machines
from fibrix.errors import NotFoundError

PATH: Final = "/api/v1/machines/{machine}/boots"
_MOST_EVENTS: Final = 10**18


class BootRoutes:
    """Boots."""

    def __init__(self, machines: Machines, boots: BootBook) -> None:
        self._machines = machines
        self._boots = boots

    def routes(self) -> list[Route]:
        """The part of the route table."""
        said = "List its last boots, newest first, with what was seen when, how long it took and how it ended"
        return [Route("GET", PATH, self.listing, Permission.READ, said, (NotFoundError,))]

    async def listing(self, call: Call[Nothing, ListQuery]) -> Reply[Encoded[Page[PastBoot]]]:
        """As far as the journal reaches back, 100 at most; a tenant's users see those of when it was theirs."""
        machine = self._machines.get(call.path["machine"], call.caller)
        boots = await self._boots.boots(machine.id, call.caller)
        return listing(PastBoot, boots, call.query, lambda boot: f"{_MOST_EVENTS - boot.event:018}")
