"""Packet sockets of one interface: one hears what DHCP servers say, one hears ARP and asks by it."""

import asyncio
import contextlib
import ctypes
import errno
import socket
import struct
from collections.abc import Callable, Sequence
from typing import Final

from fibrix.runtime.interface import Interface
from fibrix.types import MacAddress, mac_from_octets
from fibrix.wire.ethernet import ARP, IPV4

_SO_ATTACH_FILTER: Final = 26  # of <asm-generic/socket.h>
_INSTRUCTION: Final = struct.Struct("=HBBI")  # struct sock_filter of <linux/filter.h>
_PROGRAM: Final = struct.Struct("@HP")  # struct sock_fprog
_VLAN_TAG: Final = 0xFFFFF000 + 48  # SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT
_MOST_OCTETS: Final = 2048
_DRAIN: Final = 64  # frames taken per wake-up, before others get their turn

_Program = Sequence[tuple[int, int, int, int]]

# Classic BPF: (code, jump if true, jump if false, value), as `tcpdump -d` prints it. A frame whose VLAN tag the kernel
# took off belongs to another interface, though it is heard on this one.
_UNTAGGED: Final = (0x20, 0, 0, _VLAN_TAG)  # ld vlan_tag_present
_FROM_SERVERS: Final[_Program] = (
    _UNTAGGED,
    (0x15, 0, 10, 0),  # jeq 0, else drop
    (0x30, 0, 0, 23),  # ldb protocol
    (0x15, 0, 8, 17),  # jeq UDP, else drop
    (0x28, 0, 0, 20),  # ldh fragment offset
    (0x45, 6, 0, 0x1FFF),  # jset: not the first fragment, drop
    (0xB1, 0, 0, 14),  # ldxb 4 * IP header words
    (0x48, 0, 0, 14),  # ldh source port
    (0x15, 0, 3, 67),  # jeq 67, else drop
    (0x50, 0, 0, 22),  # ldb op: relays send what clients say from that port as well
    (0x15, 0, 1, 2),  # jeq BOOTREPLY, else drop
    (0x06, 0, 0, 0xFFFF),  # take it
    (0x06, 0, 0, 0),  # drop it
)
_ARP_ONLY: Final[_Program] = (_UNTAGGED, (0x15, 0, 1, 0), (0x06, 0, 0, 0xFFFF), (0x06, 0, 0, 0))


class Lookout:
    """Open sockets on one interface; they hear what comes in, not what goes out. The takers must not block or raise."""

    def __init__(
        self,
        interface: str,
        take_dhcp: Callable[["Lookout", bytes], None],
        take_arp: Callable[["Lookout", bytes], None],
    ) -> None:
        """Open. Raises OSError: no such interface, no permission."""
        self.interface = interface
        self.fault = ""  # why it can no longer hear; empty: it can
        self._place = Interface(interface)
        with contextlib.ExitStack() as stack:
            self._dhcp = stack.enter_context(_open(interface, IPV4, _FROM_SERVERS))
            self._arp = stack.enter_context(_open(interface, ARP, _ARP_ONLY))
            self._stack = stack.pop_all()
        loop = asyncio.get_running_loop()
        loop.add_reader(self._dhcp, self._drain, self._dhcp, take_dhcp)
        loop.add_reader(self._arp, self._drain, self._arp, take_arp)

    @property
    def mac(self) -> MacAddress:
        """The interface's MAC as it is now."""
        return mac_from_octets(self._arp.getsockname()[4])

    def close(self) -> None:
        """Close the sockets."""
        self._deaf()
        self._stack.close()

    def check(self) -> str:
        """Why these sockets are of no more use; empty when they are."""
        return self._place.gone() or self.fault

    def send(self, frame: bytes) -> None:
        """Send a frame. Raises OSError."""
        self._arp.send(frame)

    def _drain(self, raw: socket.socket, take: Callable[["Lookout", bytes], None]) -> None:
        """Take what has come in. A socket that fails is closed and opened anew by its owner."""
        try:
            for _ in range(_DRAIN):
                take(self, raw.recv(_MOST_OCTETS))
        except BlockingIOError:
            return
        except OSError as exc:
            if exc.errno == errno.ENETDOWN:  # said once; it hears again when the interface is up
                return
            self.fault = f"cannot receive: {exc}"
            self._deaf()  # it would be called again and again

    def _deaf(self) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._dhcp)
        loop.remove_reader(self._arp)


def _open(interface: str, ethertype: int, program: _Program) -> socket.socket:
    """A packet socket that takes nothing before its filter is on."""
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)
    try:
        code = ctypes.create_string_buffer(b"".join(_INSTRUCTION.pack(*one) for one in program))
        raw.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, _PROGRAM.pack(len(program), ctypes.addressof(code)))
        raw.bind((interface, ethertype))
    except OSError:
        raw.close()
        raise
    return raw
