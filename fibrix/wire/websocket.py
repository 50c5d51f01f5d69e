"""The websocket's frames as a server needs them (RFC 6455 §5): bytes ↔ values. No extension is negotiated.

A frame: FIN and opcode (1 octet), mask bit and length (1, 3 or 9 octets, big-endian), 4 octets of mask from a client,
the payload. A server's frames are not masked, a client's always are (§5.1).
"""

import struct
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from fibrix.errors import MalformedPacketError

MESSAGE_BYTES: Final = 4096
"""Of what a client sends: nothing that is expected of it is longer."""

_FIN: Final = 0x80
_RESERVED: Final = 0x70
_MASKED: Final = 0x80
_CONTROL: Final = 0x8
_SHORT: Final = 125  # the longest payload whose length fits the first octet; no control frame's may be longer
_LENGTH_2: Final = 126  # the length is in the next 2 octets
_BURST: Final = 256


class Opcode(IntEnum):
    """What a frame is: RFC 6455 §5.2."""

    CONTINUATION = 0x0
    TEXT = 0x1
    BINARY = 0x2
    CLOSE = 0x8
    PING = 0x9
    PONG = 0xA


class CloseCode(IntEnum):
    """Why a websocket is closed: RFC 6455 §7.4.1; from 4000 on: Fibrix's own."""

    NORMAL = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    INVALID_DATA = 1007
    POLICY = 1008
    TOO_BIG = 1009
    TRY_AGAIN_LATER = 1013
    NOT_ALLOWED = 4003
    TOO_SLOW = 4008


_STANDARD_CODES: Final = frozenset({1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014})


class WebSocketError(MalformedPacketError):
    """A client broke the protocol; `code` is what it is told in the close frame."""

    def __init__(self, code: CloseCode, message: str) -> None:
        self.code = code
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Message:
    """What a client sent: a whole text or binary message, or a control frame."""

    opcode: Opcode
    payload: bytes


def encode(opcode: Opcode, payload: bytes) -> bytes:
    """Make a server's frame of a whole message."""
    length = len(payload)
    if length <= _SHORT:
        return bytes((_FIN | opcode, length)) + payload
    if length < 1 << 16:
        return struct.pack(">BBH", _FIN | opcode, _LENGTH_2, length) + payload
    return struct.pack(">BBQ", _FIN | opcode, _LENGTH_2 + 1, length) + payload


def encode_close(code: int, reason: str = "") -> bytes:
    """Make a close frame; a reason that does not fit its 123 octets is cut."""
    text = reason.encode()[: _SHORT - 2].decode(errors="ignore")
    return encode(Opcode.CLOSE, struct.pack(">H", code) + text.encode())


def close_code(payload: bytes) -> int:
    """Read a close frame's code; NORMAL where it gives none (§5.5.1, §7.4.2). Raises WebSocketError."""
    if not payload:
        return CloseCode.NORMAL
    if len(payload) == 1:
        raise WebSocketError(CloseCode.PROTOCOL_ERROR, "a close frame with half a code")
    (code,) = struct.unpack_from(">H", payload)
    if code not in _STANDARD_CODES and not 3000 <= code < 5000:
        raise WebSocketError(CloseCode.PROTOCOL_ERROR, f"no close code: {code}")
    _check_text(payload[2:])
    return int(code)


@dataclass(slots=True)
class Receiver:
    """The receiving half of a server: octets in, whole messages out, however they were cut."""

    _buffer: bytearray = field(default_factory=bytearray)
    _parts: bytearray = field(default_factory=bytearray)  # of a message in fragments
    _opcode: Opcode | None = None  # of that message; None: no message is under way

    def receive(self, data: bytes) -> list[Message]:
        """Take octets, give what is complete by now. Raises WebSocketError; nothing may be received after that.

        It keeps one message of MESSAGE_BYTES at most, whatever a client announces.
        """
        self._buffer += data
        found: list[Message] = []
        at = 0
        while (end := self._frame_end(at)) is not None:
            message = self._frame(self._buffer[at], bytes(self._buffer[at + 1 : end]))
            at = end
            if message is not None:
                found.append(message)
                if len(found) > _BURST:
                    raise WebSocketError(CloseCode.POLICY, "too many messages at once")
        del self._buffer[:at]
        return found

    def _frame_end(self, at: int) -> int | None:
        """Check the header of the frame that begins here; where it ends, None where that is not all there yet."""
        have = len(self._buffer) - at
        if have < 2:
            return None
        first, second = self._buffer[at], self._buffer[at + 1]
        self._check_header(first, second)
        length, header = second & 0x7F, 6
        if length >= _LENGTH_2:
            header = 8 if length == _LENGTH_2 else 14
            if have < header - 4:
                return None
            length = int.from_bytes(self._buffer[at + 2 : at + header - 4])
        if length + (0 if first & _CONTROL else len(self._parts)) > MESSAGE_BYTES:
            raise WebSocketError(CloseCode.TOO_BIG, f"a message of more than {MESSAGE_BYTES} octets")
        return at + header + length if have >= header + length else None

    def _check_header(self, first: int, second: int) -> None:
        """Refuse what no frame of a client may have (§5.1, §5.2, §5.4, §5.5). Raises WebSocketError."""
        fault = ""
        if first & _RESERVED:
            fault = "reserved bits are set, and no extension was negotiated"
        elif (first & 0xF) not in Opcode.__members__.values():
            fault = f"no such opcode: {first & 0xF}"
        elif not second & _MASKED:
            fault = "a client's frames must be masked"
        elif first & _CONTROL and (not first & _FIN or second & 0x7F > _SHORT):
            fault = "a control frame is whole, and has at most 125 octets"
        elif not first & _CONTROL and (first & 0xF == Opcode.CONTINUATION) == (self._opcode is None):
            fault = "a fragment that continues nothing, or a message within another"
        if fault:
            raise WebSocketError(CloseCode.PROTOCOL_ERROR, fault)

    def _frame(self, first: int, rest: bytes) -> Message | None:
        """Read a whole frame without its first octet; the message that it completes."""
        length = rest[0] & 0x7F
        header = {_LENGTH_2: 3, _LENGTH_2 + 1: 9}.get(length, 1)
        payload = _unmasked(rest[header + 4 :], rest[header : header + 4])
        opcode = Opcode(first & 0xF)
        if opcode & _CONTROL:
            return Message(opcode, payload)
        self._parts += payload
        self._opcode = self._opcode or opcode
        if not first & _FIN:
            return None
        message = Message(self._opcode, bytes(self._parts))
        self._parts.clear()
        self._opcode = None
        if message.opcode is Opcode.TEXT:
            _check_text(message.payload)
        return message


def _unmasked(payload: bytes, mask: bytes) -> bytes:
    """Take the mask off (§5.3): each octet, exclusive or the octet of the mask at its place modulo 4."""
    count = len(payload)
    key = int.from_bytes((mask * (count // 4 + 1))[:count])
    return (int.from_bytes(payload) ^ key).to_bytes(count)


def _check_text(payload: bytes) -> None:
    """Refuse text that is not UTF-8 (§8.1). Raises WebSocketError."""
    try:
        payload.decode()
    except UnicodeDecodeError as exc:
        raise WebSocketError(CloseCode.INVALID_DATA, "text that is not UTF-8") from exc
