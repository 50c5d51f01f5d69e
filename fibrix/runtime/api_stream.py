"""Following the API's stream of events by websocket, over lost connections."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

import msgspec

from fibrix.errors import ClientError
from fibrix.runtime.api_url import authorization, target, unreachable

SUBPROTOCOL: Final = "cloudevents.json"
"""The websocket subprotocol of CloudEvents in JSON, one event a message (CloudEvents WebSocket binding §3.1)."""

_RETRY_S: Final = 1.0  # between two attempts to get a lost stream back
_GIVE_UP_S: Final = 60.0  # a stream that stays lost for this long is an error
_PING_S: Final = 20.0


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


class Stream:
    """Events after a position, each once and in order, whatever happens to the connection."""

    def __init__(self, url: str, key: str, position: int, *, types: Sequence[str] = (), subject: str = "") -> None:
        self._url = url
        self._key = key
        self._position = position
        self._filter: dict[str, object] = {"type": ",".join(types), "subject": subject}
        self._alive_at: float | None = None  # monotonic: when the connection was last known to be there

    async def texts(self) -> AsyncIterator[str]:
        """Give the JSON text of each event, for ever.

        Raises ClientError when the API refuses, is not there at first, or stays away for a minute.
        """
        clock = asyncio.get_running_loop().time
        while True:
            try:
                async for text in self._one_connection():
                    self._position = msgspec.json.decode(text, type=CloudEvent).seq or self._position
                    yield text
            except ClientError as exc:
                if exc.status or self._alive_at is None or clock() - self._alive_at > _GIVE_UP_S:
                    raise
            await asyncio.sleep(_RETRY_S)

    async def _one_connection(self) -> AsyncIterator[str]:
        """Follow one connection until it ends."""
        import aiohttp  # here, because it is heavy and needed for nothing else of the client  # noqa: PLC0415

        path = self._url.removeprefix("unix:")
        unix = path != self._url
        url = ("http://localhost" if unix else self._url) + target("stream", self._filter | {"since": self._position})
        headers = authorization(self._key)
        try:
            async with (
                aiohttp.ClientSession(connector=aiohttp.UnixConnector(path) if unix else None) as session,
                session.ws_connect(url, headers=headers, protocols=(SUBPROTOCOL,), heartbeat=_PING_S) as socket,
            ):
                try:
                    self._alive_at = asyncio.get_running_loop().time()
                    async for message in socket:
                        yield message.data
                finally:
                    self._alive_at = asyncio.get_running_loop().time()
        except aiohttp.WSServerHandshakeError as exc:
            raise ClientError(f"the stream was refused: {exc.status} {exc.message}", status=exc.status) from exc
        except (aiohttp.ClientError, OSError) as exc:
            raise unreachable(self._url, exc) from exc
