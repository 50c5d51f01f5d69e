"""Sending a window: in one system call where the kernel cuts it up (UDP_SEGMENT), else a datagram at a time."""

import socket
from collections.abc import Sequence
from itertools import chain
from typing import Final

from fibrix.runtime.mmsg import NOT_CUT, SEGMENTS, UDP_SEGMENT
from fibrix.services.tftp.engine import Parts

_BURST_BYTES: Final = 65_000  # a burst is one IP packet until it is cut

Address = tuple[str, int]


class Sender:
    """Sends on a connected socket; falls back to plain sends for good when kernel or interface refuse to segment."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._segments = True
        self._rest: Sequence[Parts] = ()

    def send(self, datagrams: Sequence[Parts]) -> bool:
        """Send all, in order; False when the socket's buffer is full: `flush` sends the rest.

        All are as long as the first one; the last may be shorter: so a window is, and so the kernel cuts. What was left
        of an earlier call is forgotten: these take its place. Raises OSError when there is no way out.
        """
        if len(datagrams) == 1:
            header, payload = datagrams[0]
            try:
                self._socket.send(header + payload)
            except BlockingIOError:
                self._rest = datagrams
                return False
            self._rest = ()
            return True
        self._rest = datagrams
        return self.flush()

    def flush(self) -> bool:
        """Send what is left; False when the buffer is full again. Raises OSError."""
        rest = self._rest
        self._rest = ()
        at = 0
        while at < len(rest):
            count = self._burst(rest, at) if self._segments else 1
            try:
                self._send_together(rest[at : at + count])
            except BlockingIOError:
                self._rest = rest[at:]
                return False
            except OSError as exc:
                if count == 1 or exc.errno not in NOT_CUT:
                    raise
                self._segments = False
                continue
            at += count
        return True

    def _burst(self, datagrams: Sequence[Parts], at: int) -> int:
        """How many can go together."""
        return min(SEGMENTS, max(1, _BURST_BYTES // _length(datagrams[at])), len(datagrams) - at)

    def _send_together(self, datagrams: Sequence[Parts]) -> None:
        size = _length(datagrams[0])
        control = [(socket.SOL_UDP, UDP_SEGMENT, size.to_bytes(2, "little"))] if len(datagrams) > 1 else []
        self._socket.sendmsg(list(chain.from_iterable(datagrams)), control)


def _length(parts: Parts) -> int:
    return len(parts[0]) + len(parts[1])
