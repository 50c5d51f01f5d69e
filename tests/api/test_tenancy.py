"""Two tenants: one allocates, deploys, is stopped by its quota, releases; the other never sees a trace of it."""

import asyncio
import contextlib
import json
from collections.abc import Mapping
from typing import Any, Final

import aiohttp
import msgspec
import pytest

from fibrix.api.route import Route
from fibrix.domain.access import Permission
from fibrix.domain.account import Quota, Tenant
from fibrix.domain.machine import Disk, Hardware, Interface, Machine
from fibrix.domain.power import PowerKind, PowerSettings
from fibrix.domain.state import State
from fibrix.store.region import RegionUnit
from tests.support.routes import ROUTES, name_of, path_to
from tests.support.site import ACME, GLOBEX, Site

GIB: Final = 1 << 30
PLACE: Final = "/api/v1/machines"
USER, KEY = "u000000004", "k000000004"  # of ACME's user
SSH_KEY: Final = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGlBk8sWHvIAqzdPVOSqhDXHF4LPYlFLSP4wGfYfm3bP someone@acme"
BMC: Final = PowerSettings(kind=PowerKind.IPMI, address="10.99.0.7", username="root-of-bmc")
HARDWARE: Final = Hardware(
    cpu_count=2,
    memory_bytes=4 * GIB,
    serial="SN-OF-ACME",
    bmc_address="10.99.0.7",
    interfaces=(Interface(mac="52:54:00:00:00:01", neighbour="switch-7 port 12"),),  # type: ignore[arg-type]
    disks=(Disk(name="sda", size_bytes=80 * 10**9),),
)
OWN: Final = frozenset({Permission.READ, Permission.USE, Permission.SELF})
SAYS: Final[Mapping[str, dict[str, Any]]] = {
    "deploy": {"image": "debian-12"},
    "power": {"action": "on"},
    "allocate": {},
}
"""Bodies that would be carried out, by the last part of a path."""


async def have_quota(site: Site, quota: Quota, pools: tuple[str, ...] = ("default",)) -> None:
    """Give ACME a quota."""

    def work(unit: RegionUnit) -> None:
        tenant = unit.of(Tenant).read(ACME)
        unit.of(Tenant).update(msgspec.structs.replace(tenant, quota=quota, pools=pools))

    await site.rig.region.change(work)


async def call(http: aiohttp.ClientSession, method: str, path: str, body: object = None, *, status: int = 0) -> Any:
    """Call the API; the decoded answer. An expected status other than 200 is given."""
    async with http.request(method, path, json=body) as response:
        text = await response.text()
        assert response.status == (status or 200), text
        return json.loads(text) if text else None


async def allocated(site: Site, http: aiohttp.ClientSession, **wanted: Any) -> dict[str, Any]:
    """Allocate a machine."""
    made: dict[str, Any] = await call(http, "POST", "/api/v1/allocations", wanted, status=201)
    return made


async def deploy(site: Site, http: aiohttp.ClientSession, machine: Machine) -> None:
    """Deploy a machine by the API; its agent and the installed system are played."""
    rig = site.rig
    await call(http, "POST", f"{PLACE}/{machine.id}/deploy", {"image": "debian-12"}, status=202)
    await rig.tick(machine.id, 4)
    secret = await rig.hello(await rig.boot_from_network())
    order = await rig.agents.order(secret)
    metadata = order.parameters["metadata_url"].removesuffix("/").rsplit("/", 1)[1]
    await rig.agents.output(secret, order.run, 0, b"written by acme")
    await rig.finish(secret, {"disk": "sda", "bytes": 10**9})
    rig.power.states.clear()
    await rig.tick(machine.id, 4)
    await rig.metadata.report(metadata, "acme-web", {})


async def release(site: Site, http: aiohttp.ClientSession, machine: Machine) -> None:
    """Release a machine by the API; its agent wipes the disks."""
    rig = site.rig
    await call(http, "POST", f"{PLACE}/{machine.id}/release", {"reason": "acme is done"}, status=202)
    await rig.tick(machine.id, 5)
    secret = await rig.hello(await rig.boot_from_network(), secret="6" * 64)
    await rig.finish(secret)


