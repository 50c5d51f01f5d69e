"""Webhooks over HTTP: made, changed, rotated, tested; nothing of another tenant's is there."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from fibrix.app.webhooks import build_webhooks
from fibrix.config import WebhooksConfig
from fibrix.events.controller import ControllerStarted
from fibrix.events.webhook import WebhookLetterDied
from tests.support.api import serving
from tests.support.receiver import Receiver
from tests.support.site import Site
from tests.support.site import site as opened_site

HOOKS = "/api/v1/webhooks"
LOCAL = WebhooksConfig(
    allow=("127.0.0.0/8",), first_pause_s=0.02, most_pause_s=0.05, hold_s=0.0, timeout_s=0.5, retry_s=0, most=3
)
BODY = {"name": "billing", "url": "https://receiver.example/hook"}


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """An API whose webhooks may reach loopback and are in a hurry."""
    async with opened_site(tmp_path) as opened:
        rig = opened.rig
        shared = dataclasses.replace(rig.shared, config=msgspec.structs.replace(rig.shared.config, webhooks=LOCAL))
        postal = build_webhooks(shared, rig.region)
        opened.ports = dataclasses.replace(opened.ports, webhooks=postal.controller)
        rig.core = dataclasses.replace(rig.core, postal=postal)
        async with serving(opened.service()):
            yield opened


@asynccontextmanager
async def delivering(site: Site) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        ready = asyncio.Event()
        task = group.create_task(site.rig.core.postal.service.run(ready))
        await ready.wait()
        yield
        task.cancel()


async def call(who: aiohttp.ClientSession, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    async with who.request(method, path, json=body, headers=headers) as response:
        return response.status, await response.json(content_type=None) if response.status != 204 else None


async def test_a_webhook_is_made_shown_changed_and_deleted(site: Site) -> None:
    async with site.client("operator") as http:
        async with http.post(HOOKS, json=BODY | {"wants": {"types": ["fibrix.machine.*"]}}) as response:
            made = await response.json()
            assert response.status == 201
            assert response.headers["Location"] == f"{HOOKS}/{made['webhook']['id']}"
        assert made["secret"].startswith("whsec_")
        assert made["webhook"]["wants"]["types"] == ["machine."]
        async with http.get(f"{HOOKS}/billing") as response:
            shown, tag = await response.json(), response.headers["ETag"]
        assert shown == made["webhook"]
        one = f"{HOOKS}/{shown['id']}"
        assert (await call(http, "PATCH", one, {"parallel": 4}))[0] == 428
        status, changed = await call(http, "PATCH", one, {"parallel": 4, "enabled": False}, **{"If-Match": tag})
        assert (status, changed["parallel"], changed["enabled"], changed["revision"]) == (200, 4, False, 2)
        assert changed["wants"] == shown["wants"]
        assert (await call(http, "PATCH", one, {"parallel": 5}, **{"If-Match": tag}))[0] == 412
        status, listed = await call(http, "GET", HOOKS)
        assert listed["items"] == [changed]
        assert (await call(http, "GET", f"{one}/status"))[1]["waiting"] is None
        assert (await call(http, "DELETE", one))[0] == 204
        assert (await call(http, "GET", one))[0] == 404
    types = await site.rig.types()
    assert types[-3:] == ["webhook.created", "webhook.updated", "webhook.deleted"]


async def test_no_secret_and_no_url_is_in_events_or_on_the_disk_in_the_clear(site: Site) -> None:
    async with site.client("operator") as http:
        url = "https://receiver.example/token-1234567"
        secret = (await call(http, "POST", HOOKS, BODY | {"url": url}))[1]["secret"]
        second = (await call(http, "POST", f"{HOOKS}/billing/rotate"))[1]["secret"]
        assert secret != second
        assert "secret" not in (await call(http, "GET", f"{HOOKS}/billing"))[1]
    journal = b"".join(entry.data for entry in await site.rig.region.journal.since(0))
    assert b"token-1234567" not in journal
    files = b"".join(path.read_bytes() for path in site.state_dir.glob("region.db*"))
    for word in (secret, second, secret.removeprefix("whsec_")):
        assert word.encode() not in files


async def test_another_tenants_webhook_is_not_there_in_the_same_words(site: Site) -> None:
    async with site.client("acme") as acme, site.client("globex") as globex, site.client("operator") as operator:
        mine = (await call(acme, "POST", HOOKS, BODY))[1]["webhook"]
        assert (await call(globex, "GET", HOOKS))[1]["items"] == []
        for method, path in (
            ("GET", "{}"),
            ("DELETE", "{}"),
            ("GET", "{}/status"),
            ("POST", "{}/rotate"),
            ("POST", "{}/test"),
            ("POST", "{}/replay"),
            ("GET", "{}/dead-letters"),
            ("DELETE", "{}/dead-letters"),
            ("GET", "{}/dead-letters/x"),
        ):
            hidden = await call(globex, method, f"{HOOKS}/{path.format(mine['id'])}")
            absent = await call(globex, method, f"{HOOKS}/{path.format('w000000000')}")
            assert hidden[0] == absent[0] == 404
            assert hidden[1]["detail"].replace(mine["id"], "w000000000") == absent[1]["detail"]
        assert (await call(globex, "POST", HOOKS, BODY))[0] == 201  # a name is a tenant's own
        assert (await call(acme, "POST", HOOKS, BODY))[0] == 409
        assert (await call(operator, "GET", f"{HOOKS}/{mine['id']}"))[1] == mine
        assert (await call(operator, "GET", f"{HOOKS}/billing"))[0] == 404  # a name is looked for among one's own


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({"name": "a/b", "url": "ftp://x", "wants": {"subject": "a b"}}, {"/name", "/url", "/wants/subject"}),
        (BODY | {"url": "https://127.0.0.1/"}, {"/url"}),
        (BODY | {"url": "https://10.0.0.1/"}, {"/url"}),
        (BODY | {"wants": {"types": ["Machine"]}}, {"/wants/types"}),
        (BODY | {"wants": {"machine": "nobody"}}, {"/wants/machine"}),
        (BODY | {"wants": {"tenant": "globex"}}, {"/wants/tenant"}),
        (BODY | {"since": 10**9}, {"/since"}),
        (BODY | {"since": 10**30}, {"/since"}),
        (BODY | {"since": "yesterday"}, {"/since"}),
        (BODY | {"parallel": 17}, {"/parallel"}),
        (BODY | {"secret": "whsec_x"}, {"/secret"}),
    ],
)
async def test_what_cannot_be_is_refused_with_all_its_faults(
    site: Site, body: dict[str, Any], pointers: set[str]
) -> None:
    async with site.client("acme") as http:
        status, problem = await call(http, "POST", HOOKS, body)
        assert status == 422
        assert {fault["pointer"] for fault in problem.get("faults", [problem])} == pointers
        assert (await call(http, "GET", HOOKS))[1]["items"] == []


async def test_there_is_a_limit_to_the_webhooks_of_a_tenant(site: Site) -> None:
    async with site.client("acme") as acme, site.client("globex") as globex:
        for number in range(3):
            assert (await call(acme, "POST", HOOKS, BODY | {"name": f"n{number}"}))[0] == 201
        status, problem = await call(acme, "POST", HOOKS, BODY)
        assert (status, problem["type"]) == (409, "/api/v1/problems/quota")
        assert (await call(globex, "POST", HOOKS, BODY))[0] == 201


async def test_a_test_message_says_what_came_of_it_and_a_dry_run_sends_none(site: Site) -> None:
    async with Receiver().listening() as receiver, site.client("operator") as http:
        await call(http, "POST", HOOKS, BODY | {"url": receiver.url})
        status, preview = await call(http, "POST", f"{HOOKS}/billing/test?dry_run=true")
        assert (status, preview["dry_run"], receiver.deliveries) == (200, True, [])
        status, came = await call(http, "POST", f"{HOOKS}/billing/test")
        assert (status, came["delivered"], came["status"]) == (200, True, 204)
        assert [d.event["type"] for d in receiver.deliveries] == ["fibrix.webhook.test"]
        receiver.answer = lambda _: "403"
        came = (await call(http, "POST", f"{HOOKS}/billing/test"))[1]
        assert (came["delivered"], came["status"]) == (False, 403)


async def test_dry_runs_of_all_changes_change_nothing(site: Site) -> None:
    async with site.client("operator") as http:
        shown = (await call(http, "POST", HOOKS, BODY))[1]["webhook"]
        for method, path, body in (
            ("POST", HOOKS, BODY | {"name": "other"}),
            ("PATCH", f"{HOOKS}/billing", {"enabled": False}),
            ("POST", f"{HOOKS}/billing/rotate", None),
            ("DELETE", f"{HOOKS}/billing", None),
        ):
            status, preview = await call(http, method, f"{path}?dry_run=true", body, **{"If-Match": "*"})
            assert (status, preview["dry_run"]) == (200, True)
            assert "secret" not in preview
        assert (await call(http, "GET", HOOKS))[1]["items"] == [shown]


async def test_dead_letters_are_listed_shown_replayed_and_dropped(site: Site) -> None:
    async with Receiver(lambda _: "500").listening() as receiver, site.client("operator") as http, delivering(site):
        hook = (await call(http, "POST", HOOKS, BODY | {"url": receiver.url}))[1]["webhook"]
        one = f"{HOOKS}/{hook['id']}"
        with site.rig.shared.bus.subscribe(WebhookLetterDied) as died:
            told = (ControllerStarted(at=site.rig.clock(), version=name) for name in ("a", "b", "c"))
            await site.say(*told)
            count = 0
            while count < 3:
                count += len(await died.batch())
        letters = (await call(http, "GET", f"{one}/dead-letters"))[1]["items"]
        assert [letter["status"] for letter in letters] == [500] * 3
        shown = (await call(http, "GET", f"{one}/dead-letters/{letters[0]['id']}"))[1]
        assert shown["event"]["id"] == str(letters[0]["seq"])
        assert (await call(http, "GET", f"{one}/status"))[1]["dead"] == 3
        receiver.answer = lambda _: "204"
        assert await call(http, "POST", f"{one}/dead-letters/{letters[2]['id']}/replay") == (202, {"count": 1})
        await receiver.until(lambda: len(receiver.taken) == 1)
        assert (await call(http, "DELETE", f"{one}/dead-letters/{letters[0]['id']}"))[0] == 204
        assert await call(http, "POST", f"{one}/replay") == (202, {"count": 1})
        await receiver.until(lambda: len(receiver.taken) == 2)
        assert [d.id for d in receiver.taken] == [letters[2]["id"], letters[1]["id"]]
        assert await call(http, "DELETE", f"{one}/dead-letters") == (200, {"count": 0})
        await call(http, "PATCH", one, {"enabled": False}, **{"If-Match": "*"})
        assert (await call(http, "POST", f"{one}/replay"))[0] == 409


async def test_a_tenant_that_is_deleted_takes_its_webhooks_along(site: Site) -> None:
    async with site.client("acme") as acme, site.client("admin") as admin:
        await call(acme, "POST", HOOKS, BODY)
        assert len((await call(admin, "GET", HOOKS))[1]["items"]) == 1
        assert (await call(admin, "DELETE", "/api/v1/tenants/acme"))[0] == 204
        assert (await call(admin, "GET", HOOKS))[1]["items"] == []
    types = await site.rig.types()
    assert types.index("webhook.deleted") < types.index("tenant.deleted")
