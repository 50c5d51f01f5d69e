"""Dry runs over the whole route table: what they tell, that they change nothing, and that they refuse as in earnest."""

import hashlib
import sqlite3
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
import msgspec
import pytest

from fibrix.api.route import Route
from fibrix.domain.lifecycle import TRANSITIONS
from fibrix.domain.power import PowerKind, PowerSettings, PowerState
from fibrix.domain.state import State
from fibrix.domain.trigger import Trigger
from fibrix.domain.webhook import Letter, LetterState
from fibrix.store.kinds import KINDS
from fibrix.types import WebhookId
from tests.domain.build import deployment
from tests.support.hosts import SERVER, host, news
from tests.support.routes import ROUTES, name_of, path_to
from tests.support.site import ACME, GLOBEX, Site

LINE: Final = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB3WivSGCR8s7oMfjCuJ4KmnvG85FUV77EvQSPHfE3Sp ann@laptop"
PASSWORD: Final = "correct horse battery"
SECRETS: Final = (PASSWORD, "hunter2-of-the-bmc", "another good one", "c2VjcmV0IG9mIGEgc2Vjb25kYXJ5")

Json = dict[str, Any]
SPARE: Final[Json] = {
    "name": "spare",
    "interface": "eth1",
    "address": "10.2.0.1/24",
    "ranges": [{"first": "10.2.0.10", "last": "10.2.0.19"}],
}
NETWORKS: Final[tuple[tuple[str, Json, str], ...]] = (
    ("subnets", SPARE, ""),
    ("zones", {"name": "east"}, ""),
    ("fabrics", {"name": "core"}, ""),
    ("fabrics", {"name": "spare"}, ""),
    ("vlans", {"fabric": "core", "vid": 10}, ""),
)


@dataclass(frozen=True)
class Case:
    """A request that would be carried out, and some of what it must tell."""

    names: dict[str, str] = field(default_factory=dict)  # for the path; `$webhook` is what is made for the test
    body: Json | None = None
    tells: frozenset[str] = frozenset()  # of `what`; empty: anything


def case(body: Json | None = None, tells: str = "", **names: str) -> Case:
    return Case(names, body, frozenset(tells.split()))


