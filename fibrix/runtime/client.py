"""A small client of the API, for the command line and the lab: calls by HTTP, events by websocket.

A URL is `http://host:port`, `https://host:port` or `unix:/path/of/api.sock`. A path that starts with a slash is taken
as it is (`/healthz`); any other is below `/api/v1/` (`machines`).
"""

import asyncio
import http.client
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, closing
from pathlib import Path
from typing import Any, BinaryIO, Final, Self

import msgspec

from fibrix.errors import ClientError, RehearsedError
from fibrix.runtime.api_stream import GIVE_UP_S, CloudEvent, Place, Stream
from fibrix.runtime.api_url import authorization, connect, read_key, target, unreachable

READING: Final = frozenset({"GET", "HEAD"})
_PIECE_BYTES: Final = 256 << 10
_CALL_S: Final = 90.0  # a call may wait for a slow BMC behind the API, which has limits of its own


class Answer(msgspec.Struct, frozen=True):
    """What the API answered to one call. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def content_type(self) -> str:
        """The media type of the body."""
        return self.headers.get("content-type", "")

    def value(self) -> Any:
        """Decode a JSON body; None for an empty one. Raises ClientError for anything else."""
        if not self.body:
            return None
        try:
            return msgspec.json.decode(self.body)
        except msgspec.DecodeError as exc:
            raise ClientError(f"the answer is not JSON ({self.content_type}): {exc}", status=self.status) from exc


class BlockingClient:
    """Calls the API, one connection per call. Every method raises ClientError, with the API's own words.

    With `rehearse`, calls that would change something change nothing (`dry_run=true`), and raise RehearsedError.
    """

    def __init__(
        self,
        url: str,
        key: str = "",
        *,
        ca_file: Path | None = None,
        rehearse: bool = False,
        timeout_s: float = _CALL_S,
    ) -> None:
        self.url = url.rstrip("/")
        self.key = key
        self.ca_file = ca_file
        self._rehearse = rehearse
        self._timeout_s = timeout_s

    @classmethod
    def local(cls, state_dir: Path) -> Self:
        """Find the controller whose state is in this folder: its socket and its admin key. Raises ClientError."""
        return cls(f"unix:{state_dir / 'api.sock'}", read_key(state_dir / "admin.key"))

    def get(self, path: str, **query: object) -> Any:
        """GET; gives the decoded body."""
        return self.call("GET", path, query=query).value()

    def post(self, path: str, body: object = None) -> Any:
        """POST; gives the decoded body."""
        return self.call("POST", path, body).value()

    def patch(self, path: str, body: object, *, version: str = "*") -> Any:
        """PATCH what has this ETag, by default whatever it is by now; gives the decoded body."""
        return self.call("PATCH", path, body, headers={"If-Match": version}).value()

    def delete(self, path: str) -> Any:
        """DELETE; gives the decoded body, None as a rule."""
        return self.call("DELETE", path).value()

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        query: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Make one call. Raises ClientError when the API says no (its status) or is not reached (0), RehearsedError."""
        if not self._rehearse or method in READING:
            return checked(self.exchange(method, path, body, query=query, headers=headers))
        rehearsal = {**(query or {}), "dry_run": "true"}
        raise RehearsedError(checked(self.exchange(method, path, body, query=rehearsal, headers=headers)).value())

    def exchange(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        query: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Make one call and give the answer, good or bad. Raises ClientError when the API is not reached."""
        sent = {"Accept": "*/*"} | authorization(self.key) | dict(headers or {})
        content = None if body is None else msgspec.json.encode(body)
        if content is not None:
            sent["Content-Type"] = "application/json"
        connection = connect(self.url, self._timeout_s, self.ca_file)
        try:
            connection.request(method, target(path, query or {}), content, sent)
            response = connection.getresponse()
            given = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, given, response.read())
        except (OSError, http.client.HTTPException) as exc:
            raise unreachable(self.url, exc) from exc
        finally:
            connection.close()

    def download(self, path: str, sink: BinaryIO, *, query: Mapping[str, object] | None = None) -> int:
        """GET into a file, piece by piece; gives the number of bytes. Raises ClientError; OSError: the file's.

        What came before an error stays in the file.
        """
        size = 0
        with closing(connect(self.url, self._timeout_s, self.ca_file)) as connection:
            response = self._begun(connection, target(path, query or {}))
            while piece := self._piece(response):
                size += sink.write(piece)
        return size

    def _begun(self, connection: http.client.HTTPConnection, wanted: str) -> http.client.HTTPResponse:
        """Send a request for a body that is read piece by piece. Raises ClientError."""
        try:
            connection.request("GET", wanted, None, {"Accept": "*/*"} | authorization(self.key))
            response = connection.getresponse()
            if response.status >= http.HTTPStatus.BAD_REQUEST:
                given = {name.lower(): value for name, value in response.getheaders()}
                checked(Answer(response.status, given, response.read()))
        except (OSError, http.client.HTTPException) as exc:
            raise unreachable(self.url, exc) from exc
        return response

    def _piece(self, response: http.client.HTTPResponse) -> bytes:
        """Read on. Raises ClientError where the connection fails."""
        try:
            return response.read(_PIECE_BYTES)
        except (OSError, http.client.HTTPException) as exc:
            raise ClientError(f"the connection to {self.url} broke off: {exc}") from exc


class Client:
    """The same for asyncio, with the stream of events. Every method raises ClientError."""

    def __init__(
        self,
        url: str,
        key: str = "",
        *,
        ca_file: Path | None = None,
        rehearse: bool = False,
        timeout_s: float = _CALL_S,
    ) -> None:
        self._blocking = BlockingClient(url, key, ca_file=ca_file, rehearse=rehearse, timeout_s=timeout_s)

    @classmethod
    def local(cls, state_dir: Path) -> Self:
        """Find the controller whose state is in this folder: its socket and its admin key. Raises ClientError."""
        found = BlockingClient.local(state_dir)
        return cls(found.url, found.key)

    async def get(self, path: str, **query: object) -> Any:
        """GET; gives the decoded body."""
        return await asyncio.to_thread(self._blocking.get, path, **query)

    async def post(self, path: str, body: object = None) -> Any:
        """POST; gives the decoded body."""
        return await asyncio.to_thread(self._blocking.post, path, body)

    async def patch(self, path: str, body: object, *, version: str = "*") -> Any:
        """PATCH what has this ETag, by default whatever it is by now; gives the decoded body."""
        return await asyncio.to_thread(self._blocking.patch, path, body, version=version)

    async def delete(self, path: str) -> Any:
        """DELETE; gives the decoded body, None as a rule."""
        return await asyncio.to_thread(self._blocking.delete, path)

    async def call(self, method: str, path: str, *, query: Mapping[str, object] | None = None) -> Answer:
        """Make one call without a body; gives the answer as it is."""
        return await asyncio.to_thread(self._blocking.call, method, path, query=query)

    async def head(self) -> int:
        """Ask for the newest event's sequence number."""
        answer = await self.call("GET", "events", query={"limit": 1})
        return int(answer.headers.get("fibrix-head", "0"))

    async def follow(
        self, since: int | None = None, *, types: Sequence[str] = (), subject: str = ""
    ) -> AsyncIterator[CloudEvent]:
        """Give each event after number `since` once and in order, for ever; None: from now on.

        A lost connection is made again and resumes after the last number. Raises ClientError when the API refuses, is
        not there at first, or stays away for a minute.
        """
        async with aclosing(self.follow_texts(since, {"type": ",".join(types), "subject": subject})) as texts:  # type: ignore[type-var]
            async for text in texts:
                yield msgspec.json.decode(text, type=CloudEvent)

    async def follow_texts(
        self,
        since: int | None,
        wanted: Mapping[str, object],
        *,
        give_up_s: float = GIVE_UP_S,
        lost: Callable[[str, float], object] = lambda _reason, _pause_s: None,
    ) -> AsyncIterator[str]:
        """Give the JSON text of each event, as `follow` does; `wanted` is the query: type, subject, machine, tenant.

        `lost` is told why a connection was lost, and in how many seconds it is tried again.
        """
        position = await self.head() if since is None else since
        called = self._blocking
        place = Place(url=called.url, key=called.key, ca_file=called.ca_file)
        stream = Stream(place, position, wanted, give_up_s, lost)
        async with aclosing(stream.texts()) as texts:  # type: ignore[type-var]
            async for text in texts:
                yield text


def checked(answer: Answer) -> Answer:
    """Pass a good answer on. Raises ClientError with the API's own words for a bad one (RFC 9457)."""
    if answer.status < http.HTTPStatus.BAD_REQUEST:
        return answer
    problem = answer.value() if "json" in answer.content_type else None
    if not isinstance(problem, dict):
        raise ClientError(f"the API answered {answer.status}", status=answer.status)
    detail = str(problem.get("detail") or problem.get("title") or f"the API answered {answer.status}")
    raise ClientError("\n".join(_places(problem, detail)), status=answer.status)


def _places(problem: Mapping[str, Any], detail: str) -> list[str]:
    """Tell each fault with its place, one a line."""
    faults = problem.get("faults") or [{"detail": detail, "pointer": problem.get("pointer")}]
    return [f"{f['detail']} (at {f['pointer']})" if f.get("pointer") else f["detail"] for f in faults]
