"""/api/v1/events: the journal, page by page or as Server-Sent Events. The stream gives the same messages."""

import asyncio
from collections import Counter
from typing import Annotated, Any, Final

import msgspec

from fibrix.api import asyncapi, sse
from fibrix.api.feed import Feed, Reader
from fibrix.api.once import Once
from fibrix.api.route import Call, Encoded, Flow, Nothing, Reply, Route
from fibrix.api.stream import NOW, Wanted, position
from fibrix.api.v1.paging import Limit
from fibrix.domain.access import Caller, Permission
from fibrix.domain.ports.gate import Gate
from fibrix.domain.ports.journal import EventNames, Journal
from fibrix.domain.ports.machines import Machines
from fibrix.domain.selection import Selection
from fibrix.errors import NotFoundError, StoreError

BATCH: Final = "application/cloudevents-batch+json"
"""A JSON array of CloudEvents (CloudEvents JSON event format 1.0.2 §4)."""

CloudEventJson = Annotated[msgspec.Raw, msgspec.Meta(extra_json_schema=asyncapi.ENVELOPE)]
"""One event, encoded already."""

Since = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
WaitSeconds = Annotated[float, msgspec.Meta(ge=0, le=30)]


class MachineEventQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which events of a machine."""

    since: Since = 0  # a sequence number; what came after it is given
    limit: Limit = 1000
    type: str = ""  # types, or prefixes as `machine.*`, with commas between them
    wait: WaitSeconds = 0  # seconds to wait for an event when there is none yet


class EventQuery(Wanted, frozen=True, forbid_unknown_fields=True):
    """Which events."""

    since: Since = 0
    limit: Limit = 1000
    wait: WaitSeconds = 0


class FlowQuery(Wanted, frozen=True, forbid_unknown_fields=True):
    """Which events to send as they come; the header Last-Event-ID counts more than `since`."""

    since: str = NOW  # a sequence number, or `now`


class EventRoutes:
    """Events."""

    def __init__(
        self,
        journal: Journal,
        machines: Machines,
        names: EventNames,
        gate: Gate,
        stops: asyncio.Event,
        subscribers: Counter[str],
    ) -> None:
        self._journal = journal
        self._machines = machines
        self._names = names
        self._gate = gate
        self._stops = stops
        self._subscribers = subscribers
        self._document = Once(asyncapi.document)

    def routes(self) -> list[Route]:
        """The part of the route table."""
        may, all_, one = Permission.READ, "/api/v1/events", "/api/v1/machines/{machine}/events"
        flow = "Send events as they come, as Server-Sent Events"
        described = "Describe the stream and every type of event (AsyncAPI 3.0)"
        return [
            Route("GET", all_, self.listing, may, "List events in order", (StoreError,), media=BATCH),
            Route("GET", f"{all_}/sse", self.flow, may, flow, media=sse.MEDIA),
            Route(
                "GET",
                one,
                self.of_machine,
                may,
                "List a machine's events in order",
                (NotFoundError, StoreError),
                media=BATCH,
            ),
            Route("GET", "/api/v1/asyncapi.json", self.asyncapi, Permission.PUBLIC, described),
        ]

    async def listing(self, call: Call[Nothing, EventQuery]) -> Reply[list[CloudEventJson]]:
        """`Fibrix-Next` is the number to go on from, `Fibrix-Head` the newest of all."""
        query = call.query
        feed = self._feed(query.since, call.caller, query.selection(self._names, call.caller))
        return await self._page(feed, query.limit, query.wait)

    async def of_machine(self, call: Call[Nothing, MachineEventQuery]) -> Reply[list[CloudEventJson]]:
        """The same for one machine."""
        query, machine = call.query, self._machines.get(call.path["machine"], call.caller).id
        feed = self._feed(query.since, call.caller, Selection.of(query.type, machine=machine))
        return await self._page(feed, query.limit, query.wait)

    async def flow(self, call: Call[Nothing, FlowQuery]) -> Reply[Flow[bytes]]:
        """It ends when the caller is no longer let in."""
        query, last = call.query, call.headers.get("Last-Event-ID", "")
        where = "header Last-Event-ID" if last else "query parameter since"
        since = position(last or query.since, self._journal.head, where)
        feed = self._feed(since, call.caller, query.selection(self._names, call.caller))
        return Reply(Flow(sse.chunks(feed, self._stops, self._subscribers)), headers=sse.HEADERS)

    async def asyncapi(self, _: Call[Nothing, Nothing]) -> Reply[Encoded[dict[str, Any]]]:
        """Made once, when it is first asked for."""
        return Reply(Encoded(await self._document.get()))

    def _feed(self, since: int, caller: Caller, wanted: Selection) -> Feed:
        return Feed(self._journal, since, Reader(self._gate, caller, wanted))

    async def _page(self, feed: Feed, limit: int, wait_s: float) -> Reply[list[CloudEventJson]]:
        """Walk one page."""
        messages = await feed.page_within(limit, wait_s)
        headers = {"Fibrix-Next": str(feed.position), "Fibrix-Head": str(self._journal.head)}
        return Reply([msgspec.Raw(message) for message in messages], headers=headers)
