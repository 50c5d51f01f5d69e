"""Packet sockets of one interface: one hears what DHCP servers say, one hears ARP and asks by it."""

import asyncio
import contextlib
import errno
import socket
from collections.abc import Callable
from typing import Final

from fibrix.runtime.interface import Interface
from fibrix.runtime.packet import filtered
from fibrix.types import MacAddress, mac_from_octets
from fibrix.wire.bpf import DROP, TAKE, VLAN_TAG_PRESENT, Line, assemble
from fibrix.wire.ethernet import ARP, IPV4

_MOST_OCTETS: Final = 2048
_DRAIN: Final = 64  # frames taken per wake-up, before others get their turn

# A frame whose VLAN tag the kernel took out belongs to another interface, though it is heard on this one.
_UNTAGGED: Final[tuple[Line, ...]] = (("ld", VLAN_TAG_PRESENT), ("jeq", 0, "", "drop"))
_FROM_SERVERS: Final = assemble(
    *_UNTAGGED,
    ("ldb", 23),  # the protocol
    ("jeq", 17, "", "drop"),  # UDP
    ("ldh", 20),
    ("jset", 0x1FFF, "drop", ""),  # a later fragment
    ("ldx_header", 14),
    ("ldh_x", 14),  # the source port
    ("jeq", 67, "", "drop"),
    ("ldb_x", 22),  # op: relays send what clients say from that port as well
    ("jeq", 2, "", "drop"),  # BOOTREPLY
    TAKE,
    "drop",
    DROP,
)
_ARP_ONLY: Final = assemble(*_UNTAGGED, TAKE, "drop", DROP)


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
            self._dhcp = stack.enter_context(filtered(interface, IPV4, _FROM_SERVERS))
            self._arp = stack.enter_context(filtered(interface, ARP, _ARP_ONLY))
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
