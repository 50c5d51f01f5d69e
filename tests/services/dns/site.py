"""Zones for tests, and a service that serves them on loopback."""

import asyncio
import os
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from ipaddress import IPv4Address, IPv4Network

import msgspec
import pytest

from fibrix.domain.dns import Authority, DnsSnapshot, Record, Secondary, TsigKey, Zone, ZoneChange
from fibrix.runtime.cell import Cell
from fibrix.services.dns.service import DnsService
from fibrix.services.dns.settings import DnsSettings

SBIN = os.environ.get("PATH", "") + ":/usr/sbin"
needs_clients = pytest.mark.skipif(
    not all(map(shutil.which, ("dig", "delv", "nsupdate"))), reason="needs dig, delv and nsupdate: bind9-dnsutils"
)
needs_named = pytest.mark.skipif(not shutil.which("named", path=SBIN), reason="needs named: bind9")

LOOPBACK = IPv4Address("127.0.0.1")
KEY = TsigKey(name="xfer.example", secret=b"0123456789abcdef0123456789abcdef")
AUTHORITY = Authority(primary="ns1.rack.example", mailbox="hostmaster.rack.example", negative_s=45)

TABLE = """
rack.example NS ns1.rack.example
rack.example NS ns2.rack.example
rack.example MX 10 mail.rack.example
rack.example TXT "v=spf1 -all"
ns1.rack.example A 192.0.2.1
ns2.rack.example A 192.0.2.2
mail.rack.example A 192.0.2.3
mail.rack.example AAAA 2001:db8::3
web.rack.example A 192.0.2.10
web.rack.example A 192.0.2.11
www.rack.example CNAME web.rack.example
far.rack.example CNAME www.elsewhere.example
loop-a.rack.example CNAME loop-b.rack.example
loop-b.rack.example CNAME loop-a.rack.example
dead.rack.example CNAME nothing.rack.example
reverse.rack.example CNAME 10.0/25.2.0.192.in-addr.arpa
deep.empty.rack.example A 192.0.2.20
_sip._tcp.rack.example SRV 0 5 5060 web.rack.example
*.wild.rack.example A 192.0.2.30
*.wild.rack.example TXT "any"
there.wild.rack.example A 192.0.2.31
sub.rack.example NS ns.sub.rack.example
ns.sub.rack.example A 192.0.2.53
ca.rack.example CAA 0 issue "ca.example"
"""
REVERSE = """
0/25.2.0.192.in-addr.arpa NS ns1.rack.example
10.0/25.2.0.192.in-addr.arpa PTR web.rack.example
"""


def records(table: str) -> list[Record]:
    lines = [line.split(maxsplit=2) for line in table.splitlines() if line]
    return [Record(name=name, type=kind, ttl=300, value=value) for name, kind, value in lines]


def zone(name: str, entries: Iterable[Record], serial: int = 1, **more: object) -> Zone:
    by_name: dict[str, tuple[Record, ...]] = {}
    for record in entries:
        by_name[record.name] = (*by_name.get(record.name, ()), record)
    return msgspec.structs.replace(Zone(name=name, serial=serial, authority=AUTHORITY, records=by_name), **more)


def rack(**more: object) -> Zone:
    big = [Record(name="big.rack.example", type="TXT", ttl=5, value=f'"{n:02} {"x" * 90}"') for n in range(20)]
    return msgspec.structs.replace(zone("rack.example", [*records(TABLE), *big]), **more)


def reverse() -> Zone:
    return zone("0/25.2.0.192.in-addr.arpa", records(REVERSE))


def changed(old: Zone, *, add: Iterable[Record] = (), remove: Iterable[Record] = ()) -> Zone:
    """The zone's next value: what the region does."""
    added, removed = tuple(add), tuple(remove)
    by_name = dict(old.records)
    for record in removed:
        left = tuple(other for other in by_name[record.name] if other != record)
        by_name[record.name] = left
        if not left:
            del by_name[record.name]
    for record in added:
        by_name[record.name] = (*by_name.get(record.name, ()), record)
    change = ZoneChange(before=old.serial, after=old.serial + 1, removed=removed, added=added)
    return msgspec.structs.replace(old, serial=change.after, records=by_name, changes=(*old.changes, change))


def snapshot(*zones: Zone, **more: object) -> DnsSnapshot:
    value = DnsSnapshot(zones={zone.name: zone for zone in zones}, keys={KEY.name: KEY}, listen=(LOOPBACK,))
    return msgspec.structs.replace(value, **more)


def secondary(port: int = 53, key: str = KEY.name) -> Secondary:
    return Secondary(address=LOOPBACK, port=port, key=key)


def free_port() -> int:
    """A port that is free for UDP and TCP on loopback."""
    with socket.socket() as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        tcp.bind((str(LOOPBACK), 0))
        udp.bind(tcp.getsockname())
        return int(tcp.getsockname()[1])


LOCAL = (IPv4Network("127.0.0.0/8"),)


@asynccontextmanager
async def serving(value: DnsSnapshot, **settings: object) -> AsyncIterator[tuple[DnsService, Cell[DnsSnapshot], int]]:
    """A running service, its cell and its port."""
    port = free_port()
    cell = Cell(value)
    service = DnsService(cell, made(port, settings))
    ready = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(service.run(ready), name="dns")
        await ready.wait()
        yield service, cell, port
        task.cancel()


def made(port: int, settings: dict[str, object]) -> DnsSettings:
    return DnsSettings(port=port, **settings)  # type: ignore[arg-type]


async def run(*command: str, stdin: str = "") -> str:
    """Run a program; what it prints."""
    process = await asyncio.create_subprocess_exec(
        *command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    output, _ = await process.communicate(stdin.encode())
    return output.decode()


async def dig(port: int, *arguments: str) -> str:
    return await run("dig", "@127.0.0.1", "-p", str(port), "+time=2", "+tries=1", *arguments)