CASES: Final[dict[str, Case]] = {
    "machine_add": case({"macs": ["52:54:00:aa:00:01"], "power_password": SECRETS[1]}, "machine dns power_password"),
    "machine_edit": case({"name": "web-9", "tags": ["ssd"]}, "name tags dns", machine="ready"),
    "machine_delete": case(None, "machine dhcp dns", machine="new"),
    "machine_accept": case({"name": "web-9"}, "accepted name", machine="found"),
    "machine_commission": case({}, "state power scripts dhcp operation", machine="new"),
    "machine_test": case({}, "state power scripts dhcp operation", machine="ready"),
    "machine_allocate": case({"tenant": "acme"}, "state tenant", machine="ready"),
    "machine_deploy": case({"image": "debian-12"}, "state power scripts disks dhcp operation", machine="ready"),
    "machine_release": case({}, "state power scripts disks dhcp operation", machine="deployed"),
    "machine_abort": case({}, "state dhcp state", machine="at-work"),
    "machine_mark_broken": case({}, "state", machine="ready"),
    "machine_mark_fixed": case({}, "state", machine="broken"),
    "machine_retire": case({}, "state", machine="ready"),
    "machine_override": case({}, "state", machine="failed-testing"),
    "discovery_edit": case({"name": "printer", "ignored": True}, "name ignored", mac=SERVER),
    "discovery_delete": case(None, "discovery", mac=SERVER),
    "discovery_add_machine": case(
        {"name": "web-9", "power_password": SECRETS[1]}, "machine power_password", mac=SERVER
    ),
    "hiddenNetwork_add": case({"network": "203.0.113.0/24"}, "hidden|network"),
    "hiddenNetwork_delete": case(None, "hidden|network", hidden="$hidden"),
    "scan_scan": case({"targets": ["spare"]}, "arp nd ping rmcp redfish duration operation"),
    "operation_cancel": case({}, "state", operation="$operation"),
    "allocation_add": case({"tenant": "acme"}, "state tenant"),
    "power_order": case({"action": "off"}, "power", machine="deployed"),
    "image_delete": case(None, "image", name="debian-12"),
    "user_add": case({"name": "bob", "role": "operator"}, "user"),
    "user_edit": case({"role": "auditor"}, "role", user="operator"),
    "user_delete": case(None, "user", user="auditor"),
    "user_set_password": case({"password": SECRETS[2]}, "password_hash", user="operator"),
    "user_drop_password": case(None, "password_hash", user="admin"),
    "me_change_password": case({"present": PASSWORD, "password": SECRETS[2]}, "password_hash"),
    "apiKey_add_own": case({"name": "another"}, "API|key"),
    "apiKey_revoke_own": case(None, "API|key", key="$my-key"),
    "apiKey_add_for_user": case({"name": "another"}, "API|key", user="operator"),
    "apiKey_revoke_of_user": case(None, "API|key", user="operator", key="$their-key"),
    "tenant_add": case({"name": "initech"}, "tenant"),
    "tenant_edit": case({"title": "Acme Inc", "quota": {"machines": 1}}, "title quota.machines", tenant="acme"),
    "tenant_delete": case(None, "tenant", tenant="globex"),
    "sshKey_add": case({"name": "ann", "key": LINE}, "SSH|key"),
    "sshKey_add_file": case({"text": LINE + "\n"}, "SSH|key"),
    "sshKey_delete": case(None, "SSH|key", name="me"),
    "dnsZone_add": case({"name": "two.example"}, "DNS|zone"),
    "dnsZone_edit": case({"ttl": 60}, "ttl", zone="rack.example"),
    "dnsZone_delete": case(None, "DNS|zone", zone="rack.example"),
    "dnsRecord_add": case({"name": "two", "type": "A", "value": "192.0.2.2"}, "dns", zone="rack.example"),
    "dnsRecord_replace": case(
        {"name": "two", "type": "A", "value": "192.0.2.2"}, "dns", zone="rack.example", record="$record"
    ),
    "dnsRecord_delete": case(None, "dns", zone="rack.example", record="$record"),
    "dnsKey_add": case({"name": "two", "secret": SECRETS[3]}, "DNS|key"),
    "dnsKey_delete": case(None, "DNS|key", key="transfer"),
    "subnet_add": case(
        SPARE | {"name": "new", "address": "10.3.0.1/24", "ranges": [{"first": "10.3.0.9", "last": "10.3.0.19"}]},
        "subnet dhcp",
    ),
    "subnet_edit": case({"mode": "observe", "lease_s": 60}, "mode lease_s dhcp", subnet="spare"),
    "subnet_delete": case(None, "subnet dhcp", subnet="spare"),
    "subnet_add_range": case({"first": "10.2.0.30", "last": "10.2.0.39"}, "ranges dhcp", subnet="spare"),
    "subnet_delete_range": case(None, "ranges dhcp", subnet="spare", first="10.2.0.10"),
    "reservation_add": case({"mac": "525400aa0002", "address": "192.168.1.20"}, "dhcp", subnet="racks"),
    "reservation_edit": case({"hostname": "web-9"}, "dhcp", subnet="racks", client="525400aa0003"),
    "reservation_delete": case(None, "dhcp", subnet="racks", client="525400aa0003"),
    "zone_add": case({"name": "west"}, "zone"),
    "zone_edit": case({"note": "the cold one"}, "note", zone="east"),
    "zone_delete": case(None, "zone", zone="east"),
    "fabric_add": case({"name": "edge"}, "fabric"),
    "fabric_edit": case({"note": "old switches"}, "note", fabric="spare"),
    "fabric_delete": case(None, "fabric", fabric="spare"),
    "vlan_add": case({"fabric": "core", "vid": 11}, "VLAN"),
    "vlan_edit": case({"mtu": 9000}, "mtu", vlan="core.10"),
    "vlan_delete": case(None, "VLAN", vlan="core.10"),
    "webhook_add": case({"name": "two", "url": "https://hooks.example.com/two"}, "webhook"),
    "webhook_edit": case({"enabled": False}, "enabled", webhook="$webhook"),
    "webhook_delete": case(None, "webhook", webhook="$webhook"),
    "webhook_rotate": case(None, "old_secret_until", webhook="$webhook"),
    "webhook_test": case(None, "act", webhook="$webhook"),
    "deadLetter_drop_all": case(None, "dead|letter", webhook="$webhook"),
    "deadLetter_drop": case(None, "dead|letter", webhook="$webhook", letter="l1"),
    "deadLetter_replay": case(None, "state", webhook="$webhook", letter="l1"),
    "deadLetter_replay_all": case(None, "state", webhook="$webhook"),
}
"""By a route's action. A changing route that is not here fails the test: say what it would do."""


