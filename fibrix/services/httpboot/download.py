"""Sending files over HTTP: whole or in ranges, by sendfile, to a bounded number of clients that keep pace."""

import asyncio
import os
import socket
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from ipaddress import IPv4Address
from pathlib import Path

import structlog
from aiohttp import hdrs, web
from aiohttp.abc import AbstractStreamWriter

from fibrix.bus import Bus
from fibrix.errors import InvalidError, NotFoundError
from fibrix.events.rack import TransferEnded
from fibrix.runtime.clock import utc_now
from fibrix.runtime.files import BootFiles, relative_name
from fibrix.services.httpboot.body import compose
from fibrix.services.httpboot.choose import Asked, Version, choose
from fibrix.services.httpboot.pace import DownloadError, Meter, Pace, keep_pace
from fibrix.services.httpboot.pump import Pump

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadLimits:
    """How much at once, and how slowly."""

    downloads: int = 256  # in all
    downloads_per_client: int = 8
    pace: Pace = field(default_factory=Pace)


class Downloads:
    """Answers GET and HEAD for files. Every GET that sent something, or failed to, ends in a TransferEnded."""

    def __init__(self, bus: Bus, limits: DownloadLimits) -> None:
        self.limits = limits
        self.active: Counter[str] = Counter()  # by the client's address
        self.refused = 0  # over a limit, since the start
        self.missing = 0  # requests for what is not served
        self.sent = 0  # downloads that sent all that was asked for
        self.failed = 0  # downloads that did not
        self.sent_bytes = 0  # of all of them
        self.bus = bus
        self.pump = Pump()

    def answer(self, request: web.Request, files: BootFiles, name: str) -> web.StreamResponse:
        """Choose the answer: the file, 404 for what is not served, 429 or 503 over a limit."""
        try:
            path = files.find(name)
        except (NotFoundError, InvalidError) as exc:
            self.missing += 1
            log.info("download.refused", peer=request.remote, reason=str(exc))
            return web.Response(status=HTTPStatus.NOT_FOUND, text=f"{exc}\n")
        if self.active[str(request.remote)] >= self.limits.downloads_per_client:
            return self._too_many(HTTPStatus.TOO_MANY_REQUESTS)
        if self.active.total() >= self.limits.downloads:
            return self._too_many(HTTPStatus.SERVICE_UNAVAILABLE)
        return _Download(path, relative_name(name), self)

    def count(self, event: TransferEnded) -> None:
        """Count a download that ended."""
        self.failed += bool(event.error)
        self.sent += not event.error
        self.sent_bytes += event.sent_bytes

    def _too_many(self, status: HTTPStatus) -> web.Response:
        self.refused += 1
        return web.Response(status=status, headers={hdrs.RETRY_AFTER: "10"}, text="too many downloads at once\n")


class _Download(web.StreamResponse):
    """A file, or what was asked for of it; counted, kept to a pace, and told of at its end."""

    def __init__(self, path: Path, name: str, downloads: Downloads) -> None:
        super().__init__()
        self._path = path
        self._name = name
        self._downloads = downloads

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Send headers and file. Raises ConnectionError, on which aiohttp closes the connection without a word."""
        transport, peer = request.transport, str(request.remote)
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the client left before it was answered")
        error = "the service stopped sending"
        self._downloads.active[peer] += 1
        with closing(Meter(transport)) as meter:
            try:
                writer = await keep_pace(meter, self._downloads.limits.pace, self._send(request, transport))
            except DownloadError as exc:
                error = str(exc)
                meter.forget_unsent()
                transport.abort()
                raise ConnectionResetError(error) from exc
            else:
                error = ""
                return writer
            finally:
                self._downloads.active -= Counter((peer,))
                if request.method == hdrs.METH_GET and self.status in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT):
                    self._tell(IPv4Address(peer), meter.taken_bytes, error)

    async def _send(self, request: web.BaseRequest, transport: asyncio.Transport) -> AbstractStreamWriter | None:
        try:
            # Not followed: resolved a moment ago. Not blocking: a FIFO may have taken its place.
            file = os.fdopen(os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
        except OSError:
            self._downloads.missing += 1
            self.set_status(HTTPStatus.NOT_FOUND)
            self.content_length = 0
            return await super().prepare(request)
        with file:
            status = os.fstat(file.fileno())
            version = Version(size=status.st_size, modified_ns=status.st_mtime_ns)
            chosen = choose(_asked(request.headers), version)
            body = compose(chosen, version, self._name)
            self.set_status(chosen.status)
            self.headers.update(body.headers)
            if chosen.status is not HTTPStatus.NOT_MODIFIED:
                self.content_length = body.length
            with _corked(transport):
                writer = await super().prepare(request)
                if request.method == hdrs.METH_GET:
                    for piece in body.pieces:
                        if isinstance(piece, bytes):
                            await self.write(piece)
                        else:
                            await self._drain(transport, writer)
                            await self._downloads.pump.send(transport, file, piece)
                await self.write_eof()
            return writer

    async def _drain(self, transport: asyncio.Transport, writer: AbstractStreamWriter | None) -> None:
        """Wait until all that was written has gone: what goes past the transport must not overtake it."""
        transport.set_write_buffer_limits(0)
        if writer is not None:
            await writer.drain()

    def _tell(self, client: IPv4Address, taken_bytes: int, error: str) -> None:
        total = self.content_length or 0
        event = TransferEnded(
            at=utc_now(),
            address=client,
            file=self._name,
            protocol="http",
            sent_bytes=min(taken_bytes, total) if error else total,
            total_bytes=total,
            error=error,
        )
        log.info("download.ended", peer=str(client), file=self._name, sent_bytes=event.sent_bytes, error=error)
        self._downloads.count(event)
        self._downloads.bus.publish(event)


@contextmanager
def _corked(transport: asyncio.Transport) -> Iterator[None]:
    """Have segments leave when they are full, the first with headers and file: half as many for both to handle."""
    _cork(transport, on=True)
    try:
        yield
    finally:
        _cork(transport, on=False)


def _cork(transport: asyncio.Transport, *, on: bool) -> None:
    """Hold back segments that are not full, or no longer. A client that is gone already is noticed by who writes."""
    with suppress(OSError):
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, on)


def _asked(headers: Mapping[str, str]) -> Asked:
    return Asked(
        ranges=headers.get(hdrs.RANGE, ""),
        if_range=headers.get(hdrs.IF_RANGE, ""),
        if_match=headers.get(hdrs.IF_MATCH, ""),
        if_none_match=headers.get(hdrs.IF_NONE_MATCH, ""),
        if_modified_since=headers.get(hdrs.IF_MODIFIED_SINCE, ""),
        if_unmodified_since=headers.get(hdrs.IF_UNMODIFIED_SINCE, ""),
    )
