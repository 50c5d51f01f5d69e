"""A switch of a test's own: a bridge in a namespace, with as many ends as the test plugs in."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from tests.support.netns import entered, ip, namespace


class Switch:
    """Every end is an interface in a namespace of its own, or in one that is there already."""

    def __init__(self, prefix: str, stack: ExitStack, name: str = "sw") -> None:
        self._prefix = prefix
        self._stack = stack
        self._ports = 0
        self._name = self.host(name)
        ip("-n", self._name, "link", "add", "br0", "type", "bridge")
        ip("-n", self._name, "link", "set", "br0", "up")

    def another(self, name: str) -> "Switch":
        """A second switch, that nothing connects to this one yet."""
        return Switch(self._prefix, self._stack, name)

    def host(self, name: str) -> str:
        """A new namespace, gone with the test."""
        return self._stack.enter_context(namespace(self.host_name(name)))

    def host_name(self, name: str) -> str:
        """How a namespace that was made by `host` is called."""
        return f"{self._prefix}-{name}-{os.getpid()}"

    def plug(self, host: str, interface: str, address: str = "", mac: str = "") -> None:
        """Connect an interface of a namespace, with an address like `10.77.0.1/24`."""
        self._ports += 1
        port = f"p{self._ports}"
        hardware = ("address", mac) if mac else ()
        peer = ("peer", "name", interface, *hardware, "netns", host)
        ip("-n", self._name, "link", "add", port, "type", "veth", *peer)
        ip("-n", self._name, "link", "set", port, "master", "br0", "up")
        ip("-n", host, "link", "set", interface, "up")
        if address:
            ip("-n", host, "addr", "add", address, "dev", interface)


@contextmanager
def switch(prefix: str) -> Iterator[tuple[Switch, str]]:
    """A switch and the server's namespace, in which the block runs; its interface is not plugged in yet."""
    with ExitStack() as stack:
        made = Switch(prefix, stack)
        server = made.host("srv")
        stack.enter_context(entered(server))
        yield made, server