class Onlooker:
    """Looks at all that the other tenant may read or ask for, and remembers what it was shown."""

    def __init__(self, site: Site, http: aiohttp.ClientSession) -> None:
        self._site = site
        self._http = http
        self.seen: list[str] = []

    async def look(self, machine: Machine) -> None:
        """Try every route that a tenant's user may call."""
        for route in ROUTES:
            if route.may not in OWN or "sse" in route.path:
                continue
            if "{machine}" in route.path:
                await self._same_words(route, machine)
            elif route.method == "GET":
                await self._read(path_to(route))
        asked: list[dict[str, Any]] = [{"cores": 64}, {"pool": "gpu"}, {"pool": "gold"}]
        if self._site.rig.region.machine(machine.id).tenant:  # else it is there for anyone who asks for one
            asked.append({"name": machine.name})
        for words in asked:
            await self._ask("/api/v1/allocations", words)
        for query in ("sort=-since", f"filter=name={machine.name}", f"mac={machine.macs[0]}", f"name={machine.name}"):
            assert json.loads(await self._read(f"{PLACE}?{query}"))["items"] == []

    async def listen(self, seconds: float) -> None:
        """Follow the stream from its beginning for a while."""
        async with self._http.ws_connect("/api/v1/stream?since=0", protocols=("cloudevents.json",)) as stream:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    async for message in stream:
                        self.seen.append(str(message.data))

    async def _same_words(self, route: Route, machine: Machine) -> None:
        """A machine of another's is answered as one that there is not, whatever it is called by."""
        body = SAYS.get(route.path.rpartition("/")[2], {}) if route.changes else None
        for key, strange in (
            (machine.id, "m999999999"),
            (machine.name, "no-such"),
            (machine.macs[0], "aa:bb:cc:dd:ee:ff"),
        ):
            theirs = await self._answer(route, key, body)
            none = await self._answer(route, strange, body)
            assert theirs[0] == 404, name_of(route)
            assert (theirs[0], theirs[1].replace(key, strange), theirs[2]) == none, name_of(route)
            self.seen.append(theirs[1].replace(key, strange))

    async def _answer(self, route: Route, key: str, body: object) -> tuple[int, str, set[str]]:
        headers = {"If-Match": "*"} if route.changes else {}
        async with self._http.request(
            route.method, path_to(route, machine=key), json=body, headers=headers
        ) as response:
            return response.status, await response.text(), set(response.headers)

    async def _read(self, path: str) -> str:
        async with self._http.get(path) as response:
            text = await response.text()
            self.seen.append(f"{text} {dict(response.headers)}")
            return text

    async def _ask(self, path: str, body: dict[str, Any]) -> None:
        async with self._http.post(path, json=body) as response:
            assert response.status in {409, 422}
            self.seen.append((await response.text()).replace(str(body.get("name", "-")), ""))


@pytest.mark.timeout(60)
async def test_two_tenants(site: Site) -> None:
    machine = await site.put("acme-box", power=BMC, hardware=HARDWARE)
    await have_quota(site, Quota(machines=1, memory_bytes=8 * GIB))
    head = site.rig.region.journal.head
    async with site.client("acme") as acme, site.client("globex") as globex:
        onlooker = Onlooker(site, globex)
        got = await allocated(site, acme, cores=2, memory_bytes=4 * GIB)
        assert (got["id"], got["state"], got["tenant"]) == (machine.id, "Allocated", ACME)
        await onlooker.look(machine)
        await stopped_by_the_quota(site, acme)
        await call(acme, "POST", "/api/v1/ssh-keys", {"name": "acme-laptop", "key": SSH_KEY}, status=201)
        await deploy(site, acme, machine)
        shown = await call(acme, "GET", f"{PLACE}/acme-box")
        assert (shown["state"], shown["deployment"]["image"]) == ("Deployed", "debian-12")
        await onlooker.look(machine)
        await call(acme, "POST", f"{PLACE}/acme-box/power", {"action": "cycle"})
        (run,) = (await call(acme, "GET", f"{PLACE}/acme-box/runs"))["items"]
        output = f"{PLACE}/acme-box/runs/{run['id']}/output"
        async with acme.get(output) as own, globex.get(output) as others:
            assert (await own.read(), others.status) == (b"written by acme", 404)
        await release(site, acme, machine)
        assert site.rig.region.machine(machine.id).tenant == ""
        await onlooker.look(machine)
        await onlooker.listen(0.3)
        await call(acme, "GET", f"{PLACE}/acme-box", status=404)
        mine = await call(acme, "GET", f"/api/v1/events?since={head}&limit=1000")
    assert {event["tenant"] for event in mine} == {ACME}
    types = {event["type"] for event in mine}
    assert {"fibrix.machine.allocated", "fibrix.machine.ready"} <= types, (
        "the last is that by which it loses the machine"
    )
    assert not [trace for trace in ("10.99.0.7", "root-of-bmc") if trace in json.dumps(mine)]
    traces = ("acme", ACME, machine.id, machine.macs[0], "SN-OF-ACME", "192.168.1.100", "10.99.0.7", USER, KEY)
    assert not [(trace, text) for text in onlooker.seen for trace in traces if trace in text]