UNREHEARSED: Final = {"session_open", "session_close"}
"""What opens and closes a session has nothing to foresee."""


def changing() -> list[Route]:
    return [route for route in ROUTES if route.changes]


def test_every_changing_route_is_rehearsed_here_or_is_known_to_have_nothing_to_foresee() -> None:
    assert {r.action for r in changing() if r.rehearsable} == set(CASES)
    assert {r.action for r in changing() if not r.rehearsable} == UNREHEARSED


@dataclass
class Furnished:
    """A site with something for every route to change."""

    site: Site
    http: aiohttp.ClientSession
    ids: dict[str, str]

    async def send(self, route: Route, one: Case, *, dry: bool) -> tuple[int, Json]:
        """Make a request; gives status and body."""
        names = {name: self.ids.get(value, value) for name, value in one.names.items()}
        query = {"dry_run": "true"} if dry else {}
        headers = {"If-Match": "*"}
        async with self.http.request(
            route.method, path_to(route, **names), params=query, json=one.body, headers=headers
        ) as response:
            text = await response.text()
            return response.status, msgspec.json.decode(text) if text else {}


async def furnished(site: Site, http: aiohttp.ClientSession) -> Furnished:
    """Put something there for every route."""
    full = Furnished(site, http, {})
    ipmi = PowerSettings(kind=PowerKind.IPMI, address="10.0.0.9", username="admin")
    on: Json = {"power": ipmi, "power_state": PowerState.ON}
    for name, state in (
        ("new", State.NEW),
        ("ready", State.READY),
        ("broken", State.BROKEN),
        ("failed-testing", State.FAILED_TESTING),
        ("at-work", State.NEW),
    ):
        await site.deployable(name, state, **on)
    await site.deployable("found", State.NEW, accepted=False)
    reported = {"deployment": deployment(reported=True)}
    await site.deployable("deployed", State.DEPLOYED, tenant=ACME, allocated_at=site.rig.clock(), **on, **reported)
    await site.rig.core.keeper.take(news([host(SERVER, "192.168.1.30")]))
    async with http.post("/api/v1/machines/at-work/commission") as response:
        full.ids["$operation"] = (await response.json())["id"]
    for path, body, name in (
        ("users/admin/password", {"password": PASSWORD}, ""),
        ("me/keys", {"name": "spare"}, "$my-key"),
        ("users/operator/keys", {"name": "spare"}, "$their-key"),
        ("webhooks", {"name": "bills", "url": "https://hooks.example.com/hook"}, "$webhook"),
        ("dns/zones", {"name": "rack.example"}, ""),
        ("dns/zones/rack.example/records", {"name": "www", "type": "A", "value": "192.0.2.80"}, "$record"),
        ("dns/keys", {"name": "transfer"}, ""),
        ("subnets/racks/reservations", {"mac": "525400aa0003", "address": "192.168.1.21"}, ""),
        ("hidden-networks", {"interface": "eth9"}, "$hidden"),
        *NETWORKS,
    ):
        async with http.post(f"/api/v1/{path}", json=body) as response:
            assert response.status < 300, (path, await response.text())
            if name:
                made = await response.json()
                full.ids[name] = made["id"] if "id" in made else made["webhook"]["id"]
    now = site.rig.clock()
    letter = Letter(
        id="l1",
        webhook=WebhookId(full.ids["$webhook"]),
        seq=1,
        type="t",
        body="{}",
        state=LetterState.DEAD,
        first_at=now,
        last_at=now,
    )
    await site.rig.region.change(lambda unit: unit.of(Letter).insert(letter))
    return full


