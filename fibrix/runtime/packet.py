"""Packet sockets that take nothing before their filter is on (packet(7))."""

import ctypes
import socket
import struct
from typing import Final

_SO_ATTACH_FILTER: Final = 26  # of <asm-generic/socket.h>
_PROGRAM: Final = struct.Struct("@HP")  # struct sock_fprog of <linux/filter.h>: its steps, where they are
_STEP_OCTETS: Final = 8


def filtered(interface: str, ethertype: int, program: bytes) -> socket.socket:
    """Open one that takes frames of a type on an interface, as far as its filter lets them through. Raises OSError."""
    raw = unbound()
    try:
        attach(raw, program)
        raw.bind((interface, ethertype))
    except OSError:
        raw.close()
        raise
    return raw


def unbound() -> socket.socket:
    """Open one that hears nothing yet. Raises OSError."""
    return socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)


def attach(raw: socket.socket, program: bytes) -> None:
    """Put a filter of `fibrix.wire.bpf` on, in place of the one that is on. Raises OSError."""
    code = ctypes.create_string_buffer(program)
    steps = len(program) // _STEP_OCTETS
    raw.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, _PROGRAM.pack(steps, ctypes.addressof(code)))
