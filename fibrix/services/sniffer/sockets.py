"""The packet socket of one interface, which hears and never sends."""

import contextlib
import errno
import os
import socket
import struct
from collections.abc import Collection, Sequence
from typing import Final

from fibrix.runtime.interface import Interface
from fibrix.runtime.packet import attach, unbound
from fibrix.services.sniffer.program import program
from fibrix.services.sniffer.ring import SOL_PACKET, Heard, Ring

_EVERY: Final = 3  # ETH_P_ALL: also LLC, which has no type
_ADD_MEMBERSHIP: Final = 1  # of <linux/if_packet.h>
_GROUP: Final = struct.Struct("@iHH8s")  # struct packet_mreq: interface, kind, octets of the address, the address
_MULTICAST: Final = 0
_PROMISCUOUS: Final = 1
_ALL_MULTICAST: Final = 2

# No host listens to these, so some NICs want to be told of them one by one.
_GROUPS: Final = (bytes.fromhex("0180c200000e"), bytes.fromhex("01000ccccccc"))  # LLDP, CDP


class Ear:
    """Hears on one interface. It joins groups at the NIC alone: no host and no switch is told."""

    def __init__(self, interface: str, *, promiscuous: bool, without: Collection[int] = ()) -> None:
        """Open. `without`: VLANs that are heard elsewhere. Raises OSError: no such interface, no right, no memory."""
        self.interface = interface
        self.promiscuous = promiscuous
        self.fault = ""  # why it can no longer hear; empty: it can
        self._place = Interface(interface)
        self._without = frozenset(without)
        with contextlib.ExitStack() as stack:
            self._raw = stack.enter_context(unbound())
            attach(self._raw, program(self._without))
            self._ring = stack.enter_context(contextlib.closing(Ring(self._raw)))
            self._join(_ALL_MULTICAST)
            for group in _GROUPS:
                self._join(_MULTICAST, group)
            if promiscuous:
                self._join(_PROMISCUOUS)
            self._raw.bind((interface, _EVERY))
            self._stack = stack.pop_all()

    def fileno(self) -> int:
        """For `add_reader`."""
        return self._raw.fileno()

    def close(self) -> None:
        """Close it."""
        self._stack.close()

    def check(self) -> str:
        """Why it is of no more use; empty when it is."""
        return self._place.gone() or self.fault

    def leave_out(self, vlans: Collection[int]) -> None:
        """Hear all VLANs but these from now on. Raises OSError."""
        wanted = frozenset(vlans)
        if wanted != self._without:
            attach(self._raw, program(wanted))
            self._without = wanted

    def take(self, most: int) -> Sequence[Heard]:
        """Take frames that are there. None, where something has come in: the interface went down, or is lost."""
        taken = self._ring.take(most)
        if not taken:
            self._see_error()
        return taken

    def dropped(self) -> int:
        """Frames that the kernel had no room for since this was asked last. Raises OSError."""
        return self._ring.dropped()

    def _see_error(self) -> None:
        """Take the socket's error, which would wake us again and again."""
        number = self._raw.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if number not in (0, errno.ENETDOWN):  # down: it hears again when the interface is up
            self.fault = f"cannot receive: {os.strerror(number)}"

    def _join(self, kind: int, address: bytes = b"") -> None:
        group = _GROUP.pack(self._place.index, kind, len(address), address)
        self._raw.setsockopt(SOL_PACKET, _ADD_MEMBERSHIP, group)
