"""Who did what: everything that is asked to change something by somebody who is known, whatever came of it."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from fibrix.domain.audit import Walk
from fibrix.domain.refusals import ONE_BY_ONE
from fibrix.domain.state import State
from tests.support.site import Site
from tests.support.ssh_keys import ed25519

AUDIT = "/api/v1/audit"
KEYS = "/api/v1/ssh-keys"
PAGE = Path(__file__).parents[2] / "docs" / "audit.md"
PAGE_PROGRAM = PAGE.read_text().partition("```python\n")[2].partition("```")[0]
"""What the page gives to whoever wants to verify an export without Fibrix."""


async def records(http: aiohttp.ClientSession, **query: str) -> list[dict[str, Any]]:
    """Read records, oldest first."""
    async with http.get(AUDIT, params={"sort": "seq"} | query) as response:
        assert response.status == 200
        items: list[dict[str, Any]] = (await response.json())["items"]
        return items


async def test_a_change_is_on_record_with_what_was_before_and_after(site: Site, http: aiohttp.ClientSession) -> None:
    machine = await site.put("quick-otter", State.READY)
    headers = {"X-Request-Id": "my-own", "If-Match": "*"}
    async with http.patch("/api/v1/machines/quick-otter", json={"name": "slow-otter"}, headers=headers) as response:
        assert response.status == 200
    (record,) = await records(http)
    assert {name: record[name] for name in ("user", "user_name", "tenant", "key", "address", "request")} == {
        "user": "u000000001",
        "user_name": "admin",
        "tenant": "",
        "key": "k000000001",
        "address": "127.0.0.1",
        "request": "my-own",
    }
    assert (record["method"], record["path"]) == ("PATCH", "/api/v1/machines/quick-otter")
    assert record["subject"] == f"machines/{machine.id}"
    assert json.loads(record["before"])["name"] == "quick-otter"
    assert (record["result"], record["status"], record["reason"]) == ("done", 200, "")
    async with http.get(f"/api/v1/machines/{machine.id}") as response:
        assert record["after"] == await response.text()


async def test_what_is_made_and_what_is_removed_is_named(http: aiohttp.ClientSession) -> None:
    async with http.post(KEYS, json={"name": "ann", "key": ed25519(1)}) as response:
        made = await response.json()
    async with http.delete(f"{KEYS}/ann") as response:
        assert response.status == 204
    first, second = await records(http)
    assert (first["subject"], first["before"], json.loads(first["after"])) == ("ssh-keys/ann", "", made)
    assert (second["subject"], second["after"], second["status"]) == ("ssh-keys/ann", "", 204)


@pytest.mark.parametrize(
    ("who", "method", "path", "body", "status"),
    [
        ("auditor", "POST", KEYS, {"name": "ann", "key": ed25519(1)}, 403),
        ("acme", "DELETE", "/api/v1/machines/quick-otter", None, 403),
        ("globex", "POST", "/api/v1/machines/quick-otter/release", {}, 404),
        ("admin", "POST", "/api/v1/machines/no-such/accept", {}, 404),
        ("admin", "POST", "/api/v1/machines/quick-otter/abort", {}, 409),
        ("admin", "POST", KEYS, {"name": "ann", "key": "rot13"}, 422),
        ("admin", "POST", KEYS, {"name": 5}, 422),
        ("admin", "POST", KEYS, b"{", 400),
        ("admin", "PATCH", "/api/v1/machines/quick-otter", {"name": "slow-otter"}, 428),
    ],
)
async def test_a_refusal_is_on_record_with_its_status_and_its_words(
    site: Site, who: str, method: str, path: str, body: Any, status: int
) -> None:
    await site.put("quick-otter", State.READY)
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    async with site.client(who) as client, client.request(method, path, data=data, headers=headers) as response:
        assert response.status == status
        detail = (await response.json(content_type=None))["detail"]
    async with site.client("auditor") as auditor:
        (record,) = await records(auditor)
    assert (record["result"], record["status"], record["user_name"], record["after"]) == ("refused", status, who, "")
    assert record["reason"]
    assert record["reason"][:40] in detail


async def test_who_is_not_known_and_what_is_only_rehearsed_or_read_is_not_on_record(
    site: Site, http: aiohttp.ClientSession
) -> None:
    async with site.client("nobody") as nobody, nobody.post(KEYS, json={}) as response:
        assert response.status == 401
    async with http.post(f"{KEYS}?dry_run=true", json={"name": "ann", "key": ed25519(1)}) as response:
        assert response.status == 200
    async with http.post(f"{KEYS}?dry_run=true", json={}) as response:
        assert response.status == 422
    async with http.get(KEYS) as response:
        assert response.status == 200
    assert await records(http) == []


async def test_a_secret_is_on_record_nowhere(http: aiohttp.ClientSession) -> None:
    async with http.post("/api/v1/me/keys", json={"name": "billing"}) as response:
        assert response.status == 201
        made = await response.json()
    (secret,) = [value for value in made.values() if str(value).startswith("fibrix_")]
    (record,) = await records(http)
    assert secret not in json.dumps(record)
    assert (record["before"], record["after"], record["result"]) == ("", "", "done")


async def test_a_flood_of_refusals_does_not_fill_the_audit(site: Site, http: aiohttp.ClientSession) -> None:
    for _ in range(ONE_BY_ONE + 10):
        async with http.delete(f"{KEYS}/nobody") as response:
            assert response.status == 404
    assert len(await records(http, limit="1000")) == ONE_BY_ONE
    site.rig.clock.pass_(60)
    await site.rig.core.recorder.tidy(prune=False)
    last = (await records(http, limit="1000"))[-1]
    assert last["reason"].startswith("10 requests of this user that were refused between")


async def test_records_are_found_paged_and_shown_alone(http: aiohttp.ClientSession) -> None:
    for number in range(5):
        async with http.post(KEYS, json={"name": f"key-{number}", "key": ed25519(number)}) as response:
            assert response.status == 201
    assert [r["subject"] for r in await records(http, subject="ssh-keys/key-3")] == ["ssh-keys/key-3"]
    assert len(await records(http, subject="ssh-keys/", user="admin", result="done", since="2026-01-01T00:00:00Z")) == 5
    assert await records(http, until="2026-01-01T00:00:00Z") == []
    async with http.get(AUDIT, params={"limit": "2"}) as response:
        page = await response.json()
        assert 'rel="next"' in response.headers["Link"]
    assert [r["seq"] for r in page["items"]] == [5, 4]
    async with http.get(AUDIT, params={"limit": "3", "after": page["next"]}) as response:
        rest = await response.json()
    assert ([r["seq"] for r in rest["items"]], rest["next"]) == ([3, 2, 1], "")
    async with http.get(f"{AUDIT}/3") as response:
        assert await response.json() == rest["items"][0]


@pytest.mark.parametrize(
    "query", ["after=x", "after=-1", "after=" + "9" * 30, "since=yesterday", "result=maybe", "q=1"]
)
async def test_a_query_that_cannot_be_is_refused_in_words(http: aiohttp.ClientSession, query: str) -> None:
    async with http.get(f"{AUDIT}?{query}") as response:
        assert response.status == 422
        assert query.partition("=")[0] in (await response.json(content_type=None))["detail"]


@pytest.mark.parametrize("seq", ["0", "7", "x", "-1", "1.0", "9" * 30, "²"])
async def test_a_record_that_is_not_there_is_not_found(http: aiohttp.ClientSession, seq: str) -> None:
    async with http.get(f"{AUDIT}/{seq}") as response:
        assert response.status == 404


async def test_an_export_verifies_and_so_does_the_controller(site: Site, http: aiohttp.ClientSession) -> None:
    for number in range(5):
        async with http.post(KEYS, json={"name": f"key-{number}", "key": ed25519(number)}) as response:
            assert response.status == 201
    async with http.get(f"{AUDIT}/export") as response:
        assert response.content_type == "application/jsonl"
        lines = (await response.read()).splitlines()
    walk = Walk()
    assert all(walk.take(line) for line in lines)
    async with http.get(f"{AUDIT}/verify") as response:
        assert response.content_type == "application/json"
        assert await response.json() == json.loads(msgspec.json.encode(walk.verdict))
    async with http.get(f"{AUDIT}/export", params={"after": "3"}) as response:
        part = await response.read()
    assert part.splitlines() == lines[3:]
    told = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", PAGE_PROGRAM], input=part, capture_output=True, check=True
    )
    assert told.stdout.decode() == f"good up to record 5, hash {walk.verdict.hash}\n"


async def test_only_those_who_audit_see_it(site: Site) -> None:
    for who, status in (("auditor", 200), ("admin", 200), ("operator", 403), ("acme", 403), ("nobody", 401)):
        for path in (AUDIT, f"{AUDIT}/export", f"{AUDIT}/verify"):
            async with site.client(who) as client, client.get(path) as response:
                assert (who, path, response.status) == (who, path, status)


async def test_octets_that_are_no_text_are_on_record_all_the_same(site: Site, http: aiohttp.ClientSession) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    key = http.headers["Authorization"]
    writer.write(
        b"DELETE /api/v1/ssh-keys/%FF%00%0Aa\xff HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        b"Authorization: " + key.encode() + b"\r\n\r\n"
    )
    answer = await reader.read()
    writer.close()
    assert answer.split(b" ")[1] in {b"400", b"404"}
    assert b" 500 " not in answer
    async with http.get(f"{AUDIT}?user=%FF%00") as response:
        assert response.status == 200
    async with http.get(f"{AUDIT}/verify") as response:
        assert (await response.json())["ok"]
