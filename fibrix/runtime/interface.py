"""Network interfaces: one that sockets are open on, and whether it is still the same; the addresses of all."""

import socket
from pathlib import Path
from typing import Final

from fibrix.types import MacAddress

_ALL: Final = Path("/sys/class/net")
_NONE: Final = "00:00:00:00:00:00"  # what the loopback interface has


class Interface:
    """An interface as it was when this was made. One that is made anew under its name has another index."""

    def __init__(self, name: str) -> None:
        """Look it up. Raises OSError when there is none."""
        self.name = name
        self.index = socket.if_nametoindex(name)

    def gone(self) -> str:
        """Why sockets that were opened on it are of no more use; empty while it is there."""
        try:
            return "" if socket.if_nametoindex(self.name) == self.index else "the interface was replaced"
        except OSError as exc:
            return f"the interface is gone: {exc}"


def own_macs() -> frozenset[MacAddress]:
    """Name the MACs of this machine's interfaces, as of now."""
    found = set[MacAddress]()
    for interface in _ALL.iterdir() if _ALL.is_dir() else ():
        try:
            mac = (interface / "address").read_text().strip()
        except OSError:  # it went meanwhile
            continue
        if len(mac) == len(_NONE) and mac != _NONE:
            found.add(MacAddress(mac))
    return frozenset(found)