def picture(site: Site) -> Json:
    """All that a request could change: tables, files, what power supplies were asked, what is held in memory."""
    region = site.rig.region
    with sqlite3.connect(f"file:{site.state_dir / 'region.db'}?mode=ro", uri=True) as database:
        tables = list(database.iterdump())
    database.close()
    files = [path for path in site.state_dir.rglob("*") if path.is_file() and not path.name.startswith("region.db")]
    return {
        "tables": tables,
        "files": {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(files)},
        "power": (list(site.rig.power.acted), list(site.rig.power.devices), dict(site.rig.power.states)),
        "machines": region.machines(),
        "things": {kind.table: region.of(kind.type).all() for kind in KINDS},
        "keys": region.ssh_keys.all(),
        "reservations": region.reservations("racks"),
        "passwords": {machine.id: region.password(machine.id) for machine in region.machines()},
        "rack": site.rig.snapshot.value,
        "zones": (dict(region.served.all()), site.rig.core.dns.cell.value),
        "head": region.journal.head,
    }


@pytest.mark.timeout(60)
async def test_a_dry_run_of_any_route_tells_what_would_change_and_changes_nothing(
    site: Site, http: aiohttp.ClientSession
) -> None:
    full = await furnished(site, http)
    before = picture(site)
    for route in changing():
        if not route.rehearsable:
            continue
        one = CASES[route.action]
        status, told = await full.send(route, one, dry=True)
        assert status == 200, (name_of(route), told)
        assert told["dry_run"] is True
        assert told["changes"], name_of(route)
        assert one.tells <= {change["what"].replace(" ", "|") for change in told["changes"]}, (name_of(route), told)
        for secret in SECRETS:
            assert secret not in str(told), name_of(route)
        after = picture(site)
        assert {part for part in before if before[part] != after[part]} == set(), name_of(route)


@pytest.mark.timeout(60)
async def test_what_is_not_there_is_refused_alike_in_a_dry_run_and_in_earnest(
    site: Site, http: aiohttp.ClientSession
) -> None:
    full = await furnished(site, http)
    for route in changing():
        if not route.rehearsable or "{" not in route.path:
            continue
        nobody = Case(body=CASES[route.action].body)
        dry, meant = [await full.send(route, nobody, dry=dry) for dry in (True, False)]
        assert dry == meant, name_of(route)
        assert dry[0] == 404, (name_of(route), dry)


