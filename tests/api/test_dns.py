"""Zones, records and keys over real HTTP: what is declared is answered at once, what cannot be is refused in words."""

import base64
from typing import Any

import aiohttp
import pytest

from fibrix.app.api import build_api_ports
from tests.support.site import Site

ZONES = "/api/v1/dns/zones"
KEYS = "/api/v1/dns/keys"
Json = dict[str, Any]


async def call(http: aiohttp.ClientSession, method: str, path: str, body: Json | None = None, **headers: str) -> Json:
    """Make a request that succeeds."""
    async with http.request(method, path, json=body, headers=headers) as response:
        text = await response.text()
        assert response.status < 300, text
        found: Json = await response.json() if text else {}
        return found


async def refused(
    http: aiohttp.ClientSession, method: str, path: str, body: Json | None = None, **headers: str
) -> Json:
    """Make a request that is refused."""
    async with http.request(method, path, json=body, headers=headers) as response:
        assert response.status >= 400
        found: Json = await response.json()
        return {"status": response.status} | found


async def said(http: aiohttp.ClientSession, name: str, kind: str = "A") -> list[str]:
    found = await call(http, "GET", f"/api/v1/dns/lookup?name={name}&type={kind}")
    return [record["value"] for record in found["records"]]


async def test_a_zone_from_its_declaration_to_its_end(site: Site, http: aiohttp.ClientSession) -> None:
    made = await call(http, "POST", ZONES, {"name": "Rack.Example.", "mailbox": "dns@isp.example"})
    assert (made["name"], made["kind"], made["automatic"], made["mailbox"]) == (
        "rack.example",
        "forward",
        False,
        "dns.isp.example",
    )
    listed = (await call(http, "GET", f"{ZONES}?filter=automatic=true"))["items"]
    assert [zone["name"] for zone in listed] == ["1.168.192.in-addr.arpa"]
    assert listed[0]["subnets"] == ["racks"]
    before = await call(http, "GET", f"{ZONES}/rack.example/status")
    assert before["primary"] == "ns.rack.example"
    assert await said(http, "ns.rack.example") == ["192.168.1.1"]
    async with http.get(f"{ZONES}/rack.example") as response:
        tag = response.headers["ETag"]
    edited = await call(http, "PATCH", f"{ZONES}/rack.example", {"ttl": 60}, **{"If-Match": tag})
    assert (edited["ttl"], edited["revision"]) == (60, 2)
    assert (await refused(http, "PATCH", f"{ZONES}/rack.example", {"ttl": 90}, **{"If-Match": tag}))["status"] == 412
    after = await call(http, "GET", f"{ZONES}/rack.example/status")
    assert after["serial"] > before["serial"]
    assert after["oldest"] == before["serial"]
    await call(http, "DELETE", f"{ZONES}/rack.example")
    assert (await refused(http, "GET", f"{ZONES}/rack.example"))["status"] == 404
    types = [entry.type for entry in await site.rig.region.journal.since(0) if entry.type.startswith("dns.")]
    assert types == ["dns.zone_added", "dns.zone_updated", "dns.zone_deleted"]


async def test_a_record_is_answered_when_the_request_is(site: Site, http: aiohttp.ClientSession) -> None:
    await call(http, "POST", ZONES, {"name": "rack.example"})
    records = f"{ZONES}/rack.example/records"
    made = await call(http, "POST", records, {"name": "www", "type": "a", "value": "192.0.2.80"})
    assert made == {
        "id": made["id"],
        "zone": "rack.example",
        "name": "www.rack.example",
        "type": "A",
        "ttl": None,
        "value": "192.0.2.80",
    }
    assert await said(http, "www.rack.example") == ["192.0.2.80"]
    new = {"name": "www", "type": "A", "value": "192.0.2.81", "ttl": 5}
    assert (await refused(http, "PUT", f"{records}/{made['id']}", new))["status"] == 428
    await call(http, "PUT", f"{records}/{made['id']}", new, **{"If-Match": "*"})
    assert await said(http, "www.rack.example") == ["192.0.2.81"]
    await call(http, "POST", records, {"name": "@", "type": "MX", "value": "10 mail.isp.example"})
    listed = (await call(http, "GET", f"{records}?filter=source=added&sort=type"))["items"]
    assert [(r["type"], r["value"]) for r in listed] == [("A", "192.0.2.81"), ("MX", "10 mail.isp.example")]
    everything = (await call(http, "GET", records))["items"]
    assert {(r["type"], r["source"]) for r in everything} == {
        ("A", "added"),
        ("A", "zone"),
        ("MX", "added"),
        ("NS", "zone"),
    }
    await call(http, "DELETE", f"{records}/{made['id']}")
    assert await said(http, "www.rack.example") == []
    assert (await refused(http, "DELETE", f"{records}/{made['id']}"))["status"] == 404


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("", {"name": "rack.example"}, 409, "already"),
        ("", {"name": "a..b"}, 422, "no domain name"),
        ("", {"name": "b.example", "ttl": -1}, 422, "ttl"),
        ("", {"name": "b.example", "secondaries": [{"address": "x"}]}, 422, "not an IPv4"),
        ("", {"name": "b.example", "secondaries": [{"address": "192.0.2.1", "key": "no"}]}, 422, "no DNS key"),
        ("/rack.example/records", {"name": "www", "type": "A", "value": "192.0.2.80"}, 409, "there already"),
        ("/rack.example/records", {"name": "www", "type": "CNAME", "value": "x.example"}, 409, "stands alone"),
        ("/rack.example/records", {"name": "@", "type": "CNAME", "value": "x.example"}, 422, "SOA"),
        ("/rack.example/records", {"name": "x", "type": "A", "value": "300.0.2.1"}, 422, "IPv4"),
        ("/rack.example/records", {"name": "x", "type": "LOC", "value": "here"}, 422, "no type"),
        ("/rack.example/records", {"name": "x.org.", "type": "A", "value": "192.0.2.1"}, 422, "not in the zone"),
        ("/no.example/records", {"name": "x", "type": "A", "value": "192.0.2.1"}, 404, "no zone"),
    ],
)
async def test_what_cannot_be_is_refused_in_words(
    http: aiohttp.ClientSession, path: str, body: Json, status: int, words: str
) -> None:
    await call(http, "POST", ZONES, {"name": "rack.example"})
    await call(http, "POST", f"{ZONES}/rack.example/records", {"name": "www", "type": "A", "value": "192.0.2.80"})
    said_no = await refused(http, "POST", ZONES + path, body)
    assert said_no["status"] == status
    assert words in str(said_no)


