"""What no sane client sends: it is refused in words or cut off, in time, without a 500, and the server goes on."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from fibrix.api.limits import Limits
from tests.support.site import Site, key_of, served

KEY = f"Authorization: Bearer {key_of('admin')}\r\n"
LIMITS = Limits(head_s=0.4, read_s=0.4, send_s=2.0, connections=8)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """An API with little patience."""
    async with served(tmp_path, LIMITS) as opened:
        yield opened


async def told(site: Site, data: bytes, *, slowly: bytes = b"") -> bytes:
    """Send bytes, then others one by one; gives all that is answered until the server ends the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    try:
        writer.write(data)
        for each in slowly:
            writer.write(bytes([each]))
            await asyncio.sleep(0.05)
        async with asyncio.timeout(5):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def goes_on(site: Site) -> None:
    """The server answers others."""
    async with site.client() as http, http.get("/api/v1/machines") as response:
        assert response.status == 200


def statuses(answer: bytes) -> list[int]:
    """The status of each answer in what was received."""
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3}) ", answer)]


def get(path: str, *headers: str) -> bytes:
    """A request that is the last on its connection."""
    lines = "".join(f"{header}\r\n" for header in headers)
    return f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{KEY}{lines}\r\n".encode("latin-1")


def post(body: bytes, *headers: str) -> bytes:
    """A changing request."""
    lines = "".join(f"{header}\r\n" for header in headers)
    return f"POST /api/v1/machines HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{KEY}{lines}\r\n".encode() + body


@pytest.mark.parametrize(
    ("data", "allowed"),
    [
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64), {400}, id="a TLS hello"),
        pytest.param(b"\x00" * 200 + b"\r\n\r\n", {400}, id="NULs"),
        pytest.param(b"\xff\xfe garbage \x01\r\n\r\n", {400}, id="garbage"),
        pytest.param(b"GET\r\n\r\n", {400}, id="half a request line"),
        pytest.param(b"GET / HTTP/9.9\r\n\r\n", {400}, id="a version that is none"),
        pytest.param(b"GET /api/v1/machines HTTP/1.0\r\n\r\n", {401}, id="HTTP/1.0"),
        pytest.param(get("/api/v1/machines", "X: " + "y" * 20_000), {400}, id="a header too long"),
        pytest.param(get("/api/v1/machines", *[f"X-{n}: y" for n in range(5000)]), {400}, id="headers without end"),
        pytest.param(get("/api/v1/machines?filter=" + "a" * 60_000), {400}, id="a huge query"),
        pytest.param(get("/api/v1/machines?filter=" + "a" * 7_000), {422}, id="a long query"),
        pytest.param(get("/api/v1/machines?" + "&".join("limit=1" for _ in range(900))), {422}, id="many parameters"),
        pytest.param(get("/api/v1/machines", "Bad Header: x"), {400}, id="a space in a header's name"),
        pytest.param(get("/api/v1/machines", "X: a\x00b"), {400}, id="NUL in a header"),
        pytest.param(get("/api/v1/machines", "X-Request-Id: \xff\xfe"), {200}, id="bytes in the request id"),
        pytest.param(get("/api/v1/machines", "If-None-Match: \xff, \"\"\", W/"), {200}, id="bytes in a condition"),
        pytest.param(get("/api/v1/machines", "Accept: ;;;,,q=x"), {406}, id="nonsense in Accept"),
        pytest.param(get("/api/v1/machines", "Accept-Encoding: gzip;q=nan, \xff"), {200}, id="nonsense in encodings"),
        pytest.param(get("/api/v1/machines/\x00"), {400, 404}, id="NUL in the path"),
        pytest.param(get("/api/v1/machines/%00"), {404}, id="%00 in the path"),
        pytest.param(get("/api/v1/machines/%ff%fe"), {404}, id="no UTF-8 in the path"),
        pytest.param(get("/api/v1/machines/%zz%"), {400, 404}, id="half an escape in the path"),
        pytest.param(get("/api/v1/machines/../../../etc/passwd"), {404}, id="dots in the path"),
        pytest.param(get("/api/v1/machines/..%2f..%2fetc%2fpasswd"), {404}, id="escaped dots in the path"),
        pytest.param(get("/api/v1/machines?filter=%ff%00&sort=%00"), {422}, id="bytes in the query"),
        pytest.param(get("//api/v1/machines"), {404}, id="two slashes"),
        pytest.param(get("http://elsewhere/api/v1/machines"), {200, 404}, id="an absolute form"),
        pytest.param(get("/" + "a/" * 4000), {400, 404}, id="many segments"),
        pytest.param(b"CONNECT x:443 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", {400, 404, 405}, id="CONNECT"),
        pytest.param(b"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", {400, 404, 405}, id="OPTIONS *"),
        pytest.param(
            b"TRACE /api/v1/machines HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", {400, 405}, id="TRACE"
        ),
        pytest.param(
            b"BREW /api/v1/machines HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", {400, 405}, id="BREW"
        ),
        pytest.param(post(b"", "Content-Length: -1"), {400}, id="a negative length"),
        pytest.param(post(b"", "Content-Length: 99999999999999999999999"), {400, 413}, id="an absurd length"),
        pytest.param(post(b"", "Content-Length: 1e3"), {400}, id="a length that is no number"),
        pytest.param(post(b"{}", "Content-Length: 2", "Content-Length: 3"), {400}, id="two lengths"),
        pytest.param(post(b"0\r\n\r\n", "Content-Length: 5", "Transfer-Encoding: chunked"), {400}, id="both lengths"),
        pytest.param(post(b"zz\r\n{}\r\n0\r\n\r\n", "Transfer-Encoding: chunked"), {400}, id="a chunk's size is none"),
        pytest.param(
            post(b"ffffffffffffffffff\r\n{}\r\n", "Transfer-Encoding: chunked"), {400, 413}, id="an absurd chunk"
        ),
        pytest.param(post(b"{}", "Content-Length: 2", "Content-Type: text/xml"), {415}, id="a type that is not taken"),
        pytest.param(post(b"\x1f\x8bxx", "Content-Length: 4", "Content-Encoding: gzip"), {400}, id="no gzip"),
        pytest.param(post(b"[" * 100_000, "Content-Length: 100000"), {400}, id="deep nesting"),
    ],
)  # fmt: skip
async def test_a_malformed_request_is_refused_and_the_server_goes_on(
    site: Site, data: bytes, allowed: set[int]
) -> None:
    answer = await told(site, data)
    assert statuses(answer)[:1], answer
    assert statuses(answer)[0] in allowed, answer
    await goes_on(site)


