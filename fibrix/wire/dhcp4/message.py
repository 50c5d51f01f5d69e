"""DHCPv4 messages (RFC 2131 §2): the fixed header, the magic cookie, the options."""

import struct
from collections.abc import Mapping
from enum import Enum
from functools import lru_cache
from ipaddress import IPv4Address
from typing import Final, Self, TypeVar

import msgspec

from fibrix.errors import MalformedPacketError
from fibrix.wire.dhcp4.area import END, collect, lay_out, written_size
from fibrix.wire.dhcp4.options import OVERLOAD, RELAY_AGENT_INFORMATION, Option, Overload

T = TypeVar("T")

ANY: Final = IPv4Address(0)
BROADCAST_FLAG: Final = 0x8000
LEAST_LIMIT: Final = 548  # octets of message in the IP datagram of 576 that every client takes (RFC 2131 §2)

_HEADER: Final = struct.Struct("!BBBBIHH4s4s4s4s16s64s128s")
_COOKIE: Final = bytes((99, 130, 83, 99))
_NO_COOKIE: Final = bytes(4)  # of a BOOTP client that knows no vendor extensions (RFC 951)
_NOWHERE: Final = bytes(4)
OPTIONS_AT: Final = _HEADER.size + len(_COOKIE)
_LEAST_SIZE: Final = 300  # octets; BOOTP relays and clients drop shorter ones (RFC 1542 §2.1)
_SNAME_SIZE: Final = 64
_FILE_SIZE: Final = 128
_OVERLOAD_SIZE: Final = 3


class Op(Enum):
    """Who speaks."""

    REQUEST = 1  # a client
    REPLY = 2  # a server


_REPLY: Final = Op.REPLY.value
_OPS: Final = {op.value: op for op in Op}
_END: Final = bytes((END,))


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A message as both ends mean it: long options joined, overloaded fields taken apart.

    In one that was read, an address that is 0 is `ANY` itself.

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
    options: Mapping[int, bytes] = msgspec.field(default_factory=dict)

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
        if len(data) < OPTIONS_AT:
            raise MalformedPacketError(f"DHCP message of {len(data)} octets; the least is {OPTIONS_AT}")
        cookie = data[_HEADER.size : OPTIONS_AT]
        if cookie not in (_COOKIE, _NO_COOKIE):
            raise MalformedPacketError("BOOTP message without the magic cookie of RFC 1497 and DHCP")
        op, htype, hlen, hops, xid, secs, flags, ciaddr, yiaddr, siaddr, giaddr, chaddr, sname, file = (
            _HEADER.unpack_from(data)
        )
        if op not in _OPS or hlen > len(chaddr):
            raise MalformedPacketError(f"DHCP message with op {op} and a hardware address of {hlen} octets")
        options, sname, file = _read_options(data[OPTIONS_AT:] if cookie == _COOKIE else b"", sname, file)
        return cls(
            op=_OPS[op],
            xid=xid,
            chaddr=chaddr[:hlen],
            htype=htype,
            hops=hops,
            secs=secs,
            flags=flags,
            ciaddr=ANY if ciaddr == _NOWHERE else IPv4Address(ciaddr),
            yiaddr=ANY if yiaddr == _NOWHERE else IPv4Address(yiaddr),
            siaddr=ANY if siaddr == _NOWHERE else IPv4Address(siaddr),
            giaddr=ANY if giaddr == _NOWHERE else _relay(giaddr),
            sname=sname,
            file=file,
            options=options,
        )

    def encode(self, limit: int = LEAST_LIMIT) -> bytes:
        """Write it in at most `limit` octets (never less than 300 are used).

        Options that do not fit go into unused header fields (RFC 2131 §4.1); what fits nowhere is left out, but for
        the relay's, which stays in the option field and stays last (RFC 3046 §2.2).
        """
        room = limit - OPTIONS_AT - 1
        if written_size(self.options) <= room:
            area, file, sname = lay_out(self.options, (room,))[0], self.file, self.sname
        else:
            area, file, sname = self._overload(room)
        return seal(self._header(sname, file), area)

    def _overload(self, room: int) -> tuple[bytes, bytes, bytes]:
        """The option area, `file` and `sname`, with options in those of the two that are not in use."""
        file_room = 0 if self.file else _FILE_SIZE - 1
        sname_room = 0 if self.sname else _SNAME_SIZE - 1
        relay = {code: data for code, data in self.options.items() if code == RELAY_AGENT_INFORMATION.code}
        others = {code: data for code, data in self.options.items() if code not in relay}
        last = lay_out(relay, (room - _OVERLOAD_SIZE,))[0]
        area, file, sname = lay_out(others, (room - _OVERLOAD_SIZE - len(last), file_room, sname_room))
        used = bool(file) + 2 * bool(sname)
        if used:
            area += bytes((OVERLOAD.code, 1)) + OVERLOAD.encode(Overload(used))
        area += last
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


@lru_cache(256)
def _relay(octets: bytes) -> IPv4Address:
    """A relay's address: the same few come again and again, and making one costs as much as reading the header."""
    return IPv4Address(octets)


def seal(header: bytes, area: bytes) -> bytes:
    """A whole message of a header and an option area that is written already: cookie, end mark and padding added."""
    return (header + _COOKIE + area + _END).ljust(_LEAST_SIZE, b"\0")


def reply_header(request: Message, yiaddr: int, *, ciaddr: IPv4Address = ANY) -> bytes:
    """The header of a reply that names no next-server and no file, without the detour through a `Message`."""
    return _HEADER.pack(
        _REPLY,
        request.htype,
        len(request.chaddr),
        0,
        request.xid,
        0,
        request.flags,
        _NOWHERE if ciaddr is ANY else ciaddr.packed,
        yiaddr.to_bytes(4),
        _NOWHERE,
        _NOWHERE if request.giaddr is ANY else request.giaddr.packed,
        request.chaddr,
        b"",
        b"",
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
