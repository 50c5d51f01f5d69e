"""Zone transfers and NOTIFY: dnspython takes zones, BIND's named follows as a secondary."""

import asyncio
import base64
import os
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import dns.asyncquery
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.tsig
import dns.zone
import msgspec
import pytest

from fibrix.domain.dns import Record
from fibrix.services.dns.transfer import newer
from tests.services.dns.site import (
    KEY,
    SBIN,
    changed,
    dig,
    free_port,
    needs_clients,
    needs_named,
    rack,
    secondary,
    serving,
    snapshot,
)
from tests.support.waiting import until

HOST = "127.0.0.1"
RING = {dns.name.from_text(KEY.name): dns.tsig.Key(KEY.name, KEY.secret, "hmac-sha256")}
OTHERS = {dns.name.from_text("other.example"): dns.tsig.Key("other.example", b"x" * 32)}
NEW = Record(name="new.rack.example", type="A", ttl=60, value="192.0.2.77")


def axfr(port: int, keys: dict[dns.name.Name, dns.tsig.Key] | None) -> dns.zone.Zone:
    messages = dns.query.xfr(HOST, "rack.example", port=port, timeout=3, relativize=False, keyring=keys)
    return dns.zone.from_xfr(messages, relativize=False)


async def test_dnspython_takes_a_signed_zone_of_many_messages() -> None:
    many = [Record(name=f"host-{n}.rack.example", type="A", ttl=60, value="192.0.2.1") for n in range(3000)]
    large = changed(rack(secondaries=(secondary(1),)), add=many)
    async with serving(snapshot(large)) as (service, _, port):
        zone = await asyncio.to_thread(axfr, port, RING)
        assert len(zone.nodes) == len(large.records)
        assert service.counts["transfers"] == 1


@pytest.mark.parametrize("keys", [None, OTHERS])
async def test_who_does_not_sign_as_named_gets_no_zone(keys: dict[dns.name.Name, dns.tsig.Key] | None) -> None:
    async with serving(snapshot(rack(secondaries=(secondary(1),)))) as (service, _, port):
        with pytest.raises((dns.query.TransferError, dns.tsig.PeerError)):
            await asyncio.to_thread(axfr, port, keys)
        assert service.counts["transfers"] == 0


@needs_clients
async def test_who_is_no_secondary_gets_no_zone_and_an_address_may_do() -> None:
    async with serving(snapshot(rack())) as (_, _, port):
        assert "Transfer failed" in await dig(port, "rack.example", "AXFR")
    async with serving(snapshot(rack(secondaries=(secondary(1, key=""),)))) as (_, _, port):
        assert "ca.rack.example" in await dig(port, "rack.example", "AXFR")


@needs_clients
async def test_bad_signatures_are_told_apart() -> None:
    async def told(key: dns.tsig.Key, port: int, fudge: int = 300) -> str:
        secret = base64.b64encode(key.secret).decode()
        return await dig(port, "-y", f"hmac-sha256:{key.name.to_text()}:{secret}", "rack.example", "SOA")

    async with serving(snapshot(rack())) as (_, _, port):
        assert "NOERROR" in await told(RING[dns.name.from_text(KEY.name)], port)
        bad = await told(dns.tsig.Key(KEY.name, b"w" * 32), port)
        assert "NOTAUTH" in bad
        assert "BADSIG" in bad
        assert "BADKEY" in await told(dns.tsig.Key("nobody.example", b"w" * 32), port)


@needs_named
async def test_ixfr_tells_the_difference_or_all_of_it() -> None:
    first = rack(secondaries=(secondary(1, key=""),))
    second = changed(first, add=[NEW])
    third = changed(second, remove=[NEW])
    async with serving(snapshot(third)) as (_, _, port):
        difference = await dig(port, "+short", "rack.example", "IXFR=2")
        assert len(difference.splitlines()) == 4 + 1
        assert "192.0.2.77" in difference
        assert len((await dig(port, "+short", "rack.example", "IXFR=1")).splitlines()) == 6 + 2
        assert len((await dig(port, "+short", "rack.example", "IXFR=3")).splitlines()) == 1
        assert len((await dig(port, "+short", "rack.example", "IXFR=9")).splitlines()) == 1
        assert len((await dig(port, "+short", "rack.example", "IXFR=4294967295")).splitlines()) > 40
        over_udp = await dig(port, "+notcp", "+short", "rack.example", "IXFR=1")
        assert len(over_udp.splitlines()) == 1


