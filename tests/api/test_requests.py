"""What every route has in common: keys, refusals in words, limits."""

import asyncio
import io
import socket
import stat
from pathlib import Path

import aiohttp
import pytest

from fibrix.api.limits import Limits
from fibrix.domain.account import ApiKey
from fibrix.errors import StoreError
from tests.fakes.health import FakeService
from tests.support.api import serving
from tests.support.site import Site, key_of, served
from tests.support.site import site as opened_site

KEY = key_of("admin")
JSON = {"Content-Type": "application/json"}
SIZE = 64 << 20
"""More than the kernel buffers of a connection."""


async def refused(response: aiohttp.ClientResponse, status: int) -> dict[str, str]:
    """Read problem details of this status."""
    assert response.status == status
    assert response.content_type == "application/problem+json"
    told: dict[str, str] = await response.json(content_type=None)
    assert told["detail"]
    return told


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer wrong", "Basic YWRtaW46YWRtaW4=", f"Bearer {KEY}x", KEY])
async def test_a_missing_or_wrong_key_is_refused_and_the_scheme_named(site: Site, header: str) -> None:
    headers = {"Authorization": header} if header else {}
    for path in ("/api/v1/machines", "/api/v1/stream", "/api/v1/events"):
        async with aiohttp.request("GET", site.url + path, headers=headers) as response:
            await refused(response, 401)
            assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert site.rig.region.of(ApiKey).get("k000000001").last_used is None


async def test_health_needs_no_key_and_tells_which_service_is_down(site: Site) -> None:
    async with aiohttp.request("GET", f"{site.url}/healthz") as response:
        assert response.status == 200
        assert (await response.json())["status"] == "ok"
    site.health.services.append(FakeService("tftp", "failed", 3, "address in use"))
    async with aiohttp.request("GET", f"{site.url}/healthz") as response:
        assert response.status == 503
        told = await response.json()
    assert told["services"][-1] == {"name": "tftp", "state": "failed", "restarts": 3, "last_error": "address in use"}


async def test_an_unknown_path_and_a_wrong_method_are_told(http: aiohttp.ClientSession) -> None:
    async with http.get("/api/v1/machine") as response:
        await refused(response, 404)
    async with http.put("/api/v1/machines") as response:
        await refused(response, 405)
        assert response.headers["Allow"] == "GET, HEAD, POST"


async def test_head_gives_the_headers_of_get(http: aiohttp.ClientSession) -> None:
    async with http.get("/api/v1/machines") as whole, http.head("/api/v1/machines") as response:
        assert (response.status, await response.read()) == (200, b"")
        assert response.headers["Content-Length"] == whole.headers["Content-Length"]


async def test_head_of_what_is_made_while_it_is_sent_has_no_body_either(http: aiohttp.ClientSession) -> None:
    async with http.head("/api/v1/audit/export") as response:
        assert (response.status, await response.read()) == (200, b"")
    async with http.get("/api/v1/me") as response:
        assert response.status == 200


@pytest.mark.parametrize(
    ("body", "status", "pointer", "words"),
    [
        (b"{", 400, "", "JSON"),
        (b"\xff\xfe", 400, "", "JSON"),
        (b"[]", 422, "", "expected `object`"),
        (b"", 422, "", "macs"),
        (b'{"macs": ["52:54:00:77:00:01"], "nmae": "x"}', 422, "/nmae", "did you mean 'name'"),
        (b'{"macs": ["52:54:00:77:00:01"], "power": {"prot": 1}}', 422, "/power/prot", "did you mean 'port'"),
        (b'{"macs": ["52:54:00:77:00:01"], "power": {"port": "x"}}', 422, "/power/port", "expected `int`"),
        (b'{"macs": ["52:54:00:77:00:01", 2]}', 422, "/macs/1", "expected `str`"),
        (b'{"macs": [], "name": "x"}', 422, "/macs", "at least one"),
        (b'{"macs": ["nonsense"], "name": "x"}', 422, "", "MAC"),
        (b'{"macs": ["52:54:00:77:00:01"], "a/b~c": 1}', 422, "/a~1b~0c", "unknown field"),
    ],
)
async def test_a_bad_body_is_refused_with_the_place_of_the_fault(
    site: Site, http: aiohttp.ClientSession, body: bytes, status: int, pointer: str, words: str
) -> None:
    async with http.post("/api/v1/machines", data=body, headers=JSON) as response:
        told = await refused(response, status)
    assert words in told["detail"]
    assert told.get("pointer", "") == pointer
    assert not site.rig.region.machines()


