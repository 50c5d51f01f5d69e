"""The server's end of one websocket (RFC 6455), on a connection that aiohttp has taken in.

Frames are made by whoever writes, so that one that many get is made once. What a client sends is checked, and ignored
but for pings and the end.
"""

import asyncio
import base64
import binascii
import hashlib
from http import HTTPStatus
from typing import Final

import structlog
from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from fibrix.api import problems
from fibrix.runtime.clock import monotonic_s
from fibrix.wire.websocket import (
    Message,
    Opcode,
    Receiver,
    WebSocketError,
    close_code,
    encode,
    encode_close,
)

log = structlog.get_logger()

HIGH_WATER_BYTES: Final = 64 << 10
"""A socket with so much to send still is not given more: asyncio's own mark for a transport."""

CLOSE_S: Final = 10.0
"""A client has this long to answer a close frame."""

_GUID: Final = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 §1.3
_VERSION: Final = "13"
_KEY_OCTETS: Final = 16


def refusal(request: web.Request, subprotocol: str) -> web.Response | None:
    """Check the client's handshake (RFC 6455 §4.2.1); the answer to one that cannot be, None for a good one."""
    headers = request.headers
    offered = [word.strip() for word in ",".join(headers.getall("Sec-WebSocket-Protocol", [])).split(",")]
    fault, status = "", HTTPStatus.BAD_REQUEST
    if "websocket" not in _words(headers.get("Upgrade", "")) or "upgrade" not in _words(headers.get("Connection", "")):
        fault, status = "this is a websocket: ask for an upgrade to it", HTTPStatus.UPGRADE_REQUIRED
    elif headers.get("Sec-WebSocket-Version", "").strip() != _VERSION:
        fault, status = f"the websocket's version must be {_VERSION}", HTTPStatus.UPGRADE_REQUIRED
    elif not _is_key(headers.get("Sec-WebSocket-Key", "")):
        fault = "the header Sec-WebSocket-Key must hold 16 octets in base64"
    elif any(offered) and subprotocol not in offered:
        fault = f"the subprotocol here is {subprotocol}: offer that in Sec-WebSocket-Protocol, or none"
    if not fault:
        return None
    answer = problems.answer(status, status.phrase, fault)
    if status is HTTPStatus.UPGRADE_REQUIRED:  # RFC 9110 §15.5.22; RFC 6455 §4.2.2
        answer.headers.update({"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": _VERSION})
    answer.force_close()  # what follows such a request may be anything
    return answer


async def accept(request: web.Request, subprotocol: str) -> "Socket":
    """Answer a good handshake. Raises ConnectionError."""
    key = request.headers["Sec-WebSocket-Key"].strip()
    proof = hashlib.sha1(f"{key}{_GUID}".encode(), usedforsecurity=False).digest()
    headers = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Accept": base64.b64encode(proof).decode(),
    }
    if "Sec-WebSocket-Protocol" in request.headers:
        headers["Sec-WebSocket-Protocol"] = subprotocol
    response = web.StreamResponse(status=HTTPStatus.SWITCHING_PROTOCOLS, headers=headers)
    response.force_close()
    writer = await response.prepare(request)
    transport = request.transport
    if transport is None or writer is None:
        raise ConnectionResetError("the client is gone")
    socket = Socket(response, writer, transport)
    request.protocol.keep_alive(val=False)
    request.protocol.set_parser(socket)  # type: ignore[arg-type] # it has the two methods that are used
    return socket


class Socket:
    """An open websocket. Nothing here waits but `drain` and `ended`."""

    def __init__(
        self, response: web.StreamResponse, writer: AbstractStreamWriter, transport: asyncio.Transport
    ) -> None:
        self.response = response
        self.heard_s = self.sent_s = monotonic_s()  # when the client was last heard, when it was last sent something
        self.pinged_s = 0.0
        self.closing = False  # nothing may be written any more
        self._writer = writer
        self._transport = transport
        self._receiver = Receiver()
        self._ended = asyncio.Event()

    @property
    def congested(self) -> bool:
        """Whether the client is behind with taking what was written."""
        return self._transport.get_write_buffer_size() > HIGH_WATER_BYTES

    def write(self, frames: bytes) -> None:
        """Send frames, as far as they are not in the way of one another: what cannot go now is kept."""
        if not self.closing:
            self.sent_s = monotonic_s()
            self._transport.write(frames)

    def ping(self) -> None:
        """Ask the client whether it is there."""
        self.pinged_s = monotonic_s()
        self.write(encode(Opcode.PING, b""))

    async def drain(self) -> None:
        """Wait until the client has taken most of it. Raises ConnectionError."""
        await self._writer.drain()

    def close(self, code: int, reason: str) -> None:
        """Tell the client why it ends; one that does not answer is cut off a little later."""
        if self.closing:
            return
        self.write(encode_close(code, reason))
        self.closing = True
        asyncio.get_running_loop().call_later(CLOSE_S, self.abort)

    def abort(self) -> None:
        """Cut the connection."""
        self._ended.set()
        self._transport.abort()

    async def ended(self) -> None:
        """Wait until both sides are done, or the connection is lost."""
        await self._ended.wait()

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Take what came from the client; aiohttp calls this."""
        self.heard_s = monotonic_s()
        if self._ended.is_set():
            return False, b""
        try:
            for message in self._receiver.receive(bytes(data)):
                self._take(message)
        except WebSocketError as exc:
            log.debug("stream.malformed", reason=str(exc))
            self.close(exc.code, str(exc))
            self._ended.set()  # RFC 6455 §7.1.7: whatever else it sends is not looked at
        return False, b""

    def feed_eof(self) -> None:
        """Take note that the connection is lost; aiohttp calls this."""
        self.closing = True
        self._ended.set()

    def _take(self, message: Message) -> None:
        """Answer a control frame; a message is ignored."""
        match message.opcode:
            case Opcode.PING:
                if not self.congested:  # RFC 6455 §5.5.3: the newest one only need be answered
                    self.write(encode(Opcode.PONG, message.payload))
            case Opcode.CLOSE:
                self.close(close_code(message.payload), "")
                self._ended.set()
            case _:
                pass


def _words(header: str) -> set[str]:
    """Read a header that is a list of words, whatever their case."""
    return {word.strip().lower() for word in header.split(",")}


def _is_key(text: str) -> bool:
    """Tell whether it is the base64 of 16 octets."""
    try:
        return len(base64.b64decode(text.strip(), validate=True)) == _KEY_OCTETS
    except (binascii.Error, ValueError):
        return False