def test_serials_wrap() -> None:
    assert newer(1, 0xFFFFFFFF)
    assert not newer(0xFFFFFFFF, 1)
    assert not newer(1, 1)


@asynccontextmanager
async def named(folder: Path, port: int, primary: int) -> AsyncIterator[Path]:
    """BIND as a secondary of rack.example; its log."""
    secret = base64.b64encode(KEY.secret).decode()
    log = folder / "log"
    (folder / "named.conf").write_text(
        f'options {{ directory "{folder}"; listen-on port {port} {{ {HOST}; }}; listen-on-v6 {{ none; }};'
        " recursion no; pid-file none; session-keyfile none; minimal-responses yes; }; controls {};"
        f' key "{KEY.name}" {{ algorithm hmac-sha256; secret "{secret}"; }};'
        f' zone "rack.example" {{ type secondary; primaries {{ {HOST} port {primary} key "{KEY.name}"; }};'
        f' file "{folder}/zone"; min-refresh-time 3600; }};'
    )
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            "named", "-g", "-n", "1", "-c", str(folder / "named.conf"), stdout=output, stderr=subprocess.STDOUT,
            env={**os.environ, "PATH": SBIN},
        )  # fmt: skip
        try:
            yield log
        finally:
            process.kill()
            await process.wait()


async def serial_at(port: int, wanted: int) -> None:
    """Wait until a server has that serial."""
    query = dns.message.make_query("rack.example", "SOA")
    async with asyncio.timeout(7):
        while True:
            try:
                answer = await dns.asyncquery.udp(query, HOST, 0.5, port)
            except (dns.exception.Timeout, OSError):
                continue
            if answer.answer and answer.answer[0][0].serial == wanted:
                return
            await asyncio.sleep(0.02)


@needs_named
async def test_bind_follows_by_notify_and_ixfr_with_tsig(tmp_path: Path) -> None:
    there = free_port()
    first = rack(secondaries=(secondary(there),))
    async with serving(snapshot(first), notify_first_s=0.2) as (service, cell, port):
        async with named(tmp_path, there, port) as log:
            await serial_at(there, 1)
            second = changed(first, add=[NEW])
            before = service.counts["notify_answered"]
            cell.replace(snapshot(second))
            await serial_at(there, 2)  # long before it would ask by itself
            await until(lambda: service.counts["notify_answered"] > before)
            answer = await dns.asyncquery.udp(dns.message.make_query(NEW.name, "A"), HOST, 2, there)
            assert str(answer.answer[0][0]) == NEW.value
            before = service.counts["notify_answered"]
            cell.replace(snapshot(changed(second, remove=[NEW])))
            await serial_at(there, 3)
            await until(lambda: service.counts["notify_answered"] > before)
            told = log.read_text()
        assert "IXFR" in told or "incremental" in told.lower() or service.queries["IXFR"] >= 2, told
        assert service.queries["IXFR"] >= 2
        assert "not exact" not in told


@needs_named
async def test_bind_follows_when_the_zones_times_change(tmp_path: Path) -> None:
    there = free_port()
    first = rack(secondaries=(secondary(there),))
    async with serving(snapshot(first), notify_first_s=0.2) as (_, cell, port):
        async with named(tmp_path, there, port) as log:
            await serial_at(there, 1)
            authority = msgspec.structs.replace(first.authority, refresh_s=7777, negative_s=99)
            second = msgspec.structs.replace(changed(first), authority=authority, ttl=30, changes=())
            cell.replace(snapshot(second))
            await serial_at(there, 2)
            cell.replace(snapshot(changed(second, add=[NEW])))
            await serial_at(there, 3)
            answer = await dns.asyncquery.udp(dns.message.make_query("rack.example", "SOA"), HOST, 2, there)
            told = log.read_text()
        assert (answer.answer[0].ttl, answer.answer[0][0].refresh, len(answer.answer[0])) == (30, 7777, 1)
        assert "not exact" not in told, told