async def stopped_by_the_quota(site: Site, acme: aiohttp.ClientSession) -> None:
    """Ask for one machine too many."""
    spare = await site.put("spare")
    refused = await call(acme, "POST", "/api/v1/allocations", {}, status=409)
    assert refused["type"] == "/api/v1/problems/quota"
    assert refused["detail"] == "the quota does not allow it: machines: 1 used, 1 asked, 1 allowed"
    assert site.rig.region.machine(spare.id).state is State.READY


async def test_the_next_tenant_sees_nothing_of_the_one_before(site: Site) -> None:
    machine = await site.put("box", power=BMC, hardware=HARDWARE)
    async with site.client("acme") as acme, site.client("globex") as globex:
        await allocated(site, acme)
        await call(acme, "POST", "/api/v1/ssh-keys", {"name": "acme-laptop", "key": SSH_KEY}, status=201)
        await deploy(site, acme, machine)
        await release(site, acme, machine)
        await call(globex, "POST", "/api/v1/allocations", {"name": "box"}, status=201)
        shown = await call(globex, "GET", f"{PLACE}/box")
        assert (shown["tenant"], shown["boot"], shown["deployment"], shown["power"]) == (GLOBEX, None, None, None)
        assert shown["power_detail"] == shown["hardware"]["bmc_address"] == ""
        assert (await call(globex, "GET", f"{PLACE}/box/runs"))["items"] == []
        why = await call(globex, "GET", f"{PLACE}/box/why")
        assert (why["history"], why["last_seen"], why["next_steps"]) == ([], None, ["deploy", "release"])
        events = await call(globex, "GET", f"{PLACE}/box/events")
        assert [event["type"] for event in events] == ["fibrix.machine.allocated"]
        text = json.dumps([shown, why, events, await call(globex, "GET", "/api/v1/operations")])
        for trace in ("acme", ACME, "written by", "10.99.0.7", "switch-7"):
            assert trace not in text


@pytest.mark.timeout(30)
async def test_many_allocations_at_once_never_exceed_the_quota(site: Site) -> None:
    for number in range(12):
        await site.put(f"n{number}")
    await have_quota(site, Quota(machines=5, memory_bytes=17 * GIB))
    async with site.client("acme") as acme:
        statuses: list[int] = []

        async def one() -> None:
            async with acme.post("/api/v1/allocations", json={}) as response:
                statuses.append(response.status)

        async with asyncio.TaskGroup() as group:
            for number in range(30):
                group.create_task(one(), name=f"allocation {number}")
        assert sorted(statuses) == [201] * 4 + [409] * 26
        assert len((await call(acme, "GET", PLACE))["items"]) == 4


async def test_one_machine_goes_to_one_of_many_who_ask_for_it(site: Site) -> None:
    await site.put("only")
    async with site.client("acme") as acme, site.client("globex") as globex:
        statuses: list[int] = []

        async def one(http: aiohttp.ClientSession) -> None:
            async with http.post("/api/v1/allocations", json={"name": "only"}) as response:
                statuses.append(response.status)

        async with asyncio.TaskGroup() as group:
            for number in range(10):
                group.create_task(one(acme if number % 2 else globex), name=f"allocation {number}")
        assert sorted(statuses) == [201] + [409] * 9


async def test_a_tenant_draws_from_its_own_pools_only(site: Site) -> None:
    await site.put("golden", pool="gold")
    async with site.client("acme") as acme:
        told = await call(acme, "POST", "/api/v1/allocations", {"pool": "gold"}, status=422)
        none = await call(acme, "POST", "/api/v1/allocations", {"pool": "void"}, status=422)
        assert told["detail"] == none["detail"].replace("void", "gold")
        assert told["pointer"] == "/pool"
        refused = await call(acme, "POST", "/api/v1/allocations", {}, status=409)
        assert refused["detail"] == "no machine is Ready in the pool default"
        await have_quota(site, Quota(), pools=("default", "gold"))
        assert (await allocated(site, acme, pool="gold"))["pool"] == "gold"


