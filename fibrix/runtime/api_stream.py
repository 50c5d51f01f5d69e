"""Following the API's stream of events by websocket, over lost connections."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import msgspec

from fibrix.errors import ClientError
from fibrix.runtime.api_url import authorization, target, trusting, unreachable

SUBPROTOCOL: Final = "cloudevents.json"
"""The websocket subprotocol of CloudEvents in JSON, one event a message (CloudEvents WebSocket binding §3.1)."""

GIVE_UP_S: Final = 60.0
"""A stream that stays lost for this long is an error, unless told otherwise."""

_FIRST_PAUSE_S: Final = 0.2  # before a lost connection is made again; doubled with each attempt
_MOST_PAUSE_S: Final = 10.0
_PING_S: Final = 20.0
_HEARTBEAT: Final = "fibrix.heartbeat"


class CloudEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event as the API tells it: CloudEvents 1.0 JSON, with the sequence number as id."""

    id: str
    type: str
    time: str = ""
    subject: str = ""
    data: dict[str, Any] = {}
    cause: str | int = 0

    @property
    def seq(self) -> int:
        """The journal's number; 0 for a message that is not of the journal (`fibrix.gap`)."""
        return int(self.id) if self.id.isdecimal() else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a stream is, and who asks."""

    url: str
    key: str = ""
    ca_file: Path | None = None  # certificates to trust; None: the system's


@dataclass(slots=True)
class Stream:
    """Events after a position, each once and in order, whatever happens to the connection."""

    place: Place
    position: int  # all up to here was given
    wanted: Mapping[str, object] = field(default_factory=dict)  # the query: type, subject, machine, tenant
    give_up_s: float = GIVE_UP_S
    lost: Callable[[str, float], object] = lambda _reason, _pause_s: None  # told of each attempt that failed
    _alive_at: float | None = None  # monotonic: when the connection was last known to be there
    _attempts: int = 0  # since then

    async def texts(self) -> AsyncIterator[str]:
        """Give the JSON text of each event, for ever; heartbeats are kept back.

        Raises ClientError when the API refuses, is not there at first, or stays away for too long.
        """
        while True:
            reason = "the connection ended"
            try:
                async with aclosing(self._one_connection()) as texts:  # type: ignore[type-var]
                    async for text in texts:
                        if self._take(text):
                            yield text
            except ClientError as exc:
                if self._is_final(exc):
                    raise
                reason = str(exc)
            await self._pause(reason)

    def _take(self, text: str) -> bool:
        """Move on to an event; False for a message that is for us alone."""
        event = msgspec.json.decode(text, type=CloudEvent)
        if event.type == _HEARTBEAT:
            self.position = max(self.position, int(event.data.get("position", 0)))
            return False
        self.position = event.seq or self.position
        return True

    def _is_final(self, error: ClientError) -> bool:
        """Tell whether trying again is of no use: a controller, or a proxy before it, may be away for a while."""
        if error.status and error.status < HTTPStatus.INTERNAL_SERVER_ERROR:
            return True
        return self._alive_at is None or asyncio.get_running_loop().time() - self._alive_at > self.give_up_s

    async def _pause(self, reason: str) -> None:
        """Wait before the next attempt, longer each time, and not all clients alike."""
        most_s = min(_FIRST_PAUSE_S * 2**self._attempts, _MOST_PAUSE_S)
        self._attempts = min(self._attempts + 1, 10)
        pause_s = most_s * (500 + secrets.randbelow(500)) / 1000
        self.lost(reason, pause_s)
        await asyncio.sleep(pause_s)

    async def _one_connection(self) -> AsyncIterator[str]:
        """Follow one connection until it ends."""
        import aiohttp  # here, because it is heavy and needed for nothing else of the client  # noqa: PLC0415

        place = self.place
        path = place.url.removeprefix("unix:")
        unix = path != place.url
        query = dict(self.wanted) | {"since": self.position, "heartbeat": int(_PING_S)}
        url = ("http://localhost" if unix else place.url) + target("stream", query)
        trusted = trusting(place.ca_file) if url.startswith("https:") else True
        headers = authorization(place.key)
        try:
            async with (
                aiohttp.ClientSession(connector=aiohttp.UnixConnector(path) if unix else None) as session,
                session.ws_connect(
                    url, headers=headers, protocols=(SUBPROTOCOL,), heartbeat=_PING_S, ssl=trusted
                ) as socket,
            ):
                try:
                    async for message in socket:
                        self._alive_at, self._attempts = asyncio.get_running_loop().time(), 0
                        yield message.data
                finally:
                    self._alive_at = asyncio.get_running_loop().time()
        except aiohttp.WSServerHandshakeError as exc:
            raise ClientError(f"the stream was refused: {exc.status} {exc.message}", status=exc.status) from exc
        except (aiohttp.ClientError, OSError) as exc:
            raise unreachable(place.url, exc) from exc