async def test_a_body_where_none_belongs_is_refused(site: Site, http: aiohttp.ClientSession) -> None:
    await site.put("web-1")
    async with http.delete("/api/v1/machines/web-1", json={"really": True}) as response:
        await refused(response, 422)
    assert site.rig.region.machines()


async def test_a_body_that_is_too_large_is_refused(http: aiohttp.ClientSession) -> None:
    async with http.post("/api/v1/machines", data=io.BytesIO(b" " * (1 << 20) + b"{}"), headers=JSON) as response:
        await refused(response, 413)


async def test_a_store_that_fails_is_told_with_when_to_try_again(site: Site, http: aiohttp.ClientSession) -> None:
    async def fail(*_: object, **__: object) -> list[object]:
        raise StoreError("disk full")

    site.rig.region.journal.since = fail  # type: ignore[method-assign,assignment]
    async with http.get("/api/v1/events") as response:
        assert "disk full" in (await refused(response, 503))["detail"]
        assert response.headers["Retry-After"] == "5"


async def test_every_problem_type_leads_to_an_explanation(site: Site, http: aiohttp.ClientSession) -> None:
    async with http.get("/api/v1/machines/nobody") as response:
        kind = (await refused(response, 404))["type"]
    async with aiohttp.request("GET", site.url + kind) as response:
        assert (response.status, response.content_type) == (200, "text/plain")


async def test_the_unix_socket_is_for_its_owner_and_goes_with_the_service(tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    path.write_text("left behind by a controller that was killed")
    async with opened_site(tmp_path) as opened, serving(opened.service()):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        connector = aiohttp.UnixConnector(str(path))
        async with aiohttp.ClientSession(connector=connector) as session, session.get("http://x/healthz") as response:
            assert response.status == 200
    assert not path.exists()


async def test_a_client_that_sends_its_body_too_slowly_is_cut_off(tmp_path: Path) -> None:
    async with served(tmp_path, Limits(read_s=0.2)) as site:
        reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
        head = f"POST /api/v1/machines HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nContent-Length: 99\r\n\r\n"
        writer.write(head.encode() + b"{")
        answer = await reader.read()
        writer.close()
    assert answer.startswith(b"HTTP/1.1 408")


async def test_a_client_that_takes_nothing_is_dropped_and_holds_up_nobody(tmp_path: Path) -> None:
    async with served(tmp_path, Limits(send_s=0.3)) as site:
        run = await site.put_run((await site.put("web-1")).id, b"")

        async def much(*_: object) -> bytes:
            return bytes(SIZE)

        site.rig.machines.output = much  # type: ignore[method-assign,assignment]
        with socket.socket() as slow:
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            slow.connect(("127.0.0.1", site.port))
            path = f"/api/v1/machines/web-1/runs/{run.id}/output"
            slow.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n\r\n".encode())
            async with aiohttp.request("GET", f"{site.url}/healthz") as response:
                assert response.status == 200
            await asyncio.sleep(0.6)
            taken = sum(map(len, iter(lambda: slow.recv(1 << 20), b"")))
    assert 0 < taken < SIZE


async def test_an_answer_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    headers = {"Authorization": f"Bearer {KEY}"}
    async with (
        served(tmp_path, Limits(handle_s=0.1)) as site,
        aiohttp.request("GET", f"{site.url}/api/v1/events?wait=20", headers=headers) as response,
    ):
        await refused(response, 504)
