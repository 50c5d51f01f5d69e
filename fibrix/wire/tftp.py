"""TFTP messages (RFC 1350 §5) with options (RFC 2347 to 2349, RFC 7440): bytes ↔ values.

Each message starts with 2 octets of opcode. Numbers are big-endian, strings end with a zero octet.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from fibrix.errors import MalformedPacketError

HEADER_BYTES: Final = 4  # of a DATA message: opcode and block number


class Opcode(IntEnum):
    """What a message is: RFC 1350 §5; OACK: RFC 2347."""

    RRQ = 1
    WRQ = 2
    DATA = 3
    ACK = 4
    ERROR = 5
    OACK = 6


class ErrorCode(IntEnum):
    """Why a transfer ends early: RFC 1350, appendix; 8: RFC 2347."""

    NOT_DEFINED = 0
    FILE_NOT_FOUND = 1
    ACCESS_VIOLATION = 2
    DISK_FULL = 3
    ILLEGAL_OPERATION = 4
    UNKNOWN_TRANSFER_ID = 5
    FILE_EXISTS = 6
    NO_SUCH_USER = 7
    OPTIONS_REFUSED = 8


@dataclass(frozen=True, slots=True)
class Request:
    """RRQ or WRQ: file name and mode as strings, then options as pairs of strings. Names of options in lower case."""

    file: str
    mode: str = "octet"
    options: Mapping[str, str] = field(default_factory=dict)
    write: bool = False

    def encode(self) -> bytes:
        """Make the message."""
        opcode = Opcode.WRQ if self.write else Opcode.RRQ
        return opcode.to_bytes(2) + _strings(self.file, self.mode) + _pairs(self.options)


@dataclass(frozen=True, slots=True)
class Data:
    """2 octets of block number, then the block: as long as was agreed, and shorter for the last one."""

    block: int
    payload: bytes

    def encode(self) -> bytes:
        """Make the message."""
        return data_header(self.block) + self.payload


@dataclass(frozen=True, slots=True)
class Ack:
    """2 octets: the number of the last block that arrived in order; 0 acknowledges an OACK."""

    block: int

    def encode(self) -> bytes:
        """Make the message."""
        return ack(self.block)


@dataclass(frozen=True, slots=True)
class Error:
    """2 octets of code (ErrorCode, or anything else that a peer makes up), then a string for people."""

    code: int
    message: str

    def encode(self) -> bytes:
        """Make the message."""
        return Opcode.ERROR.to_bytes(2) + self.code.to_bytes(2) + _strings(self.message)


@dataclass(frozen=True, slots=True)
class OptionAck:
    """The options that the server agreed to, with its values."""

    options: Mapping[str, str]

    def encode(self) -> bytes:
        """Make the message."""
        return Opcode.OACK.to_bytes(2) + _pairs(self.options)


Message = Request | Data | Ack | Error | OptionAck


def data_header(block: int) -> bytes:
    """The first 4 octets of a DATA message; the block number rolls over to 0 after 65535."""
    return (0x30000 | block & 0xFFFF).to_bytes(4)


def ack(block: int) -> bytes:
    """An ACK message; block numbers roll over as those of DATA do."""
    return (0x40000 | block & 0xFFFF).to_bytes(4)


def decode(data: bytes) -> Message:
    """Read one datagram. Raises MalformedPacketError only."""
    if len(data) < HEADER_BYTES:
        raise MalformedPacketError(f"TFTP: {len(data)} octets are no message")
    opcode, number, rest = int.from_bytes(data[:2]), int.from_bytes(data[2:4]), data[HEADER_BYTES:]
    match opcode:
        case Opcode.RRQ | Opcode.WRQ:
            return _request(data[2:], write=opcode == Opcode.WRQ)
        case Opcode.DATA:
            return Data(number, rest)
        case Opcode.ACK:
            return Ack(number)  # a few clients pad it: what follows is left alone
        case Opcode.ERROR:
            return Error(number, rest.partition(b"\0")[0].decode("ascii", "replace").replace("\ufffd", "?"))
        case Opcode.OACK:
            return OptionAck(_options(_fields(data[2:])))
        case _:
            raise MalformedPacketError(f"TFTP: opcode {opcode} is not defined")


def to_netascii(text: bytes) -> bytes:
    """Translate a text file for mode netascii: LF becomes CR LF, CR becomes CR NUL (RFC 764, "The NVT printer")."""
    return text.replace(b"\r", b"\r\0").replace(b"\n", b"\r\n")


def _request(data: bytes, *, write: bool) -> Request:
    fields = _fields(data)
    if len(fields) < 2 or not fields[0]:
        raise MalformedPacketError("TFTP: a request without file name or mode")
    return Request(fields[0], fields[1].lower(), _options(fields[2:]), write)


def _fields(data: bytes) -> list[str]:
    if not data.endswith(b"\0"):
        raise MalformedPacketError("TFTP: a string without its end")
    try:
        return data[:-1].decode().split("\0")
    except UnicodeDecodeError as exc:
        raise MalformedPacketError("TFTP: a string that is not UTF-8") from exc


def _options(fields: list[str]) -> dict[str, str]:
    """Pair names with values. Boot ROMs may pad with zero octets; an option given twice counts once (RFC 2347)."""
    options: dict[str, str] = {}
    for at in range(0, len(fields), 2):
        name, value = fields[at].lower(), fields[at + 1 : at + 2]
        if not name and not any(fields[at:]):
            break
        if not name or not value:
            raise MalformedPacketError("TFTP: an option without name or value")
        options.setdefault(name, value[0])
    return options


def _pairs(options: Mapping[str, str]) -> bytes:
    return b"".join(_strings(name, value) for name, value in options.items())


def _strings(*texts: str) -> bytes:
    return b"".join(text.encode() + b"\0" for text in texts)