@pytest.mark.parametrize("path", ["/api/v1/machine", "/", "", "/api/v1/machines/a/b/c", "/api/v1/machines/"])
async def test_a_path_that_is_none_is_told_with_an_id(site: Site, path: str) -> None:
    async with site.client() as http, http.get(path or "/") as response:
        assert response.status == 404
        assert response.content_type == "application/problem+json"
        assert response.headers["X-Request-Id"]


async def test_a_head_that_comes_too_slowly_is_cut_off_with_words(site: Site) -> None:
    answer = await told(site, b"GET /healthz HTTP/1.1\r\n", slowly=b"X-Slow: aaaaaaaaaaaaaaaaaaaa")
    assert statuses(answer) in ([408], [])
    assert not answer or b"application/problem+json" in answer
    await goes_on(site)


async def test_who_says_nothing_is_cut_off_with_words(site: Site) -> None:
    assert statuses(await told(site, b"")) == [408]
    await goes_on(site)


async def test_a_body_that_comes_too_slowly_is_cut_off(site: Site) -> None:
    assert statuses(await told(site, post(b"{", "Content-Length: 9")))[:1] == [408]
    await goes_on(site)


async def test_one_connection_too_many_is_refused_and_the_owner_still_gets_in(site: Site) -> None:
    opened = [await asyncio.open_connection("127.0.0.1", site.port) for _ in range(LIMITS.connections)]
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    async with asyncio.timeout(5):
        answer = await reader.read()
    assert statuses(answer) == [503]
    writer.close()
    connector = aiohttp.UnixConnector(str(site.state_dir / "api.sock"))
    async with aiohttp.ClientSession(connector=connector) as http, http.get("http://x/healthz") as response:
        assert response.status == 200
    for _, other in opened:
        other.close()
    await asyncio.sleep(0.1)
    await goes_on(site)


async def test_requests_one_behind_the_other_are_answered_in_order(site: Site) -> None:
    first = f"GET /api/v1/machines HTTP/1.1\r\nHost: x\r\n{KEY}\r\n".encode()
    lost = f"GET /api/v1/nothing HTTP/1.1\r\nHost: x\r\n{KEY}\r\n".encode()
    answer = await told(site, (first + lost) * 50 + get("/healthz"))
    assert statuses(answer) == [200, 404] * 50 + [200]


async def test_a_client_that_waits_for_leave_to_send_gets_it(site: Site) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    body = b'{"macs": ["52:54:00:77:00:01"]}'
    writer.write(post(b"", f"Content-Length: {len(body)}", "Expect: 100-continue", "Content-Type: application/json"))
    async with asyncio.timeout(5):
        assert (await reader.readline()).startswith(b"HTTP/1.1 100")
        await reader.readline()
        writer.write(body)
        assert (await reader.readline()).startswith(b"HTTP/1.1 201")
    writer.close()


async def test_who_is_not_let_in_need_not_send(site: Site) -> None:
    data = post(b"", "Content-Length: 9", "Expect: 100-continue").replace(KEY.encode(), b"")
    assert statuses(await told(site, data)) == [401]


async def test_a_body_too_large_is_refused_before_it_is_all_sent(site: Site) -> None:
    answer = await told(site, post(b" " * (2 << 20), f"Content-Length: {10 << 20}"))
    assert statuses(answer)[:1] in ([413], [])
    await goes_on(site)


@pytest.mark.parametrize("path", ["/api/v1/machines", "/api/v1/openapi.json", "/healthz"])
async def test_head_says_what_get_would_and_nothing_more(site: Site, path: str) -> None:
    head = await told(site, get(path).replace(b"GET", b"HEAD", 1))
    assert statuses(head) == [200]
    assert head.endswith(b"\r\n\r\n")


async def test_a_method_that_is_not_for_a_path_is_told_what_is(site: Site) -> None:
    async with site.client() as http, http.delete("/api/v1/machines") as response:
        assert response.status == 405
        assert response.headers["Allow"] == "GET, HEAD, POST"
