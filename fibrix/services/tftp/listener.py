"""One address where requests come in: UDP port 69."""

import asyncio
from collections.abc import Callable
from ipaddress import IPv4Address
from typing import Final

from fibrix.domain.network import Subnet
from fibrix.services.tftp.burst import Address
from fibrix.services.tftp.sockets import DATAGRAM_BYTES, bound, send_error
from fibrix.wire.tftp import Error

_DRAIN: Final = 32  # requests taken per wake-up, before others get their turn

Take = Callable[[bytes, Address, "Listener"], Error | None]
"""A datagram, its sender, where it came in → the ERROR that answers it, if one does. Must not raise."""


class Listener:
    """An open socket. `subnets` are all that share its address: the first is on the wire, the others behind relays."""

    def __init__(self, subnets: tuple[Subnet, ...], port: int, take: Take) -> None:
        """Open. Raises OSError: the address is not there, or in use."""
        self.subnets = subnets
        self.fault = ""  # why it can no longer hear; empty: it can
        self._take = take
        self._socket = bound(subnets[0].address, port)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket, self._drain)

    def close(self) -> None:
        """Give the address back."""
        self._loop.remove_reader(self._socket)
        self._socket.close()

    def subnet_of(self, peer: Address) -> Subnet:
        """The subnet that a client is in, as far as its address tells."""
        return next((subnet for subnet in self.subnets if IPv4Address(peer[0]) in subnet.network), self.subnets[0])

    def _drain(self) -> None:
        """Take what has come in. A socket that fails is closed and opened anew by its owner."""
        try:
            for _ in range(_DRAIN):
                datagram, peer = self._socket.recvfrom(DATAGRAM_BYTES)
                error = self._take(datagram, peer, self)
                if error is not None:
                    send_error(self._socket, peer, error)
        except BlockingIOError:
            return
        except OSError as exc:
            self.fault = f"cannot receive: {exc}"
            self._loop.remove_reader(self._socket)  # it would be called again and again
