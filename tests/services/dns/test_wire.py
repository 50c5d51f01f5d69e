"""What loopback cannot show: addresses that come and go, and datagrams with sources that cannot be."""

import asyncio
import os
import socket
import struct
from ipaddress import IPv4Address

import dns.asyncquery
import dns.message
import pytest

from tests.services.dns.site import rack, serving, snapshot
from tests.support.netns import ip, needs_root, wire

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason=needs_root)

QUERY = dns.message.make_query("web.rack.example", "A")


async def test_an_address_that_comes_later_is_served_then() -> None:
    with wire("dnsw") as net:
        async with serving(snapshot(rack(), listen=(IPv4Address("198.18.0.1"),))) as (service, _, port):
            assert "198.18.0.1" in service.closed
            net.plug("198.18.0.1/24")
            async with asyncio.timeout(4):
                while not service.serving:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            assert not service.closed
            assert (await dns.asyncquery.udp(QUERY, "198.18.0.1", 2, port)).answer
            ip("-n", net.server, "link", "set", "s0", "down")
            ip("-n", net.server, "addr", "del", "198.18.0.1/24", "dev", "s0")
            ip("-n", net.server, "link", "set", "s0", "up")
            ip("-n", net.server, "addr", "add", "198.18.0.1/24", "dev", "s0")
            assert (await dns.asyncquery.udp(QUERY, "198.18.0.1", 2, port)).answer
            assert (await dns.asyncquery.tcp(QUERY, "198.18.0.1", 2, port)).answer


def _datagram(source: int, destination: int) -> bytes:
    payload = QUERY.to_wire()
    return struct.pack("!HHHH", source, destination, 8 + len(payload), 0) + payload


async def test_port_0_and_ourselves_get_no_answer() -> None:
    async with serving(snapshot(rack())) as (service, _, port):
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP) as sock:
            for source in (0, port):
                sock.sendto(_datagram(source, port), ("127.0.0.1", 0))
        async with asyncio.timeout(2):
            while service.counts["looped"] < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert service.counts["answer"] == 0
        assert not service.answers
