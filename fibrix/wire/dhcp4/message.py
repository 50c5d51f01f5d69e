"""DHCPv4 messages (RFC 2131 §2): the fixed header, the magic cookie, the options."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from ipaddress import IPv4Address
from typing import Final, Self, TypeVar

from fibrix.errors import MalformedPacketError
from fibrix.wire.dhcp4.area import END, collect, lay_out, written_size
from fibrix.wire.dhcp4.options import OVERLOAD, Option, Overload

T = TypeVar("T")

ANY: Final = IPv4Address(0)
BROADCAST_FLAG: Final = 0x8000
LEAST_LIMIT: Final = 548  # octets of message in the IP datagram of 576 that every client takes (RFC 2131 §2)

_HEADER: Final = struct.Struct("!BBBBIHH4s4s4s4s16s64s128s")
_COOKIE: Final = bytes((99, 130, 83, 99))
_OPTIONS_AT: Final = _HEADER.size + len(_COOKIE)
_LEAST_SIZE: Final = 300  # octets; BOOTP relays and clients drop shorter ones (RFC 1542 §2.1)
_SNAME_SIZE: Final = 64
_FILE_SIZE: Final = 128
_OVERLOAD_SIZE: Final = 3


class Op(Enum):
    """Who speaks."""

    REQUEST = 1  # a client
    REPLY = 2  # a server


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message as both ends mean it: long options joined, overloaded fields taken apart.

    Options are kept raw, by code and in order; `get` reads one. So a malformed option hurts only who asks for it.
    """

    op: Op
    xid: int
    chaddr: bytes  # hardware address, at most 16 octets
    htype: int = 1  # 1: Ethernet
    hops: int = 0
    secs: int = 0
    flags: int = 0  # bit 15: the client wants replies broadcast
    ciaddr: IPv4Address = ANY  # the client's own, which it can be reached at
    yiaddr: IPv4Address = ANY  # "your": what the client is given
    siaddr: IPv4Address = ANY  # next-server
    giaddr: IPv4Address = ANY  # of the relay
    sname: bytes = b""
    file: bytes = b""
    options: Mapping[int, bytes] = field(default_factory=dict)

    @property
    def broadcast(self) -> bool:
        """Whether the client can only hear broadcasts for now."""
        return bool(self.flags & BROADCAST_FLAG)

    def get(self, option: Option[T]) -> T | None:
        """Read one option; None when it is not there. Raises MalformedPacketError."""
        data = self.options.get(option.code)
        return None if data is None else option.decode(data)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read the payload of a UDP datagram. Raises MalformedPacketError."""
        if len(data) < _OPTIONS_AT:
            raise MalformedPacketError(f"DHCP message of {len(data)} octets; the least is {_OPTIONS_AT}")
        if data[_HEADER.size : _OPTIONS_AT] != _COOKIE:
            raise MalformedPacketError("BOOTP message without DHCP's magic cookie")
        op, htype, hlen, hops, xid, secs, flags, *addresses, chaddr, sname, file = _HEADER.unpack_from(data)
        if op not in (1, 2) or hlen > len(chaddr):
            raise MalformedPacketError(f"DHCP message with op {op} and a hardware address of {hlen} octets")
        options, sname, file = _read_options(data[_OPTIONS_AT:], sname, file)
        ciaddr, yiaddr, siaddr, giaddr = (ANY if a == b"\0\0\0\0" else IPv4Address(a) for a in addresses)
        return cls(
            op=Op(op),
            xid=xid,
            chaddr=chaddr[:hlen],
            htype=htype,
            hops=hops,
            secs=secs,
            flags=flags,
            ciaddr=ciaddr,
            yiaddr=yiaddr,
            siaddr=siaddr,
            giaddr=giaddr,
            sname=sname,
            file=file,
            options=options,
        )

    def encode(self, limit: int = LEAST_LIMIT) -> bytes:
        """Write it in at most `limit` octets (never less than 300 are used).

        Options that do not fit go into unused header fields (RFC 2131 §4.1); what fits nowhere is left out.
        """
        room = limit - _OPTIONS_AT - 1
        if written_size(self.options) <= room:
            area, file, sname = lay_out(self.options, (room,))[0], self.file, self.sname
        else:
            area, file, sname = self._overload(room)
        return (self._header(sname, file) + _COOKIE + area + bytes((END,))).ljust(_LEAST_SIZE, b"\0")

    def _overload(self, room: int) -> tuple[bytes, bytes, bytes]:
        """The option area, `file` and `sname`, with options in those of the two that are not in use."""
        file_room = 0 if self.file else _FILE_SIZE - 1
        sname_room = 0 if self.sname else _SNAME_SIZE - 1
        area, file, sname = lay_out(self.options, (room - _OVERLOAD_SIZE, file_room, sname_room))
        used = bool(file) + 2 * bool(sname)
        if used:
            area += bytes((OVERLOAD.code, 1)) + OVERLOAD.encode(Overload(used))
        end = bytes((END,))
        return area, file + end if file else self.file, sname + end if sname else self.sname

    def _header(self, sname: bytes, file: bytes) -> bytes:
        return _HEADER.pack(
            self.op.value,
            self.htype,
            len(self.chaddr),
            self.hops,
            self.xid,
            self.secs,
            self.flags,
            self.ciaddr.packed,
            self.yiaddr.packed,
            self.siaddr.packed,
            self.giaddr.packed,
            self.chaddr,
            sname,
            file,
        )


def _read_options(area: bytes, sname: bytes, file: bytes) -> tuple[dict[int, bytes], bytes, bytes]:
    """All options, and what is left of `sname` and `file`: the order of reading is RFC 3396 §5's."""
    options: dict[int, bytes] = {}
    collect(area, options, name="the option field")
    overload = options.pop(OVERLOAD.code, None)
    if overload is not None:
        used = OVERLOAD.decode(overload)
        if used in (Overload.FILE, Overload.BOTH):
            collect(file, options, name="the file field")
            file = b""
        if used in (Overload.SNAME, Overload.BOTH):
            collect(sname, options, name="the sname field")
            sname = b""
        options.pop(OVERLOAD.code, None)  # inside an overloaded field it means nothing
    return options, sname.partition(b"\0")[0], file.partition(b"\0")[0]
