"""Network namespaces of a test's own: a wire between a server's and a client's end, with no way out."""

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import pytest

_CLONE_NEWNET: Final = 0x40000000
_LIBC: Final = ctypes.CDLL(None, use_errno=True)

needs_root = "needs root: it makes network namespaces"


def ip(*arguments: str) -> None:
    """Run `ip`, which must succeed."""
    subprocess.run(("ip", *arguments), check=True, capture_output=True, text=True)


def add_vlan(parent: str, name: str, vlan: int) -> None:
    """Make an interface of a VLAN; skips the test where the kernel has none."""
    try:
        ip("link", "add", "link", parent, "name", name, "type", "vlan", "id", str(vlan))
    except subprocess.CalledProcessError as exc:
        pytest.skip(f"needs the kernel's VLANs (8021q): {exc.stderr.strip()}")


@contextmanager
def namespace(name: str) -> Iterator[str]:
    """A new namespace with its loopback up."""
    ip("netns", "add", name)
    try:
        ip("-n", name, "link", "set", "lo", "up")
        yield name
    finally:
        ip("netns", "del", name)


@contextmanager
def entered(name: str) -> Iterator[None]:
    """Be in a namespace: sockets that this thread opens in the block stay in it."""
    with Path("/proc/thread-self/ns/net").open() as here, Path("/run/netns", name).open() as there:
        _set(there.fileno())
        try:
            yield
        finally:
            _set(here.fileno())


def _set(descriptor: int) -> None:
    if _LIBC.setns(descriptor, _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


class Wire:
    """Two namespaces, joined by a cable: `s0` of the server, `c0` of the client."""

    def __init__(self, server: str, client: str) -> None:
        self.server = server
        self.client = client

    def plug(self, address: str) -> None:
        """Lay the cable, give the server's end its address."""
        ip("-n", self.server, "link", "add", "s0", "type", "veth", "peer", "name", "c0", "netns", self.client)
        ip("-n", self.server, "addr", "add", address, "dev", "s0")
        ip("-n", self.server, "link", "set", "s0", "up")
        ip("-n", self.client, "link", "set", "c0", "up")

    def unplug(self) -> None:
        """Take the cable away, interfaces and all."""
        ip("-n", self.server, "link", "del", "s0")


@contextmanager
def wire(prefix: str) -> Iterator[Wire]:
    """A wire that is not plugged yet; the block runs in the server's namespace."""
    with ExitStack() as stack:
        names = [stack.enter_context(namespace(f"{prefix}-{end}-{os.getpid()}")) for end in ("srv", "cli")]
        stack.enter_context(entered(names[0]))
        yield Wire(*names)
