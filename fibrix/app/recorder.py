"""Recording frames from an interface, as they were on the wire (packet(7))."""

import select
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Final

from fibrix.errors import InvalidError, ListenError
from fibrix.runtime.packet import attach, unbound
from fibrix.wire.capture.packet import MOST_OCTETS

_EVERY: Final = 3  # ETH_P_ALL: of any type, and what this machine sends too
_SOL_PACKET: Final = 263  # of <linux/if_packet.h>, as all that follows
_ADD_MEMBERSHIP: Final = 1
_STATISTICS: Final = 6
_AUXDATA: Final = 8
_PROMISCUOUS: Final = 1
_TAGGED: Final = 1 << 4  # TP_STATUS_VLAN_VALID
_TYPE_TOLD: Final = 1 << 6  # TP_STATUS_VLAN_TPID_VALID
_8021Q: Final = 0x8100
_TIMESTAMPNS: Final = 35  # SO_TIMESTAMPNS, and the type of its message
_FORCE_BUFFER: Final = 33  # SO_RCVBUFFORCE
_BUFFER_OCTETS: Final = 32 << 20
_ETHERNET: Final = frozenset({1, 772})  # hardware types: Ethernet, and the loopback, whose frames look the same

_AUX: Final = struct.Struct("@IIIHHHH")  # tpacket_auxdata: status, length, octets here, two offsets, the tag, its type
_TIME: Final = struct.Struct("@ll")
_GROUP: Final = struct.Struct("@iHH8s")  # packet_mreq: interface, kind, octets of address, address
_COUNTS: Final = struct.Struct("@II")
_ROOM: Final = socket.CMSG_SPACE(_AUX.size) + socket.CMSG_SPACE(_TIME.size)


class Recorder:
    """An interface that is recorded. It is made promiscuous for as long as this is open."""

    def __init__(self, interface: str, program: bytes = b"") -> None:
        """Open. `program`: a filter of `fibrix.wire.bpf`; else everything is recorded.

        Raises ListenError: no such interface, or no permission; InvalidError: it has no Ethernet frames.
        """
        with ExitStack() as stack:
            try:
                self._raw = stack.enter_context(unbound())
                if program:
                    attach(self._raw, program)
                self._open(interface)
            except OSError as exc:
                raise ListenError(f"cannot record on {interface}: {exc.strerror or exc}") from exc
            if self._raw.getsockname()[3] not in _ETHERNET:
                raise InvalidError(f"{interface} has no Ethernet frames: name an interface of Ethernet, or its bridge")
            self._stack = stack.pop_all()

    def _open(self, interface: str) -> None:
        index = socket.if_nametoindex(interface)
        self._raw.setsockopt(_SOL_PACKET, _AUXDATA, 1)
        self._raw.setsockopt(socket.SOL_SOCKET, _TIMESTAMPNS, 1)
        self._raw.setsockopt(socket.SOL_SOCKET, _FORCE_BUFFER, _BUFFER_OCTETS)
        self._raw.setsockopt(_SOL_PACKET, _ADD_MEMBERSHIP, _GROUP.pack(index, _PROMISCUOUS, 0, b""))
        self._raw.bind((interface, _EVERY))

    def frames(self, seconds: float | None) -> Iterator[tuple[int, bytes, int]]:
        """Give frames as they come, for so long or for ever: microseconds since 1970, octets, length on the wire.

        The kernel notes arrivals from some 20 ms after the opening on: a frame of before has the time of its reading.

        Raises ListenError: the interface went away.
        """
        until = None if seconds is None else time.monotonic() + seconds
        while (left := None if until is None else until - time.monotonic()) is None or left > 0:
            try:
                if select.select([self._raw], (), (), left)[0]:
                    yield self._take()
            except BlockingIOError:
                continue
            except OSError as exc:
                raise ListenError(f"recording ended: {exc.strerror}") from exc

    def close(self) -> None:
        """Close it: the interface is no longer promiscuous for this."""
        self._stack.close()

    def dropped(self) -> int:
        """How many frames found no room since this was asked last."""
        return int(_COUNTS.unpack(self._raw.getsockopt(_SOL_PACKET, _STATISTICS, _COUNTS.size))[1])

    def _take(self) -> tuple[int, bytes, int]:
        frame, ancillary, _, _ = self._raw.recvmsg(MOST_OCTETS, _ROOM)
        at_us, length, tag = 0, len(frame), b""
        for level, kind, data in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, _TIMESTAMPNS):
                seconds, nanoseconds = _TIME.unpack(data)
                at_us = seconds * 1_000_000 + nanoseconds // 1000
            elif (level, kind) == (_SOL_PACKET, _AUXDATA):
                length, tag = _of_aux(data)
        return at_us, frame[:12] + tag + frame[12:], length + len(tag)


def _of_aux(data: bytes) -> tuple[int, bytes]:
    """The frame's length on the wire, and the VLAN tag that the kernel took out of it."""
    status, length, _, _, _, tag, kind = _AUX.unpack(data)
    if not status & _TAGGED:
        return length, b""
    return length, struct.pack("!HH", kind if status & _TYPE_TOLD else _8021Q, tag)
