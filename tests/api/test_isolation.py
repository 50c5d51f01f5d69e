"""What is another tenant's is not there: by every route of the table, in the very words for what never was."""

import re
from typing import Any

import aiohttp

from fibrix.api.route import Route
from fibrix.domain.access import GRANTS, Role
from fibrix.domain.state import State
from fibrix.domain.webhook import Letter, LetterState
from fibrix.types import WebhookId
from tests.support.routes import ROUTES, name_of, path_to
from tests.support.site import ACME, Site

ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB3WivSGCR8s7oMfjCuJ4KmnvG85FUV77EvQSPHfE3Sp"
NOBODYS = {"machine": "m999999999", "operation": "o999999999", "webhook": "w999999999", "letter": "msg_9", "run": "r9"}
BODIES: dict[str, dict[str, str]] = {"/api/v1/machines/{machine}/deploy": {"image": "debian-12"}}
"""Bodies that some routes cannot do without."""
REGIONS = frozenset({"/api/v1/images/{name}", "/api/v1/problems/{name}", "/readyz/{part}"})
"""What everybody may see."""


async def test_nothing_of_another_tenant_is_there_by_any_route(site: Site) -> None:
    there = await of_acme(site)
    told_apart = []
    async with site.client("globex") as globex, site.client("acme") as acme:
        for route in ROUTES:
            if "{" not in route.path or route.path in REGIONS or route.may not in GRANTS[Role.TENANT]:
                continue
            theirs = await asked(globex, route, there)
            nobodys = await asked(globex, route, {name: NOBODYS.get(name, "nobody") for name in there})
            if theirs != nobodys or theirs[0] != 404:
                told_apart.append(f"{name_of(route)}: {theirs} {nobodys}")
            if route.method == "GET" and route.path.endswith("}"):
                assert (await asked(acme, route, there))[0] == 200, name_of(route)
    assert told_apart == []


async def test_lists_of_another_tenant_show_nothing_of_it(site: Site) -> None:
    there = await of_acme(site)
    async with site.client("globex") as globex:
        for route in ROUTES:
            if route.method != "GET" or "{" in route.path or route.may not in GRANTS[Role.TENANT] or route.types.flows:
                continue
            async with globex.get(route.path) as response:
                assert response.status == 200 or route.path == "/api/v1/session", name_of(route)  # a key has none
                text = await response.text()
            for name in (*there.values(), "web-acme", str(ACME)):
                assert name not in text, f"{name_of(route)} shows {name}"


async def of_acme(site: Site) -> dict[str, str]:
    """Have one of everything that a tenant can have; gives what each {name} of a path stands for."""
    machine = await site.put("web-acme", State.ALLOCATED, tenant=ACME, allocated_at=site.rig.clock())
    run = await site.put_run(machine.id, b"hello", tenant=ACME)
    async with site.client("acme") as acme:
        await made(acme, "ssh-keys", {"name": "acme-ann", "key": ED25519})
        key = await made(acme, "me/keys", {"name": "acme-key"})
        webhook = await made(acme, "webhooks", {"name": "acme-hook", "url": "https://example.com/acme"})
        deployed = await made(acme, f"machines/{machine.id}/deploy", {"image": "debian-12"})
    letter = Letter(
        id="msg_acme_1",
        webhook=WebhookId(id_of(webhook)),
        seq=1,
        type="fibrix.machine.allocated",
        body="{}",
        state=LetterState.DEAD,
        first_at=site.rig.clock(),
        last_at=site.rig.clock(),
    )
    await site.rig.region.change(lambda unit: unit.of(Letter).insert(letter))
    return {
        "machine": machine.id,
        "run": run.id,
        "name": "acme-ann",
        "key": id_of(key),
        "webhook": id_of(webhook),
        "operation": id_of(deployed),
        "tenant": str(ACME),
        "letter": letter.id,
    }


async def made(http: aiohttp.ClientSession, path: str, body: dict[str, str]) -> dict[str, Any]:
    """Make something."""
    async with http.post(f"/api/v1/{path}", json=body) as response:
        assert response.status in {201, 202}, await response.text()
        found: dict[str, Any] = await response.json()
        return found


def id_of(answer: dict[str, Any]) -> str:
    """The id of what was made: an answer that shows a secret has the thing itself inside."""
    inside = next((value for value in answer.values() if isinstance(value, dict) and "id" in value), answer)
    return str(answer.get("id") or inside["id"])


async def asked(http: aiohttp.ClientSession, route: Route, names: dict[str, str]) -> tuple[int, str]:
    """Call a route; gives the status and what is said, without the names that were asked for."""
    missing = set(re.findall(r"\{(\w+)\}", route.path)) - names.keys()
    assert not missing, f"{name_of(route)}: say in of_acme what {missing} of another tenant is"
    headers = {"If-Match": "*"} if route.changes else {}
    body = BODIES.get(route.path, {}) if route.changes else None
    async with http.request(route.method, path_to(route, **names), json=body, headers=headers) as response:
        text = await response.text()
    for name in names.values():
        text = text.replace(name, "…")
    return response.status, text