async def test_a_tenant_s_users_allocate_for_their_tenant_only_and_operators_for_anyone(site: Site) -> None:
    for name in ("a", "b", "c"):
        await site.put(name)
    async with site.client("acme") as acme, site.client("operator") as operator:
        theirs = await call(acme, "POST", "/api/v1/allocations", {"tenant": "globex"}, status=403)
        nobodys = await call(acme, "POST", "/api/v1/allocations", {"tenant": "no-such"}, status=403)
        assert theirs == nobodys
        assert (await allocated(site, acme, tenant="acme"))["tenant"] == ACME
        assert (await allocated(site, operator, tenant=GLOBEX))["tenant"] == GLOBEX
        told = await call(operator, "POST", "/api/v1/allocations", {"tenant": "no-such"}, status=422)
        assert told["pointer"] == "/tenant"
        kept = await call(operator, "POST", f"{PLACE}/c/allocate", {"reason": "for a demonstration"})
        assert (kept["tenant"], kept["reason"], kept["allocated_at"] is None) == ("", "for a demonstration", False)
        again = await call(operator, "POST", f"{PLACE}/c/allocate", {"tenant": "acme"}, status=409)
        assert "release" in again["detail"]


async def test_an_operator_s_allocation_of_one_machine_is_held_against_the_quota_too(site: Site) -> None:
    await site.put("a")
    await have_quota(site, Quota(cores=1))
    async with site.client("operator") as operator:
        told = await call(operator, "POST", f"{PLACE}/a/allocate", {"tenant": "acme"}, status=409)
        assert told["detail"] == "the quota does not allow it: cores: 0 used, 2 asked, 1 allowed"


async def test_reserved_addresses_are_held_against_the_quota(site: Site) -> None:
    machine = await site.put("a", tenant=ACME, state=State.ALLOCATED)
    await have_quota(site, Quota(addresses=1))
    path = "/api/v1/subnets/racks/reservations"
    async with site.client("operator") as operator:
        await call(operator, "POST", path, {"mac": machine.macs[0], "address": "192.168.1.9"}, status=201)
        await site.change(machine.id, macs=(*machine.macs, "52:54:00:00:0a:0a"))
        told = await call(operator, "POST", path, {"mac": "52:54:00:00:0a:0a", "address": "192.168.1.10"}, status=409)
        assert told["detail"] == "the quota does not allow it: addresses: 1 used, 1 asked, 1 allowed"


async def test_what_only_the_region_s_people_may_do_is_forbidden_whatever_the_machine(site: Site) -> None:
    await site.put("mine", State.DEPLOYED, tenant=ACME)
    await site.put("other", State.DEPLOYED, tenant=GLOBEX)
    async with site.client("acme") as acme:
        for key in ("mine", "other", "none"):
            for action in ("accept", "commission", "test", "mark-broken", "mark-fixed", "override", "retire"):
                await call(acme, "POST", f"{PLACE}/{key}/{action}", {}, status=403)
            await call(acme, "PATCH", f"{PLACE}/{key}", {"name": "x"}, status=403)
            await call(acme, "DELETE", f"{PLACE}/{key}", status=403)
        await call(acme, "POST", f"{PLACE}/mine/power", {"confirm": "off"}, status=403)
        await call(acme, "POST", f"{PLACE}/other/power", {"confirm": "off"}, status=404)


async def test_zone_pool_and_tags_are_edited_and_said(site: Site) -> None:
    await site.put("box")
    async with site.client("operator") as operator:
        body = {"zone": "room-2", "pool": "gold", "tags": ["ssd", "10g", "ssd"]}
        async with operator.patch(f"{PLACE}/box", json=body, headers={"If-Match": "*"}) as response:
            shown = await response.json()
        assert (shown["zone"], shown["pool"], shown["tags"]) == ("room-2", "gold", ["10g", "ssd"])
        (event,) = (await call(operator, "GET", "/api/v1/events?type=machine.updated"))[-1:]
        assert event["data"]["fields"] == ["zone", "pool", "tags"]
        for wrong, pointer in (({"zone": ""}, "/zone"), ({"pool": "A B"}, "/pool"), ({"tags": ["ok", "-"]}, "/tags/1")):
            async with operator.patch(f"{PLACE}/box", json=wrong, headers={"If-Match": "*"}) as response:
                assert (response.status, (await response.json(content_type=None))["pointer"]) == (422, pointer)


async def test_a_tenant_s_machine_is_not_forgotten_before_it_is_released(site: Site) -> None:
    await site.put("box", State.ALLOCATED, tenant=ACME)
    async with site.client("operator") as operator:
        told = await call(operator, "DELETE", f"{PLACE}/box", status=409)
        assert "release it first" in told["detail"]


async def test_an_allocation_that_is_only_rehearsed_takes_nothing(site: Site) -> None:
    await site.put("box")
    async with site.client("acme") as acme:
        told = await call(acme, "POST", "/api/v1/allocations?dry_run=true", {})
        assert told["events"] == ["fibrix.machine.allocated"]
        assert (await call(acme, "GET", PLACE))["items"] == []
