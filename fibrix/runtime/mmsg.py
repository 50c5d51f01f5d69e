"""Many datagrams with one call to the kernel (recvmmsg(2), sendmmsg(2)). The structs are those of 64-bit Linux."""

import ctypes
import errno
import socket
import struct
from typing import Final

MMSGHDR: Final = struct.Struct("@PI4xPNPNi4xI4x")  # msghdr: name, its length, iovec, count, control, its length, flags
IOVEC: Final = struct.Struct("@PN")
LENGTH_AT: Final = 14  # of mmsghdr, in words of 4 octets: msg_len
CONTROL_LENGTH_AT: Final = 5  # of mmsghdr, in words of 8 octets: msg_controllen
UDP_SEGMENT: Final = 103  # of <linux/udp.h>; Python has no name for it
SEGMENTS: Final = 64  # UDP_MAX_SEGMENTS, before Linux 6.9
NOT_CUT: Final = frozenset({errno.EINVAL, errno.EIO, errno.EMSGSIZE, errno.ENOPROTOOPT, errno.EOPNOTSUPP})
"""Error numbers of UDP_SEGMENT where kernel or interface do not cut a message into datagrams."""

_POINTER_OCTETS: Final = 8


class Calls:
    """The two calls on one socket. They do not wait, so they keep the interpreter's lock."""

    def __init__(self, sock: socket.socket) -> None:
        """Raises OSError where there are no such calls, or their structs may be other ones."""
        libc = ctypes.PyDLL(None, use_errno=True)
        if ctypes.sizeof(ctypes.c_void_p) != _POINTER_OCTETS or not hasattr(libc, "recvmmsg"):
            raise OSError(errno.ENOSYS, "no recvmmsg")
        self._receive, self._send = libc.recvmmsg, libc.sendmmsg
        self._receive.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int, ctypes.c_void_p)
        self._send.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int)
        self._descriptor = sock.fileno()

    def receive(self, heads_at: int, most: int) -> int:
        """Take datagrams that are there, into the structs at an address; how many. Raises OSError."""
        count = int(self._receive(self._descriptor, heads_at, most, socket.MSG_DONTWAIT, None))
        if count >= 0:
            return count
        fault = ctypes.get_errno()
        if fault in (errno.EAGAIN, errno.EINTR):
            return 0
        raise OSError(fault, "recvmmsg")

    def send(self, heads_at: int, count: int) -> int:
        """Send from the structs at an address; how many left. Below 0: the error number of the first one, negated."""
        sent = int(self._send(self._descriptor, heads_at, count, socket.MSG_DONTWAIT))
        return sent if sent >= 0 else -ctypes.get_errno()


def place(buffer: bytearray) -> int:
    """The address of a buffer, for as long as it lives."""
    return ctypes.addressof(ctypes.c_char.from_buffer(buffer))
