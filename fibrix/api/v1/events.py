"""/api/v1/events: the journal, page by page. The stream gives the same messages as they come."""

from typing import Annotated, Any

import msgspec

from fibrix.api.feed import Feed, Selection
from fibrix.api.route import Call, Nothing, Reply, Route
from fibrix.api.v1.paging import Limit
from fibrix.domain.access import Permission
from fibrix.domain.ports.journal import Journal
from fibrix.domain.ports.machines import Machines
from fibrix.errors import NotFoundError, StoreError

BATCH = "application/cloudevents-batch+json"
"""A JSON array of CloudEvents (CloudEvents JSON event format 1.0.2 §4)."""

_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "A CloudEvents 1.0 event. `id` is the sequence number in the journal.",
    "required": ["specversion", "id", "source", "type"],
    "properties": {
        name: {"type": "string"} for name in ("specversion", "id", "source", "type", "subject", "time", "cause")
    }
    | {"data": {"type": "object"}},
}

CloudEventJson = Annotated[msgspec.Raw, msgspec.Meta(extra_json_schema=_SCHEMA)]
"""One event, encoded already."""

Since = Annotated[int, msgspec.Meta(ge=0)]
WaitSeconds = Annotated[float, msgspec.Meta(ge=0, le=30)]


class MachineEventQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which events of a machine."""

    since: Since = 0  # a sequence number; what came after it is given
    limit: Limit = 1000
    type: str = ""  # types, or prefixes that end in a dot, with commas between them
    wait: WaitSeconds = 0  # seconds to wait for an event when there is none yet


class EventQuery(MachineEventQuery, frozen=True, forbid_unknown_fields=True):
    """Which events."""

    subject: str = ""  # as `machines/m0123456789`


class EventRoutes:
    """Events."""

    def __init__(self, journal: Journal, machines: Machines) -> None:
        self._journal = journal
        self._machines = machines

    def routes(self) -> list[Route]:
        """The part of the route table."""
        one = "/api/v1/machines/{machine}/events"
        errors = (NotFoundError, StoreError)
        return [
            Route(
                "GET",
                "/api/v1/events",
                self.listing,
                Permission.READ,
                "List events in order",
                (StoreError,),
                media=BATCH,
            ),
            Route(
                "GET", one, self.of_machine, Permission.READ, "List a machine's events in order", errors, media=BATCH
            ),
        ]

    async def listing(self, call: Call[Nothing, EventQuery]) -> Reply[list[CloudEventJson]]:
        """`Fibrix-Next` is the number to go on from, `Fibrix-Head` the newest of all."""
        return await self._page(call.query, call.query.subject)

    async def of_machine(self, call: Call[Nothing, MachineEventQuery]) -> Reply[list[CloudEventJson]]:
        """The same for one machine."""
        return await self._page(call.query, f"machines/{self._machines.get(call.path['machine'], call.caller).id}")

    async def _page(self, query: MachineEventQuery, subject: str) -> Reply[list[CloudEventJson]]:
        """Walk one page."""
        feed = Feed(self._journal, query.since, Selection.of(query.type, subject))
        messages = await feed.page_within(query.limit, query.wait)
        headers = {"Fibrix-Next": str(feed.position), "Fibrix-Head": str(self._journal.head)}
        return Reply([msgspec.Raw(message) for message in messages], headers=headers)
