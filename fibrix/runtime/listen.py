"""Listening on a subnet's own address, and what keeps from it in words that an operator can act on."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from fibrix.domain.network import Subnet
from fibrix.errors import ListenError


@contextmanager
def listening_on(subnet: Subnet, port: int) -> Iterator[None]:
    """Open sockets on the subnet's own address within the block. An OSError there becomes a ListenError."""
    try:
        yield
    except OSError as exc:
        place = f"subnet {subnet.name}: "
        match exc.errno:
            case errno.EADDRNOTAVAIL:
                reason = f"{subnet.address} is not an address of this machine: give it to {subnet.interface}"
            case errno.EADDRINUSE:
                reason = f"port {port} of {subnet.address} is in use by another program"
            case _:
                reason = f"port {port} of {subnet.address}: {exc.strerror}"
        raise ListenError(place + reason) from exc