ACTIONS: Final = {
    Trigger.COMMISSION: "commission",
    Trigger.TEST: "test",
    Trigger.ALLOCATE: "allocate",
    Trigger.DEPLOY: "deploy",
    Trigger.RELEASE: "release",
    Trigger.ABORT: "abort",
    Trigger.MARK_BROKEN: "mark-broken",
    Trigger.MARK_FIXED: "mark-fixed",
    Trigger.OVERRIDE: "override",
    Trigger.RETIRE: "retire",
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("trigger", ACTIONS, ids=lambda t: t.value)
async def test_in_every_state_a_dry_run_foretells_the_state_the_events_or_the_refusal(
    site: Site, http: aiohttp.ClientSession, trigger: Trigger
) -> None:
    body: Json = {Trigger.DEPLOY: {"image": "debian-12"}, Trigger.ALLOCATE: {"tenant": "globex"}}.get(trigger, {})
    for state in TRANSITIONS:
        machine = await site.deployable(state.value.lower().replace(" ", "-"), state)
        path, told = f"/api/v1/machines/{machine.id}/{ACTIONS[trigger]}", []
        head = site.rig.region.journal.head
        for query in ({"dry_run": "true"}, {}):
            async with http.post(path, params=query, json=body) as response:
                told.append((response.status, await response.json(content_type=None)))
        (dry, preview), (meant, answer) = told
        if meant >= 400:
            assert (dry, preview) == (meant, answer), state
            continue
        assert dry == 200, (state, preview)
        after = site.rig.region.machine(machine.id).state.value
        assert [c["after"] for c in preview["changes"] if c["what"] == "state"] == [after]
        types = [f"fibrix.{entry.type}" for entry in await site.rig.region.journal.since(head)]
        assert preview["events"] == types, state


async def test_a_deployment_is_foretold_with_the_disk_that_it_overwrites(
    site: Site, http: aiohttp.ClientSession
) -> None:
    ipmi = PowerSettings(kind=PowerKind.IPMI, address="10.0.0.9")
    await site.deployable("web-1", power=ipmi, power_state=PowerState.ON)
    changes = await foretold(http, "machines/web-1/deploy", {"image": "debian-12"})
    assert changes["state"] == {"before": "Ready", "after": "Deploying", "detail": "somebody asked to deploy debian-12"}
    assert changes["disks"]["after"] == "debian-12 on sdb", "the smallest that is large enough"
    assert changes["power"]["detail"].startswith("it is switched off and on again; not, if it waits in iPXE")
    assert changes["dhcp"]["after"] == "the ephemeral OS"
    assert "its own disk, once the image is written" in changes["dhcp"]["detail"]
    changes = await foretold(http, "machines/web-1/deploy", {"image": "debian-12", "disk": "sda"})
    assert changes["disks"]["after"] == "debian-12 on sda"


async def test_a_release_is_foretold_with_the_disks_that_are_wiped(site: Site, http: aiohttp.ClientSession) -> None:
    fields: Json = {"deployment": deployment(reported=True), "power_state": PowerState.OFF}
    await site.deployable("web-1", State.DEPLOYED, tenant=ACME, allocated_at=site.rig.clock(), **fields)
    changes = await foretold(http, "machines/web-1/release", {})
    assert changes["disks"]["before"] == "debian-12"
    assert changes["disks"]["after"] == "overwritten by disk-wipe-quick"
    assert {word for word in ("sda", "sdb") if word in changes["disks"]["detail"]} == {"sda", "sdb"}
    assert (changes["dhcp"]["before"], changes["dhcp"]["after"]) == ("its own disk", "the ephemeral OS")


@pytest.mark.parametrize(
    ("action", "power", "status", "words"),
    [
        ("on", PowerState.ON, 200, "is not cycled"),
        ("on", PowerState.OFF, 200, "its BMC is told: on"),
        ("cycle", PowerState.ON, 200, "its BMC is told: cycle"),
        ("cycle", PowerState.OFF, 502, "the machine is off"),
        ("off", PowerState.UNKNOWN, 502, "not without knowing"),
    ],
)
async def test_power_is_foretold_by_what_was_last_read(
    site: Site, http: aiohttp.ClientSession, action: str, power: PowerState, status: int, words: str
) -> None:
    site.rig.power.broken = "no BMC is to be asked"
    await site.put("web-1", power=PowerSettings(kind=PowerKind.IPMI, address="10.0.0.9"), power_state=power)
    path = "/api/v1/machines/web-1/power"
    async with http.post(path, params={"dry_run": "true"}, json={"action": action}) as response:
        assert response.status == status
        assert words in await response.text()
    assert site.rig.power.acted == []


async def test_a_quota_refuses_a_dry_run_in_the_same_words(site: Site, http: aiohttp.ClientSession) -> None:
    headers = {"If-Match": "*"}
    async with http.patch("/api/v1/tenants/globex", json={"quota": {"machines": 0}}, headers=headers) as response:
        assert response.status == 200
    await site.put("web-1")
    async with site.client("globex") as globex:
        told = []
        for query in ({"dry_run": "true"}, {}):
            async with globex.post("/api/v1/machines/web-1/allocate", params=query, json={}) as response:
                told.append((response.status, await response.text()))
            async with globex.post("/api/v1/allocations", params=query, json={}) as response:
                told.append((response.status, await response.text()))
    assert told[:2] == told[2:]
    assert [status for status, _ in told[1::2]] == [409, 409]
    assert GLOBEX not in told[1][1]


async def test_a_flag_that_is_neither_yes_nor_no_is_refused(site: Site, http: aiohttp.ClientSession) -> None:
    async with http.post("/api/v1/ssh-keys", params={"dry_run": "perhaps"}, json={}) as response:
        assert response.status == 422
        assert "dry_run" in await response.text()


async def foretold(http: aiohttp.ClientSession, path: str, body: Json) -> dict[str, Json]:
    """What a dry run tells, by what it is about."""
    async with http.post(f"/api/v1/{path}", params={"dry_run": "true"}, json=body) as response:
        assert response.status == 200, await response.text()
        changes = (await response.json())["changes"]
    return {change.pop("what"): {k: v for k, v in change.items() if k != "subject"} for change in changes}
