"""Forwarding, to a resolver of dnspython on loopback that counts, fails and lies as it is told."""

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from ipaddress import IPv4Address, IPv4Network

import dns.asyncquery
import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import msgspec

from fibrix.domain.dns import DnsSnapshot
from tests.services.dns.site import LOCAL, dig, free_port, needs_clients, rack, serving, snapshot

HOST = "127.0.0.1"
ZONE = rack()


class Resolver:
    """Answers each name with an address; some names with something special."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.by_tcp = 0
        self.wrong: Callable[[dns.message.Message], bytes] | None = None  # what comes instead by UDP

    def answer(self, octets: bytes, *, stream: bool) -> bytes:
        query = dns.message.from_wire(octets)
        name = query.question[0].name
        self.asked[str(name).lower()] += 1
        self.by_tcp += stream
        if self.wrong is not None and not stream:
            return self.wrong(query)
        response = dns.message.make_response(query, recursion_available=True)
        match str(name).lower().split(".")[0]:
            case "absent":
                response.set_rcode(dns.rcode.NXDOMAIN)
                response.authority.append(dns.rrset.from_text("example.", 300, "IN", "SOA", "a. b. 1 2 3 4 60"))
            case "failing":
                response.set_rcode(dns.rcode.SERVFAIL)
            case "long" if not stream:
                response.flags |= dns.flags.TC
            case "long":
                response.answer.append(
                    dns.rrset.from_text(name, 60, "IN", "TXT", *[f'"{n:03}{"x" * 200}"' for n in range(20)])
                )
            case _:
                response.answer.append(dns.rrset.from_text(name, 60, "IN", "A", "203.0.113.9"))
        return response.to_wire(max_size=65535)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        octets = self._resolver.answer(data, stream=False)
        if octets:
            self._transport.sendto(octets, addr)  # type: ignore[attr-defined]


@asynccontextmanager
async def resolving(port: int, address: str = HOST) -> AsyncIterator[Resolver]:
    """A resolver on that port."""
    resolver = Resolver()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        octets = resolver.answer(await reader.readexactly(int.from_bytes(await reader.readexactly(2))), stream=True)
        writer.write(len(octets).to_bytes(2) + octets)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(talk, address, port)
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: _Datagrams(resolver), local_addr=(address, port)
    )
    try:
        async with server:
            yield resolver
    finally:
        transport.close()
        await asyncio.sleep(0)


def forwarding(*forwarders: str, recursion: tuple[IPv4Network, ...] = LOCAL) -> DnsSnapshot:
    return snapshot(ZONE, recursion=recursion, forwarders=tuple(map(IPv4Address, forwarders)))


async def ask(port: int, name: str, kind: str = "A", **more: object) -> dns.message.Message:
    return await dns.asyncquery.udp(dns.message.make_query(name, kind, **more), HOST, 4, port)  # type: ignore[arg-type]


async def test_others_names_are_found_once_and_kept() -> None:
    upstream = free_port()
    async with (
        resolving(upstream) as resolver,
        serving(forwarding(HOST), forward_port=upstream) as (service, _, port),
    ):
        first = await ask(port, "WWW.example.net")
        assert (
            str(first.answer[0]) == "WWW.example.net. 60 IN A 203.0.113.9"
            or first.answer[0][0].address == "203.0.113.9"
        )
        assert first.flags & dns.flags.RA
        assert not first.flags & dns.flags.AA
        async with asyncio.TaskGroup() as group:
            for number in range(20):
                group.create_task(ask(port, "www.example.net", use_edns=number % 2 - 1), name="ask")
                group.create_task(ask(port, "other.example.net"), name="ask")
        assert resolver.asked == {"www.example.net.": 1, "other.example.net.": 1}
        assert service.counts["forwarded"] == 2
        assert service.counts["cache_hits"] >= 20
        for _ in range(2):
            absent = await ask(port, "absent.example.net")
            assert absent.rcode() == dns.rcode.NXDOMAIN
        assert resolver.asked["absent.example.net."] == 1
        assert (await ask(port, "web.rack.example")).flags & dns.flags.AA


async def test_only_our_networks_are_served_so() -> None:
    upstream = free_port()
    away = (IPv4Network("192.0.2.0/24"),)
    async with (
        resolving(upstream) as resolver,
        serving(forwarding(HOST, recursion=away), forward_port=upstream) as (_, cell, port),
    ):
        assert (await ask(port, "www.example.net")).rcode() == dns.rcode.REFUSED
        cell.replace(msgspec.structs.replace(cell.value, recursion=LOCAL))
        assert (await ask(port, "www.example.net")).rcode() == dns.rcode.NOERROR
        cell.replace(msgspec.structs.replace(cell.value, forwarders=()))
        assert (await ask(port, "www.example.net")).rcode() == dns.rcode.REFUSED
        assert resolver.asked.total() == 1


async def test_the_next_forwarder_is_asked_and_failure_is_told() -> None:
    upstream = free_port()
    async with (
        resolving(upstream, "127.0.0.3") as resolver,
        serving(forwarding("127.0.0.2", "127.0.0.3"), forward_port=upstream, forward_attempt_s=0.3) as (
            service,
            _,
            port,
        ),
    ):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
            silent.bind(("127.0.0.2", upstream))
            assert (await ask(port, "www.example.net")).answer
            for _ in range(2):
                assert (await ask(port, "failing.example.net", use_edns=0)).rcode() == dns.rcode.SERVFAIL
        assert resolver.asked["failing.example.net."] == 1  # a failure is remembered for a moment
        assert service.counts["forward_failed"] == 1


@needs_clients
async def test_a_long_answer_comes_by_tcp_all_the_way() -> None:
    upstream = free_port()
    async with (
        resolving(upstream) as resolver,
        serving(forwarding(HOST), forward_port=upstream) as (_, _, port),
    ):
        assert (await ask(port, "long.example.net", "TXT")).flags & dns.flags.TC
        assert (await dig(port, "+short", "long.example.net", "TXT")).count('"') == 40
        assert resolver.by_tcp == 1


async def test_a_guess_is_not_believed() -> None:
    upstream = free_port()

    def guessed(query: dns.message.Message) -> bytes:
        response = dns.message.make_response(query)
        response.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "A", "198.51.100.66"))
        name = query.question[0].name.to_wire() or b""
        return response.to_wire().replace(name, name.swapcase())

    async with (
        resolving(upstream) as resolver,
        serving(forwarding(HOST), forward_port=upstream) as (_, _, port),
    ):
        resolver.wrong = guessed  # the right id, but the case of letters is not given back
        answers = {(await ask(port, "www.example.net")).answer[0][0].address for _ in range(2)}
        assert answers == {"203.0.113.9"}
        assert resolver.by_tcp == 1
        resolver.wrong = lambda query: b"\xff" * 40
        async with asyncio.timeout(8):
            assert (await ask(port, "odd.example.net")).rcode() == dns.rcode.SERVFAIL


@needs_clients
async def test_a_chain_that_leaves_our_zones_is_told_whole() -> None:
    upstream = free_port()
    async with (
        resolving(upstream),
        serving(forwarding(HOST), forward_port=upstream) as (_, _, port),
    ):
        assert (await dig(port, "+short", "far.rack.example")).split() == ["www.elsewhere.example.", "203.0.113.9"]
        assert (await dig(port, "+short", "+tcp", "x.sub.rack.example")).split() == ["203.0.113.9"]


async def test_no_more_than_so_many_are_under_way_and_little_is_kept() -> None:
    upstream = free_port()
    async with (
        resolving(upstream) as resolver,
        serving(forwarding(HOST), forward_port=upstream, forward_most=5, cache_entries=3) as (service, _, port),
    ):
        for number in range(6):
            await ask(port, f"n{number}.example.net")
        await ask(port, "n0.example.net")
        assert resolver.asked["n0.example.net."] == 2
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            for number in range(50):
                sock.sendto(dns.message.make_query(f"m{number}.example.net", "A").to_wire(), (HOST, port))
        async with asyncio.timeout(3):
            while service.counts["overloaded"] < 40:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert service.counts["forwarded"] <= 7 + 10
