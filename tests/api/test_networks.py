"""Networks over HTTP: made, changed and removed while the rack serves, refused with a reason, there after a restart."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from fibrix.controllers.addresses import AddressController
from fibrix.controllers.subnets import SubnetController
from fibrix.domain.binding import Binding, BindingState, instant_us
from fibrix.domain.network import SubnetMode
from fibrix.types import MacAddress
from tests.support.api import serving
from tests.support.site import Site, served, site

Json = dict[str, Any]
MAC = MacAddress("52:54:00:77:00:01")
NEW: Json = {
    "name": "customers",
    "interface": "eth1",
    "address": "10.20.0.1/24",
    "ranges": [{"first": "10.20.0.100", "last": "10.20.0.109"}],
    "routers": ["10.20.0.1"],
    "routes": [{"destination": "10.9.0.0/16", "router": "10.20.0.2"}],
    "options": [{"code": 4, "value": "0a:14:00:01"}],
}


async def call(
    http: aiohttp.ClientSession, method: str, path: str, body: Json | None = None, status: int = 200, **query: str
) -> Json:
    """Make a call that must end with this status; gives what it answers."""
    headers = {"If-Match": "*"} if method in {"PATCH", "DELETE"} else {}
    url = f"/api/v1/{path}"
    async with http.request(method, url, json=body, params=query, headers=headers) as response:
        text = await response.text()
        assert response.status == status, text
        found: Json = await response.json(content_type=None) if text else {}
        return found


async def test_a_subnet_is_served_from_the_moment_that_it_is_made_until_it_is_removed(
    site: Site, http: aiohttp.ClientSession
) -> None:
    made = await call(http, "POST", "subnets", NEW, 201)
    assert (made["network"], made["source"], made["fault"]) == ("10.20.0.0/24", "api", "")
    assert made["options"] == [{"code": 4, "value": "0a140001"}]
    (racks, customers) = site.rig.snapshot.value.subnets
    assert (customers.name, customers.mode, str(customers.address)) == ("customers", SubnetMode.SERVE, "10.20.0.1")
    changed = await call(http, "PATCH", "subnets/customers", {"mode": "proxy", "ntp_servers": ["10.20.0.5"]})
    assert (changed["mode"], changed["ntp_servers"], changed["routers"]) == ("proxy", ["10.20.0.5"], ["10.20.0.1"])
    now = site.rig.snapshot.value.subnets
    assert now[0] is racks
    assert now[1].mode is SubnetMode.PROXY
    await call(http, "DELETE", "subnets/customers", status=204)
    assert [subnet.name for subnet in site.rig.snapshot.value.subnets] == ["racks"]
    types = [kind for kind in await site.rig.types() if kind.startswith("subnet")]
    assert types == ["subnet.created", "subnet.updated", "subnet.deleted"]


@pytest.mark.parametrize(
    ("fields", "status", "pointer", "words"),
    [
        (
            {"address": "192.168.1.9/25", "ranges": [], "routers": [], "routes": []},
            422,
            "/network",
            "overlaps 192.168.1.0/24 of subnet 'racks'",
        ),
        ({"name": "racks"}, 409, None, "the configuration file declares a subnet 'racks' already"),
        ({"routers": ["10.0.0.1"]}, 422, "/routers/0", "is not in 10.20.0.0/24"),
        ({"interface": "eth7"}, 422, "/interface", "is not among [[interfaces]]"),
        ({"vlan": "core.9"}, 404, None, "there is no VLAN 'core.9'"),
        ({"relayed": True, "network": "10.20.0.0/24", "address": "10.7.0.1"}, 422, "/address", "is not the rack's"),
        ({"lease_s": 0}, 422, "/lease_s", "expected `int` >= 1"),
        ({"options": [{"code": 53, "value": "01"}]}, 422, "/options/0/code", "Fibrix itself sets it"),
    ],
)
async def test_what_cannot_be_is_refused_with_the_reason_and_leaves_nothing(
    site: Site, http: aiohttp.ClientSession, fields: Json, status: int, pointer: str | None, words: str
) -> None:
    before = site.rig.snapshot.value
    problem = await call(http, "POST", "subnets", NEW | fields, status)
    assert words in str(problem)
    assert problem.get("pointer") == pointer
    assert site.rig.snapshot.value is before
    assert len((await call(http, "GET", "subnets"))["items"]) == 1


async def test_a_subnet_of_the_file_is_changed_there_but_its_reservations_here(http: aiohttp.ClientSession) -> None:
    span = {"first": "192.168.1.50", "last": "192.168.1.59"}
    for method, path, body in (
        ("PATCH", "subnets/racks", {"lease_s": 60}),
        ("DELETE", "subnets/racks", None),
        ("POST", "subnets/racks/ranges", span),
        ("DELETE", "subnets/racks/ranges/192.168.1.100", None),
    ):
        problem = await call(http, method, path, body, 409)
        assert "is declared in the configuration file: change it there" in problem["detail"]
    await call(http, "POST", "subnets/racks/reservations", {"mac": MAC, "address": "192.168.1.20"}, 201)


async def test_ranges_come_and_go_and_never_overlap(http: aiohttp.ClientSession) -> None:
    await call(http, "POST", "subnets", NEW, 201)
    path = "subnets/customers/ranges"
    await call(
        http, "POST", path, {"first": "10.20.0.20", "last": "10.20.0.29", "kind": "reserved", "note": "PDUs"}, 201
    )
    problem = await call(http, "POST", path, {"first": "10.20.0.29", "last": "10.20.0.30"}, 422)
    assert "the ranges 10.20.0.29-10.20.0.30 and 10.20.0.20-10.20.0.29 overlap" in problem["detail"]
    kinds = [(r["first"], r["kind"], r["note"]) for r in (await call(http, "GET", path))["items"]]
    assert kinds == [("10.20.0.100", "dynamic", ""), ("10.20.0.20", "reserved", "PDUs")]
    await call(http, "DELETE", f"{path}/10.20.0.20", status=204)
    await call(http, "DELETE", f"{path}/10.20.0.20", status=404)


async def test_reservations_by_mac_and_by_identifier_at_a_given_or_the_next_free_address(
    site: Site, http: aiohttp.ClientSession
) -> None:
    await call(http, "POST", "subnets", NEW, 201)
    path = "subnets/customers/reservations"
    first = await call(http, "POST", path, {"mac": MAC}, 201)
    identified = {"client_id": "ff:00:01", "where": "inside", "options": [{"code": 4, "value": "01020304"}]}
    second = await call(http, "POST", path, identified, 201)
    assert [(one["client"], one["address"]) for one in (first, second)] == [
        (MAC, "10.20.0.2"),
        ("id:ff0001", "10.20.0.100"),
    ]
    kept = site.rig.snapshot.value.subnets[1].reservations
    assert [(one.client_id, one.options[0].value.hex() if one.options else "") for one in kept] == [
        ("", ""),
        ("ff0001", "01020304"),
    ]
    edited = await call(http, "PATCH", f"{path}/id:ff0001", {"hostname": "pdu-1", "options": []})
    assert (edited["hostname"], edited["options"], edited["address"]) == ("pdu-1", [], "10.20.0.100")
    await call(http, "PATCH", f"{path}/{MAC}", {"address": "10.20.0.100"}, 409)
    await call(http, "POST", path, {"mac": MAC, "address": "10.20.0.9"}, 409)
    assert (await call(http, "GET", f"{path}/10.20.0.2"))["client"] == MAC
    await call(http, "PATCH", "subnets/customers", {"network": "10.20.0.0/28", "ranges": [], "options": []}, 422)
    await call(http, "DELETE", f"{path}/id:ff0001", status=204)
    assert len((await call(http, "GET", path))["items"]) == 1


async def test_a_subnet_in_use_goes_only_when_that_is_forced(site: Site, http: aiohttp.ClientSession) -> None:
    await call(http, "POST", "subnets", NEW, 201)
    await call(http, "POST", "subnets/customers/reservations", {"mac": MAC}, 201)
    await site.put("web-1", address="10.20.0.101")
    problem = await call(http, "DELETE", "subnets/customers", status=409)
    assert "has 1 machine, 1 reservation: remove those first, or force it" in problem["detail"]
    await call(http, "DELETE", "subnets/customers", status=204, force="true")
    assert site.rig.region.reservations("customers") == ()


async def test_a_relayed_subnet_holds_the_one_that_its_relay_reaches(http: aiohttp.ClientSession) -> None:
    await call(http, "POST", "subnets", NEW, 201)
    far = {"name": "far", "interface": "eth1", "relayed": True, "network": "10.30.0.0/24", "address": "10.20.0.1"}
    await call(http, "POST", "subnets", far, 201)
    problem = await call(http, "DELETE", "subnets/customers", status=409)
    assert "the relayed subnet 'far' needs" in problem["detail"]
    await call(http, "PATCH", "subnets/customers", {"address": "10.20.0.3"}, 409)


async def test_fabrics_vlans_and_zones_hold_together(site: Site, http: aiohttp.ClientSession) -> None:
    await call(http, "POST", "vlans", {"fabric": "core", "vid": 10}, 422)
    await call(http, "POST", "fabrics", {"name": "core"}, 201)
    await call(http, "POST", "vlans", {"fabric": "core", "vid": 10, "interface": "eth1.10", "mtu": 9000}, 201)
    problem = await call(http, "POST", "vlans", {"fabric": "core", "vid": 10}, 409)
    assert "there is a VLAN 'core.10' already" in problem["detail"]
    made = await call(http, "POST", "subnets", NEW | {"interface": "", "vlan": "core.10"}, 201)
    assert (made["interface"], made["mtu"]) == ("eth1.10", 9000)
    await call(http, "PATCH", "vlans/core.10", {"interface": "eth1"})
    assert site.rig.snapshot.value.subnets[1].interface == "eth1"
    problem = await call(http, "PATCH", "vlans/core.10", {"interface": ""}, 422)
    assert "subnet 'customers': it is on no interface" in problem["detail"]
    await call(http, "DELETE", "vlans/core.10", status=409)
    await call(http, "DELETE", "fabrics/core", status=409)
    await call(http, "DELETE", "subnets/customers", status=204)
    await call(http, "DELETE", "vlans/core.10", status=204)
    await call(http, "DELETE", "fabrics/core", status=204)

    await site.put("web-1", zone="east")
    shown = (await call(http, "GET", "zones"))["items"]
    assert [(zone["name"], zone["machines"]) for zone in shown] == [("east", 1)]
    await call(http, "PATCH", "zones/east", {"note": "the cold one"})
    await call(http, "DELETE", "zones/east", status=409)


async def test_all_of_it_is_there_after_a_restart(tmp_path: Path) -> None:
    async with served(tmp_path) as opened, opened.client() as http:
        await call(http, "POST", "subnets", NEW, 201)
        await call(http, "POST", "subnets/customers/reservations", {"client_id": "ff0001"}, 201)
        before = await call(http, "GET", "subnets/customers")
    async with served(tmp_path) as opened, opened.client() as http:
        assert await call(http, "GET", "subnets/customers") == before
        assert [subnet.name for subnet in opened.rig.snapshot.value.subnets] == ["racks", "customers"]


@dataclass(frozen=True)
class Book:
    """Leases that a test wrote down. Fits `domain.ports.leases.LeaseBook`."""

    written: tuple[Binding, ...]
    kept: bool = True

    def bindings(self, subnet: str = "") -> Sequence[Binding]:
        return [one for one in self.written if subnet in ("", one.subnet)]


def lease(number: int, state: BindingState, now: datetime, seconds: int) -> Binding:
    return Binding(
        number=int(IPv4Address(f"192.168.1.{number}")),
        subnet="racks",
        mac=MacAddress(f"52:54:00:00:00:{number % 100:02x}"),
        state=state,
        since_us=instant_us(now),
        until_us=instant_us(now + timedelta(seconds=seconds)),
    )


async def test_leases_use_and_holders_are_those_of_the_rack(tmp_path: Path) -> None:
    async with site(tmp_path) as opened:
        now, rig = opened.rig.clock(), opened.rig

        book = Book(
            (
                lease(101, BindingState.BOUND, now, 60),
                lease(102, BindingState.DECLINED, now, 60),
                lease(103, BindingState.BOUND, now, -1),
            )
        )
        ports = replace(
            opened.ports,
            addresses=AddressController(rig.region, rig.core.networks, book, rig.clock),
            networks=SubnetController(rig.region, rig.core.networks, book, rig.core.snapshots.refresh, rig.clock),
        )
        opened.ports = ports
        machine = await opened.put("web-1", address="192.168.1.101")
        async with serving(opened.service()), opened.client() as http:
            used = (await call(http, "GET", "subnets/racks"))["use"]
            assert {name: used[name] for name in ("addresses", "leased", "declined", "free")} == {
                "addresses": 81,
                "leased": 1,
                "declined": 1,
                "free": 79,
            }
            states = [(one["address"], one["state"]) for one in (await call(http, "GET", "leases"))["items"]]
            assert [state for _, state in states] == ["bound", "declined", "expired"]
            (mine,) = (await call(http, "GET", "leases", machine="web-1"))["items"]
            assert (mine["machine"], mine["address"]) == (machine.id, "192.168.1.101")
            assert len((await call(http, "GET", "leases", state="declined", subnet="racks"))["items"]) == 1
            await call(http, "GET", "leases", status=422, mac="x")
            held = await call(http, "GET", "addresses/192.168.1.101")
            assert [one["kind"] for one in held["holders"]] == ["lease", "machine", "range"]
            assert (await call(http, "GET", "addresses/192.168.1.9"))["free"] is True
            assert (await call(http, "GET", "addresses/8.8.8.8")) == {
                "address": "8.8.8.8",
                "subnet": "",
                "free": False,
                "holders": [],
            }
            await call(http, "GET", "addresses/x", status=422)
            found = await call(http, "GET", "subnets/racks/next-address", where="inside")
            assert found["address"] == "192.168.1.100"
