"""Who may do what: every route of the table, tried by everyone over real HTTP."""

from collections.abc import Mapping
from typing import Final

import aiohttp
import pytest

from fibrix.api.route import Route, SocketRoute
from fibrix.domain.access import GRANTS, Permission, Role
from tests.support.routes import ROUTES, SOCKETS, name_of, path_to
from tests.support.site import PEOPLE, Site

EVERY: Final[tuple[Route | SocketRoute, ...]] = (*ROUTES, *SOCKETS)
EVERYONE: Final = ("nobody", *PEOPLE)

EXPECTED: Final[Mapping[Permission, str]] = {
    Permission.PUBLIC: "nobody admin operator auditor acme globex",
    Permission.SELF: "admin operator auditor acme globex",
    Permission.READ: "admin operator auditor acme globex",
    Permission.USE: "admin operator acme globex",
    Permission.INSPECT: "admin operator auditor",
    Permission.OPERATE: "admin operator",
    Permission.AUDIT: "admin auditor",
    Permission.ADMINISTER: "admin",
}
"""Written down a second time, on purpose: a change of GRANTS has to be meant."""


@pytest.mark.parametrize("permission", Permission)
def test_the_grants_are_those_that_were_decided(permission: Permission) -> None:
    granted = {name for name, (role, _) in PEOPLE.items() if permission in GRANTS[role]}
    assert granted == set(EXPECTED[permission].split()) - {"nobody"}


@pytest.mark.parametrize("who", EVERYONE)
@pytest.mark.timeout(60)
async def test_every_route_lets_in_who_may_and_nobody_else(site: Site, who: str) -> None:
    wrong = []
    async with site.client(who) as http:
        for route in EVERY:
            status = await tried(http, route)
            allowed = who in EXPECTED[route.may].split()
            refused = 401 if who == "nobody" else 403
            if (status == refused) is allowed or (not allowed and status != refused):
                wrong.append(f"{name_of(route)} ({route.may.value}): {status}")
    assert wrong == []


@pytest.mark.parametrize("who", ["acme", "auditor"])
async def test_a_key_with_scopes_may_no_more_than_they_say(site: Site, who: str) -> None:
    assert Permission.READ in GRANTS[PEOPLE[who][0]]
    body = {"name": "reader", "scopes": ["read"]}
    async with site.client(who) as http, http.post("/api/v1/me/keys", json=body) as response:
        assert response.status == 201
        key = (await response.json())["key"]
    headers = {"Authorization": f"Bearer {key}"}
    async with aiohttp.ClientSession(site.url, headers=headers) as http:
        for route in EVERY:
            if route.may not in {Permission.PUBLIC, Permission.SELF, Permission.READ}:
                assert await tried(http, route) == 403, name_of(route)
        assert await tried(http, next(r for r in ROUTES if r.path == "/api/v1/machines")) == 200


def test_every_role_has_someone_to_try_it() -> None:
    assert {role for role, _ in PEOPLE.values()} == set(Role)


async def tried(http: aiohttp.ClientSession, route: Route | SocketRoute) -> int:
    """Call a route for things that are not there, with an empty body, as a rehearsal where it can be one."""
    if isinstance(route, SocketRoute):
        return await upgraded(http, route.path)
    query = {"dry_run": "true"} if route.changes and route.rehearsable else {}
    body: dict[str, str] | None = {} if route.changes else None
    headers = {"If-Match": "*"} if route.changes else {}
    async with http.request(route.method, path_to(route), params=query, json=body, headers=headers) as response:
        return response.status


async def upgraded(http: aiohttp.ClientSession, path: str) -> int:
    """Ask for a websocket."""
    try:
        async with http.ws_connect(path, protocols=("cloudevents.json",)):
            return 101
    except aiohttp.WSServerHandshakeError as exc:
        return exc.status
