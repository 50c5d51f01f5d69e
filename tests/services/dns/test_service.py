"""The service on loopback: dig, delv, nsupdate, dnspython ask it; and any bytes."""

import asyncio
import os
import random
import socket
from ipaddress import IPv4Address

import dns.asyncquery
import dns.message
import msgspec
import pytest

from fibrix.domain.dns import Record
from fibrix.services.dns import udp
from fibrix.services.dns.batch import KernelBatch, PlainBatch
from tests.services.dns.site import changed, dig, needs_clients, rack, reverse, run, serving, snapshot

HOST = "127.0.0.1"
OTHER = "127.0.0.2"  # asked from HOST
HERE = (IPv4Address(OTHER),)


@needs_clients
async def test_dig_gets_every_type() -> None:
    async with serving(snapshot(rack(), reverse())) as (service, _, port):
        assert (await dig(port, "+short", "web.rack.example")).split() == ["192.0.2.10", "192.0.2.11"]
        assert (await dig(port, "+short", "mail.rack.example", "AAAA")).split() == ["2001:db8::3"]
        assert (await dig(port, "+short", "rack.example", "SOA")).split()[:3] == [
            "ns1.rack.example.", "hostmaster.rack.example.", "1",
        ]  # fmt: skip
        assert (await dig(port, "+short", "_sip._tcp.rack.example", "SRV")).strip() == "0 5 5060 web.rack.example."
        assert (await dig(port, "+short", "ca.rack.example", "CAA")).strip() == '0 issue "ca.example"'
        assert (await dig(port, "+short", "10.0/25.2.0.192.in-addr.arpa", "PTR")).strip() == "web.rack.example."
        assert (await dig(port, "+short", "rack.example", "TXT")).strip() == '"v=spf1 -all"'
        assert "NXDOMAIN" in await dig(port, "nothing.rack.example")
        assert "REFUSED" in await dig(port, "elsewhere.example")
        assert "NOTIMP" in await dig(port, "+opcode=STATUS", "rack.example")
        assert "BADVERS" in await dig(port, "+edns=5", "+noednsneg", "rack.example")
        assert "REFUSED" in await dig(port, "version.bind", "CH", "TXT")
        assert service.queries["A"] == 4
        assert service.answers["NXDOMAIN"] == 1


@needs_clients
async def test_what_is_too_long_for_udp_comes_by_tcp() -> None:
    async with serving(snapshot(rack())) as (_, _, port):
        short = await dig(port, "+ignore", "big.rack.example", "TXT")
        assert " tc" in short
        whole = await dig(port, "+short", "big.rack.example", "TXT")
        assert len(whole.splitlines()) == 20


@needs_clients
async def test_delv_trusts_nothing_and_shows_it() -> None:
    async with serving(snapshot(rack())) as (_, _, port):
        told = await run("delv", "@127.0.0.1", "-p", str(port), "-i", "+nocrypto", "web.rack.example", "A")
        assert "192.0.2.10" in told


@needs_clients
async def test_nsupdate_is_refused() -> None:
    async with serving(snapshot(rack())) as (service, _, port):
        script = f"server 127.0.0.1 {port}\nzone rack.example\nupdate add x.rack.example 60 A 192.0.2.99\nsend\n"
        assert "NOTIMP" in await run("nsupdate", stdin=script)
        assert service.queries["OPCODE5"] >= 1


async def test_a_new_record_is_answered_at_once_and_gone_at_once() -> None:
    record = Record(name="new.rack.example", type="A", ttl=60, value="192.0.2.77")
    async with serving(snapshot(rack(), listen=HERE)) as (service, cell, port):
        query = dns.message.make_query("new.rack.example", "A")
        other = dns.message.make_query("web.rack.example", "A")
        for _ in range(2):
            assert (await dns.asyncquery.udp(query, OTHER, 2, port)).rcode() == 3
            assert len((await dns.asyncquery.udp(other, OTHER, 2, port)).answer[0]) == 2
        first = rack()
        second = changed(cell.value.zones["rack.example"], add=[record])
        cell.replace(snapshot(second, listen=HERE))
        assert str((await dns.asyncquery.udp(query, OTHER, 2, port)).answer[0][0]) == "192.0.2.77"
        hits = service.counts["answer_hits"]
        await dns.asyncquery.udp(other, OTHER, 2, port)
        assert service.counts["answer_hits"] == hits + 1  # what did not change is not made anew
        cell.replace(snapshot(changed(second, remove=[record]), listen=HERE))
        assert (await dns.asyncquery.udp(query, OTHER, 2, port)).rcode() == 3
        cell.replace(snapshot(listen=HERE))
        assert (await dns.asyncquery.udp(other, OTHER, 2, port)).rcode() == 5
        cell.replace(snapshot(first, listen=HERE))
        await asyncio.sleep(0.01)
        assert (await dns.asyncquery.udp(other, OTHER, 2, port)).rcode() == 0


