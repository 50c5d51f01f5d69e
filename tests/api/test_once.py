"""Every POST that changes something takes an Idempotency-Key; every change is on record, without its secrets."""

import re
from typing import Any, Final

import aiohttp
import pytest

from fibrix.api.route import Route
from tests.api.test_dry_run import CASES, SECRETS, Furnished, changing, furnished
from tests.support.routes import name_of, path_to
from tests.support.site import Site

ONCE: Final = {"Idempotency-Key": "once", "If-Match": "*", "X-Request-Id": "the-first"}
SHOWN_ONCE: Final = re.compile(r"(?:fibrix_|whsec_)[A-Za-z0-9+/=_-]{20,}")
KNOWN: Final = [route for route in changing() if route.action in CASES]


async def asked(full: Furnished, route: Route) -> tuple[int, str, Any]:
    """Make the request that this route would carry out."""
    one = CASES[route.action]
    path = path_to(route, **{name: full.ids.get(value, value) for name, value in one.names.items()})
    async with full.http.request(route.method, path, json=one.body, headers=ONCE) as response:
        return response.status, await response.text(), response.headers


@pytest.mark.parametrize("route", KNOWN, ids=name_of)
async def test_it_is_done_once_and_on_record(site: Site, http: aiohttp.ClientSession, route: Route) -> None:
    full = await furnished(site, http)
    status, body, _ = await asked(full, route)
    assert status < 300, body
    if route.method == "POST":
        head = site.rig.region.journal.head
        again, same, headers = await asked(full, route)
        assert (again, same, headers.get("Idempotency-Replayed")) == (status, body, "true")
        assert site.rig.region.journal.head == head
    async with http.get("/api/v1/audit", params={"request": "the-first"}) as response:
        text = await response.text()
        (record,) = (await response.json())["items"]
    assert (record["result"], record["status"], record["action"]) == ("done", status, route.action)
    assert record["after"] or route.method == "DELETE" or route.confidential
    for secret in (*SECRETS, *SHOWN_ONCE.findall(body)):
        assert secret not in text
        for file in ("region.db", "region.db-wal"):
            assert secret.encode() not in (site.state_dir / file).read_bytes(), file
