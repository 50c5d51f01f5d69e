"""Whatever is sent to whatever route: it is refused in words, nothing breaks, and the API goes on."""

import io
import json
from typing import Final
from urllib.parse import quote

import aiohttp
import msgspec
import pytest
from yarl import URL

from fibrix.api.route import Nothing, Route
from tests.support.routes import ROUTES, name_of, path_to
from tests.support.site import Site

WORDS: Final = (
    "' OR 1=1 --",
    "$(reboot)",
    "{{7*7}}",
    "../../etc/passwd",
    "..",
    "%2e%2e",
    "\x00",
    "a" * 5000,
    "\u202ename",
    "<script>alert(1)</script>",
    "-1",
    "9" * 400,
    "\\",
    " ",
)
"""What people and programs put where a name belongs."""

BODIES: Final = (
    b"",
    b"null",
    b"[]",
    b"3",
    b'"text"',
    b"{",
    b'{"a":1}{"b":2}',
    b"\xff\xfe{}",
    b'{"name":"\xc3\x28"}',
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b"1e400",
    b'{"name":' + b"9" * 5000 + b"}",
    b'{"name":"x","name":"y"}',
    b'{"\\ud800":1}',
    b"NaN",
    b"\xef\xbb\xbf{}",
    b"\x00" * 100,
)
"""Bodies that are no JSON, or no body of any route."""

CHANGING: Final = [route for route in ROUTES if route.changes]
JSON: Final = {"Content-Type": "application/json", "If-Match": "*"}


@pytest.mark.timeout(60)
async def test_bodies_that_are_none_are_refused_by_every_route(site: Site, http: aiohttp.ClientSession) -> None:
    for route in CHANGING:
        for body in BODIES:
            path = f"{path_to(route)}?dry_run=true" if route.rehearsable else path_to(route)
            async with http.request(route.method, path, data=body, headers=JSON) as response:
                await refused_in_words(response, f"{name_of(route)} {body[:20]!r}")


@pytest.mark.timeout(60)
async def test_every_field_of_every_body_is_refused_what_it_cannot_be(site: Site, http: aiohttp.ClientSession) -> None:
    wrong: tuple[object, ...] = (
        None,
        True,
        -1,
        10**400,
        1.5e308,
        "",
        "\u0000",
        "x" * 100_000,
        [],
        [[[]]],
        {},
        {"": {"": None}},
        *WORDS,
    )
    for route in CHANGING:
        if route.types.body is Nothing:
            continue
        for field in msgspec.structs.fields(route.types.body):
            for value in wrong:
                body = json.dumps({field.encode_name: value}).encode()
                path = f"{path_to(route)}?dry_run=true" if route.rehearsable else path_to(route)
                async with http.request(route.method, path, data=body, headers=JSON) as response:
                    await refused_in_words(response, f"{name_of(route)} {body[:60]!r}", may_fit=True)


@pytest.mark.timeout(60)
async def test_every_name_in_every_path_and_query_is_only_a_name(site: Site, http: aiohttp.ClientSession) -> None:
    for route in ROUTES:
        if route.types.flows and "{" not in route.path:
            continue
        for word in WORDS:
            names = dict.fromkeys(names_in(route), quote(word, safe=""))
            path = path_to(route, **names) if names else route.path
            query = [f"{field.encode_name}={quote(word)}" for field in msgspec.structs.fields(route.types.query)]
            target = path + (f"?{'&'.join(query)}" if query else "?nonsense=" + quote(word))
            body = b"{}" if route.changes else None
            async with http.request(route.method, encoded(site, target), data=body, headers=JSON) as response:
                await refused_in_words(response, f"{name_of(route)} {word[:20]!r}", may_fit=True)


async def test_a_body_of_ten_megabytes_is_refused_by_every_route(site: Site, http: aiohttp.ClientSession) -> None:
    for route in CHANGING:
        async with http.request(
            route.method, path_to(route), data=io.BytesIO(b" " * 10_000_000), headers=JSON
        ) as response:
            assert response.status == 413, name_of(route)


async def test_all_faults_of_a_body_are_told_at_once_each_with_its_place(http: aiohttp.ClientSession) -> None:
    body = {"nmae": 1, "macs": ["52:54:00:77:00:01", 2, None], "power": {"port": "x", "kidn": "ipmi"}}
    async with http.post("/api/v1/machines", json=body) as response:
        assert response.status == 422
        problem = await response.json(content_type=None)
    pointers = {fault["pointer"] for fault in problem["faults"]}
    assert pointers == {"/nmae", "/macs/1", "/macs/2", "/power/port", "/power/kidn"}
    assert problem["pointer"] in pointers


def names_in(route: Route) -> list[str]:
    """The {names} of a path."""
    return [part[1:-1] for part in route.path.split("/") if part.startswith("{")]


def encoded(site: Site, target: str) -> URL:
    """Keep a target as it is written: no client is to tidy it up."""
    return URL(site.url + target, encoded=True)


async def refused_in_words(response: aiohttp.ClientResponse, what: str, *, may_fit: bool = False) -> None:
    """Ask for a status below 500, and for problem details where it is a refusal."""
    text = await response.text(errors="replace")
    assert response.status < 500, f"{what}: {response.status} {text}"
    if response.status >= 400:
        assert response.content_type == "application/problem+json", f"{what}: {response.status} {text}"
        assert json.loads(text)["detail"], what
    else:
        assert may_fit or response.status in {200, 202, 204}, f"{what}: {response.status}"