async def test_a_secret_is_shown_once_and_never_again(site: Site, http: aiohttp.ClientSession) -> None:
    made = await call(http, "POST", KEYS, {"name": "Transfer"})
    secret = made["secret"]
    assert made["key"]["name"] == "transfer"
    given = await call(http, "POST", KEYS, {"name": "two", "algorithm": "hmac-sha512", "secret": secret})
    assert given["secret"] == secret
    assert (await refused(http, "POST", KEYS, {"name": "three", "secret": "short"}))["status"] == 422
    secondary = {"address": "192.0.2.53", "key": "transfer"}
    await call(http, "POST", ZONES, {"name": "rack.example", "secondaries": [secondary]})
    snapshot = site.rig.core.dns.cell.value
    assert snapshot.keys["transfer"].secret == base64.b64decode(secret)
    assert snapshot.zones["rack.example"].secondaries[0].key == "transfer"
    assert "rack.example" in str(await refused(http, "DELETE", f"{KEYS}/transfer"))
    await call(http, "DELETE", f"{KEYS}/two")
    assert set(site.rig.core.dns.cell.value.keys) == {"transfer"}
    shown = [await call(http, "GET", path) for path in (KEYS, f"{KEYS}/transfer", ZONES, "/api/v1/audit")]
    journal = [entry.data for entry in await site.rig.region.journal.since(0)]
    assert secret not in f"{shown}{journal}{snapshot!r}"


async def test_a_zone_that_is_there_by_itself_is_changed_by_declaring_it(http: aiohttp.ClientSession) -> None:
    name = "1.168.192.in-addr.arpa"
    assert (await refused(http, "PATCH", f"{ZONES}/{name}", {"ttl": 1}, **{"If-Match": "*"}))["status"] == 409
    assert (await refused(http, "DELETE", f"{ZONES}/{name}"))["status"] == 409
    await call(http, "POST", f"{ZONES}/{name}/records", {"name": "7", "type": "PTR", "value": "printer.example"})
    assert await said(http, f"7.{name}", "PTR") == ["printer.example"]
    await call(http, "POST", ZONES, {"name": name, "ttl": 7})
    assert (await call(http, "GET", f"{ZONES}/{name}"))["automatic"] is False
    await call(http, "DELETE", f"{ZONES}/{name}")
    assert (await call(http, "GET", f"{ZONES}/{name}"))["automatic"] is True
    assert await said(http, f"7.{name}", "PTR") == []


async def test_a_record_goes_into_the_nearest_zone(http: aiohttp.ClientSession) -> None:
    for name in ("rack.example", "dc1.rack.example"):
        await call(http, "POST", ZONES, {"name": name})
    body = {"name": "www.dc1", "type": "A", "value": "192.0.2.80"}
    assert "dc1.rack.example: add it there" in str(await refused(http, "POST", f"{ZONES}/rack.example/records", body))
    assert await said(http, "dc1.rack.example", "NS") == ["ns.dc1.rack.example"]
    records = (await call(http, "GET", f"{ZONES}/rack.example/records"))["items"]
    assert ("dc1.rack.example", "NS", "zone") in {(r["name"], r["type"], r["source"]) for r in records}


async def test_a_request_that_comes_twice_is_done_once(http: aiohttp.ClientSession) -> None:
    body = {"name": "rack.example"}
    once = {"Idempotency-Key": "zone-1"}
    first = await call(http, "POST", ZONES, body, **once)
    assert await call(http, "POST", ZONES, body, **once) == first


async def test_nobody_answers_for_what_no_zone_has(http: aiohttp.ClientSession) -> None:
    found = await call(http, "GET", "/api/v1/dns/lookup?name=example.org")
    assert (found["outcome"], found["zone"]) == ("elsewhere", "")
    assert (await refused(http, "GET", "/api/v1/dns/lookup?name=a&type=NULL"))["status"] == 422


async def test_what_was_declared_is_there_after_a_restart(site: Site, http: aiohttp.ClientSession) -> None:
    await call(http, "POST", ZONES, {"name": "rack.example", "secondaries": [{"address": "192.0.2.53"}]})
    again = build_api_ports(
        site.rig.shared, site.rig.region, site.rig.core, site.rig.machines, site.rig.images, site.health
    )
    assert [zone.name for zone in again.dns.zones() if not zone.automatic] == ["rack.example"]