async def test_a_large_zone_is_made_without_stopping_others() -> None:
    many = [Record(name=f"n{n}.rack.example", type="A", ttl=60, value="192.0.2.1") for n in range(10_000)]
    query = dns.message.make_query("web.rack.example", "A")
    async with serving(snapshot(rack())) as (_, cell, port):
        large = changed(rack(), add=many)
        cell.replace(snapshot(msgspec.structs.replace(large, changes=())))
        assert (await dns.asyncquery.udp(query, HOST, 2, port)).rcode() == 0
        last = dns.message.make_query("n9999.rack.example", "A")
        async with asyncio.timeout(3):
            while (await dns.asyncquery.udp(last, HOST, 2, port)).rcode() != 0:  # noqa: ASYNC110
                await asyncio.sleep(0.01)


async def test_many_questions_in_one_connection_and_too_many_connections_are_refused() -> None:
    async with serving(snapshot(rack()), connections_each=2) as (service, _, port):
        reader, writer = await asyncio.open_connection(HOST, port)
        query = dns.message.make_query("web.rack.example", "A").to_wire()
        writer.write((len(query).to_bytes(2) + query) * 50)
        for _ in range(50):
            answer = await reader.readexactly(int.from_bytes(await reader.readexactly(2)))
            assert len(dns.message.from_wire(answer).answer[0]) == 2
        second = await asyncio.open_connection(HOST, port)
        third = await asyncio.open_connection(HOST, port)
        assert await third[0].read() == b""  # too many from one address
        assert service.counts["refused_connections"] == 1
        for _, open_writer in ((reader, writer), second, third):
            open_writer.close()


async def test_a_connection_in_which_nothing_whole_comes_is_closed() -> None:
    async with serving(snapshot(rack()), idle_s=0.3) as (_, _, port):
        reader, writer = await asyncio.open_connection(HOST, port)
        writer.write(b"\0")
        async with asyncio.timeout(8):  # it would be 10 s
            assert await reader.read() == b""
        writer.close()


async def test_an_address_that_is_not_there_is_told_and_stops_no_other() -> None:
    away, home = IPv4Address("192.0.2.200"), IPv4Address("127.0.0.2")
    async with serving(snapshot(rack(), listen=(away, IPv4Address(HOST)))) as (service, cell, port):
        assert service.serving == (HOST,)
        assert list(service.closed) == [str(away)]
        cell.replace(msgspec.structs.replace(cell.value, listen=(home,)))
        await asyncio.sleep(0.05)
        assert service.serving == (str(home),)
        assert not service.closed
        answer = await dns.asyncquery.udp(dns.message.make_query("web.rack.example", "A"), str(home), 2, port)
        assert answer.answer


@pytest.mark.parametrize("kind", [KernelBatch, PlainBatch])
async def test_any_bytes_are_counted_and_it_goes_on(kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(udp, "batch_for", kind)
    chance = random.Random(4)
    good = dns.message.make_query("web.rack.example", "A", use_edns=0).to_wire()
    async with serving(snapshot(rack())) as (service, _, port):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.connect((HOST, port))
            for number in range(400):
                mutated = bytearray(good)
                mutated[chance.randrange(len(good))] = chance.randrange(256)
                sock.send(os.urandom(chance.randrange(60)) if number % 2 else bytes(mutated))
                if number % 50 == 0:
                    await asyncio.sleep(0)
        reader, writer = await asyncio.open_connection(HOST, port)
        writer.write(b"\0\x05junk!" + b"\0\0" + b"\0\x14" + os.urandom(20) + len(good).to_bytes(2) + good)
        async with asyncio.timeout(3):
            while True:
                answer = await reader.readexactly(int.from_bytes(await reader.readexactly(2)))
                if answer[:2] == good[:2] and answer[3] & 15 == 0:
                    break
        writer.close()
        assert service.counts["malformed"] > 50
        assert len((await dns.asyncquery.udp(dns.message.from_wire(good), HOST, 2, port)).answer[0]) == 2


async def test_who_asks_too_much_gets_less_than_asked() -> None:
    async with serving(snapshot(rack()), rate=20) as (service, _, port):
        query = dns.message.make_query("web.rack.example", "A").to_wire()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sock:
            sock.connect((HOST, port))
            for _ in range(100):
                sock.send(query)
            await asyncio.sleep(0.2)
            answers = []
            while True:
                try:
                    answers.append(sock.recv(4096))
                except BlockingIOError:
                    break
        full = [answer for answer in answers if not answer[2] & 2]
        slipped = [answer for answer in answers if answer[2] & 2]
        assert 20 <= len(full) <= 26
        assert 35 <= len(slipped) <= 40
        assert all(len(answer) <= len(query) for answer in slipped)
        assert service.counts["limited"] >= 70
        whole = await dns.asyncquery.tcp(dns.message.from_wire(query), HOST, 2, port)
        assert whole.answer


async def test_answers_are_not_answered() -> None:
    async with serving(snapshot(rack())) as (service, _, port):
        answer = dns.message.make_response(dns.message.make_query("web.rack.example", "A")).to_wire()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sock:
            sock.connect((HOST, port))
            sock.send(answer)
            await asyncio.sleep(0.05)
            with pytest.raises(BlockingIOError):
                sock.recv(4096)
        assert service.counts["answer"] == 1
