"""Sending the frames of a capture to a controller that listens, on a cable of no more than one machine."""

import ctypes
import errno
import fcntl
import socket
import struct
import sys
from contextlib import ExitStack
from typing import Final

from fibrix.errors import InvalidError, ListenError

_SIOCETHTOOL: Final = 0x8946  # of <linux/sockios.h>
_DRIVER_INFO: Final = 3  # ETHTOOL_GDRVINFO of <linux/ethtool.h>: the command, then 32 octets with the driver's name
_INFO_OCTETS: Final = 196
_REQUEST: Final = struct.Struct("@16sP16x")  # struct ifreq: the interface, where the data is
_HARMLESS: Final = frozenset({"veth", "tun", "dummy"})
_NOT_SENT: Final = frozenset({errno.EMSGSIZE, errno.EINVAL, errno.ENOBUFS})  # too long or too short; no room just now


class Sender:
    """An interface that frames are sent on, as they are."""

    def __init__(self, interface: str) -> None:
        """Open. Raises ListenError: no such interface, or no permission; InvalidError: others may hear it.

        What a capture says would mislead a real network: its DHCP servers gave addresses, its hosts claimed theirs.
        """
        self.left_out = 0  # frames that the interface did not take
        with ExitStack() as stack:
            try:
                self._raw = stack.enter_context(socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0))
                driver = _driver(self._raw, interface)
                self._raw.bind((interface, 0))
            except OSError as exc:
                raise ListenError(f"cannot send on {interface}: {exc.strerror}") from exc
            if driver not in _HARMLESS:
                raise InvalidError(
                    f"{interface} is an interface of the driver {driver}, on which others may hear what is not so: "
                    "a capture is sent on a veth, tap or dummy interface only"
                )
            stack.pop_all()

    def send(self, frame: bytes) -> None:
        """Send a frame. Raises ListenError: the interface is down or gone."""
        try:
            self._raw.send(frame)
        except OSError as exc:
            if exc.errno not in _NOT_SENT:
                raise ListenError(f"sending ended: {exc.strerror}") from exc
            self.left_out += 1

    def close(self) -> None:
        """Close it."""
        self._raw.close()


def _driver(raw: socket.socket, interface: str) -> str:
    """The name of an interface's driver. Raises OSError."""
    info = ctypes.create_string_buffer(_DRIVER_INFO.to_bytes(4, sys.byteorder), _INFO_OCTETS)
    fcntl.ioctl(raw, _SIOCETHTOOL, _REQUEST.pack(interface.encode(), ctypes.addressof(info)))
    return info.raw[4:36].partition(b"\0")[0].decode(errors="replace")
