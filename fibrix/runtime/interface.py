"""A network interface that sockets are open on, and whether it is still the same one."""

import socket


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
