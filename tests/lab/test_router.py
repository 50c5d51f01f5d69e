"""The router that offers nothing."""

import asyncio
import socket
import struct
from pathlib import Path

from fibrix.lab.process import python_module, start_daemon, stop
from tests.lab.labs import needs_root
from tests.support.netns import entered, wire

_SOLICITATION = struct.pack("!BBHI", 133, 0, 0, 0)  # RFC 4861 §4.1
_HOP_LIMIT = 255


def solicit(interface: str) -> socket.socket:
    """Open a host's socket on an interface."""
    raw = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
    raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, _HOP_LIMIT)
    raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
    raw.settimeout(0)
    return raw


@needs_root
async def test_a_solicitation_is_answered_without_lifetime_or_prefix(tmp_path: Path) -> None:
    with wire("fxra") as cable:
        cable.plug("10.9.9.1/24")
        program = (*python_module("fibrix.lab.router"), "s0")
        daemon = await start_daemon(tmp_path / "pid", tmp_path / "log", *program)
        try:
            with entered(cable.client), solicit("c0") as host:
                answer, hops = await ask(host, socket.if_nametoindex("c0"))
        finally:
            await stop([daemon])
    kind, _, _, _, flags, lifetime = struct.unpack("!BBHBBH", answer[:8])
    assert (kind, flags, lifetime) == (134, 0, 0)
    assert len(answer) == 16  # no options: no prefix, no address of the router's
    assert hops == _HOP_LIMIT  # RFC 4861 §6.1.2: else a host must not believe it


async def ask(host: socket.socket, index: int) -> tuple[bytes, int]:
    """Ask until the link is up and someone answers."""
    while True:
        try:
            host.sendto(_SOLICITATION, ("ff02::2", 0, 0, index))
        except OSError:  # the link-local address is still being checked
            await asyncio.sleep(0.1)
            continue
        for _ in range(10):
            await asyncio.sleep(0.05)
            try:
                data, ancillary, _, _ = host.recvmsg(2048, 64)
            except BlockingIOError:
                continue
            if data[0] == 134:
                return data, struct.unpack("@i", ancillary[0][2])[0]
