"""Discoveries over HTTP: listed, marked, forgotten, made machines; hidden networks; nothing for tenants."""

from datetime import timedelta
from typing import Any

import aiohttp
import pytest

from fibrix.domain.census.host import HostName
from fibrix.domain.census.sighting import DhcpClient, Neighbour, Role
from fibrix.domain.power import PowerKind, PowerSettings
from fibrix.domain.state import State
from fibrix.runtime.interface import own_macs
from fibrix.types import MacAddress
from tests.api.test_networks import call
from tests.support.hosts import ITS_BMC, NOON, SERVER, host, news
from tests.support.site import Site

Json = dict[str, Any]
SWITCH, PHONE, MANAGED, ITS_POWER = (f"02:00:00:00:00:0{n}" for n in range(1, 5))


async def heard(site: Site) -> None:
    """A rack: a server with its BMC, a switch, a managed machine with its BMC, and a phone on a VLAN of its own."""
    await site.put(
        "web-1",
        macs=(MacAddress(MANAGED),),
        power=PowerSettings(kind=PowerKind.IPMI, address="192.168.1.204"),
    )
    wants = DhcpClient(architectures=(7,), vendor_class="PXEClient:Arch:00007:UNDI:003000")
    port = Neighbour(name="sw1", port="ge-0/0/7")
    names = (HostName(name="db-1", means="dhcp", last=NOON),)
    bmc = {"roles": (Role.BMC.value,), "bmc": "answers RMCP", "kind": "BMC"}
    await site.rig.core.keeper.take(
        news(
            [
                host(SERVER, "192.168.1.30", vendor="Dell Inc.", kind="PXE ROM", client=wants, names=names),
                host(ITS_BMC, "192.168.1.203", vendor="Dell Inc.", **bmc),
                host(SWITCH, vendor="Juniper Networks", roles=(Role.SWITCH.value,), last=NOON - timedelta(days=2)),
                host(PHONE, "10.9.0.7", vlan=9, interface="eth2", vendor="Yealink"),
                host(MANAGED, "192.168.1.31", vendor="Dell Inc.", switch=port),
                host(ITS_POWER, "192.168.1.204", **bmc),
            ]
        )
    )


async def macs(http: aiohttp.ClientSession, **query: Any) -> list[str]:
    return [one["mac"] for one in (await call(http, "GET", "discoveries", **query))["items"]]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, [SERVER, ITS_BMC, SWITCH, PHONE, MANAGED, ITS_POWER]),
        ({"subnet": "racks"}, [SERVER, ITS_BMC, MANAGED, ITS_POWER]),
        ({"subnet": "10.9.0.0/24"}, [PHONE]),
        ({"vlan": "9"}, [PHONE]),
        ({"vlan": "0", "role": "switch"}, [SWITCH]),
        ({"interface": "eth2"}, [PHONE]),
        ({"vendor": "dell"}, [SERVER, ITS_BMC, MANAGED]),
        ({"kind": "pxe"}, [SERVER]),
        ({"role": "bmc"}, [ITS_BMC, ITS_POWER]),
        ({"known": "true"}, [MANAGED, ITS_POWER]),
        ({"known": "false"}, [SERVER, ITS_BMC, SWITCH, PHONE]),
        ({"machine": "web-1"}, [MANAGED, ITS_POWER]),
        ({"since": "2026-02-28T12:00:00Z"}, [SERVER, ITS_BMC, PHONE, MANAGED, ITS_POWER]),
        ({"since": "-1d"}, [SERVER, ITS_BMC, PHONE, MANAGED, ITS_POWER]),
        ({"filter": "standing=bmc"}, [ITS_POWER]),
        ({"filter": "names.name~DB"}, [SERVER]),
        ({"filter": "addresses.address=10.9.0.7"}, [PHONE]),
        ({"filter": "uefi=true"}, [SERVER]),
        ({"sort": "last,-vendor", "limit": "2"}, [SWITCH, PHONE]),
        ({"sort": "-mac", "limit": "2"}, [ITS_POWER, MANAGED]),
    ],
)
async def test_hosts_are_found_by_what_they_are(
    site: Site, http: aiohttp.ClientSession, query: dict[str, str], found: list[str]
) -> None:
    await heard(site)
    assert await macs(http, **query) == found


@pytest.mark.parametrize("sort", ["", "vendor", "-last,kind"])
async def test_page_by_page_each_host_comes_once(site: Site, http: aiohttp.ClientSession, sort: str) -> None:
    await heard(site)
    whole = await macs(http, sort=sort)
    found: list[str] = []
    after = ""
    while True:
        page = await call(http, "GET", "discoveries", sort=sort, limit="2", after=after, fields="mac,vendor")
        found += [one["mac"] for one in page["items"]]
        assert all(one.keys() == {"mac", "vendor"} for one in page["items"])
        after = page["next"]
        if not after:
            break
    assert found == whole
    assert len(found) == 6


async def test_many_hosts_are_listed_over_the_seams_of_reading(site: Site, http: aiohttp.ClientSession) -> None:
    many = [host(f"02:00:00:00:{n >> 8:02x}:{n & 255:02x}", kind=f"k{n % 7}") for n in range(600)]
    await site.rig.core.keeper.take(news(many))
    assert await macs(http) == [one.mac for one in many]
    assert await macs(http, kind="k3", limit="3") == [many[3].mac, many[10].mac, many[17].mac]
    ordered = sorted(many, key=lambda one: (one.kind, one.mac))
    assert await macs(http, sort="kind", limit="500") == [one.mac for one in ordered[:500]]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"subnet": "nowhere"}, "neither the name of a subnet nor a network"),
        ({"since": "soon"}, "is not a time"),
        ({"vlan": "5000"}, "vlan"),
        ({"known": "perhaps"}, "known"),
        ({"after": "x"}, "give the `next`"),
        ({"filter": "colour=red"}, "colour"),
    ],
)
async def test_what_cannot_be_asked_is_refused_in_words(http: aiohttp.ClientSession, query: Json, words: str) -> None:
    assert words in str(await call(http, "GET", "discoveries", status=422, **query))


async def test_what_people_say_stays_and_takes_hosts_out_of_the_list(site: Site, http: aiohttp.ClientSession) -> None:
    await heard(site)
    path = f"discoveries/{PHONE}"
    changed = await call(http, "PATCH", path, {"name": "Ann's phone", "hidden": True})
    assert (changed["name"], changed["hidden"], changed["ignored"]) == ("Ann's phone", True, False)
    await call(http, "PATCH", f"discoveries/{SWITCH.replace(':', '-').upper()}", {"ignored": True, "note": "old"})
    assert await macs(http) == [SERVER, ITS_BMC, MANAGED, ITS_POWER]
    assert await macs(http, all="true", filter="hidden=true") == [PHONE]
    await call(http, "PATCH", path, {"hidden": False, "name": ""})
    await call(http, "PATCH", path, {"hidden": False})
    assert PHONE in await macs(http)
    entries = [entry for entry in await site.rig.region.journal.since(0) if entry.type == "discovery.updated"]
    assert [entry.subject for entry in entries] == [path, f"discoveries/{SWITCH}", path]
    assert b'"fields":["name","hidden"]' in entries[0].data
    await call(http, "DELETE", f"discoveries/{SWITCH}", status=204)
    await call(http, "GET", f"discoveries/{SWITCH}", status=404)
    await site.rig.core.keeper.take(news([host(SWITCH)]))
    assert (await call(http, "GET", f"discoveries/{SWITCH}"))["note"] == ""


async def test_a_change_of_another_version_than_was_read_is_refused(site: Site, http: aiohttp.ClientSession) -> None:
    await heard(site)
    url = f"/api/v1/discoveries/{PHONE}"
    async with http.get(url) as response:
        tag = response.headers["ETag"]
    for status in (200, 412):
        async with http.patch(url, json={"note": f"{status}"}, headers={"If-Match": tag}) as response:
            assert response.status == status


async def test_a_networks_hosts_are_hidden_for_good(site: Site, http: aiohttp.ClientSession) -> None:
    await heard(site)
    made = await call(http, "POST", "hidden-networks", {"network": "10.9.0.0/16", "note": "the office"}, 201)
    assert (made["network"], made["vlan"]) == ("10.9.0.0/16", None)
    assert [one.network for one in site.rig.snapshot.value.hidden] == ["10.9.0.0/16"], "the rack keeps nothing either"
    assert PHONE not in await macs(http, all="true")
    await call(http, "GET", f"discoveries/{PHONE}", status=404)
    told = await call(http, "POST", "hidden-networks", {"network": "10.9.0.0/16"}, 409)
    assert "hidden already" in told["detail"]
    listed = (await call(http, "GET", "hidden-networks"))["items"]
    assert listed == [await call(http, "GET", f"hidden-networks/{made['id']}")]
    await call(http, "DELETE", f"hidden-networks/{made['id']}", status=204)
    assert (await call(http, "GET", "hidden-networks"))["items"] == []
    assert site.rig.snapshot.value.hidden == ()


async def test_what_is_heard_comes_by_the_stream(site: Site, http: aiohttp.ClientSession) -> None:
    await heard(site)
    query = f"since=0&type=host.*&subject=discoveries/{PHONE}"
    async with http.ws_connect(f"/api/v1/stream?{query}") as stream:
        event = await stream.receive_json()
    assert (event["type"], event["subject"]) == ("fibrix.host.seen", f"discoveries/{PHONE}")
    assert (event["data"]["vendor"], event["data"]["vlan"]) == ("Yealink", 9)


async def test_tenants_and_strangers_see_none_of_it(site: Site) -> None:
    await heard(site)
    for who, status in (("acme", 403), ("nobody", 401), ("auditor", 200)):
        async with site.client(who) as client:
            for path in ("discoveries", f"discoveries/{SERVER}", "hidden-networks"):
                await call(client, "GET", path, status=status)
    async with site.client("auditor") as auditor:
        await call(auditor, "PATCH", f"discoveries/{SERVER}", {"note": "x"}, status=403)
    async with site.client("acme") as acme:
        assert SERVER not in str(await call(acme, "GET", "events", since="0"))


async def test_a_host_becomes_a_machine_powered_by_the_bmc_that_was_named(
    site: Site, http: aiohttp.ClientSession
) -> None:
    await heard(site)
    body: Json = {
        "name": "db-1",
        "bmc": ITS_BMC,
        "power": {"username": "root"},
        "power_password": "calvin",
        "tags": ["ssd"],
        "zone": "east",
    }
    made = await call(http, "POST", f"discoveries/{SERVER}/machine", body, 201)
    assert (made["accepted"], made["macs"], made["uefi"], made["state"]) == (True, [SERVER], True, "New")
    assert (made["power"]["kind"], made["power"]["address"]) == ("ipmi", "192.168.1.203")
    assert (made["power"]["username"], made["tags"], made["zone"]) == ("root", ["ssd"], "east")
    assert site.rig.region.password(made["id"]) == "calvin"
    found = await call(http, "GET", f"discoveries/{SERVER}")
    assert (found["standing"], found["machine"], found["machine_name"]) == ("machine", made["id"], "db-1")
    assert (await call(http, "GET", f"discoveries/{ITS_BMC}"))["standing"] == "bmc"
    assert "calvin" not in str(await site.rig.region.journal.since(0))


async def test_hosts_that_may_be_its_bmc_are_offered_with_reasons(site: Site, http: aiohttp.ClientSession) -> None:
    await heard(site)
    (offer,) = (await call(http, "GET", f"discoveries/{SERVER}"))["bmc_candidates"]
    assert (offer["mac"], offer["address"], offer["likely"]) == (ITS_BMC, "192.168.1.203", True)
    assert "its MAC is next to" in offer["reason"]
    (its,) = (await call(http, "GET", f"discoveries/{MANAGED}"))["bmc_candidates"]
    assert its["mac"] == ITS_POWER
    for mac in (ITS_BMC, SWITCH):
        assert (await call(http, "GET", f"discoveries/{mac}"))["bmc_candidates"] == []
    assert all(each["mac"] != ITS_POWER for each in (await call(http, "GET", f"discoveries/{PHONE}"))["bmc_candidates"])


async def test_without_a_word_nothing_is_guessed_about_power(site: Site, http: aiohttp.ClientSession) -> None:
    await heard(site)
    made = await call(http, "POST", f"discoveries/{SERVER}/machine", {}, 201)
    assert (made["power"]["kind"], made["power"]["address"]) == ("manual", "")


@pytest.mark.parametrize(
    ("mac", "body", "status", "words"),
    [
        (MANAGED, {}, 409, "is the machine web-1 (m000000001) already"),
        (ITS_POWER, {}, 409, "is the BMC of the machine web-1"),
        (ITS_BMC, {}, 409, "showed that it is a BMC (answers RMCP), and no machine"),
        (SWITCH, {}, 409, "showed that it is a switch"),
        ("02:00:00:00:00:99", {}, 404, "it was not heard"),
        (SERVER, {"bmc": SERVER}, 422, "not its own BMC"),
        (SERVER, {"bmc": "02:00:00:00:00:99"}, 422, "its BMC: there is no discovery"),
        (SERVER, {"bmc": "the other one"}, 422, "is not a MAC address"),
        (SERVER, {"bmc": ITS_POWER}, 409, "is the BMC of the machine web-1"),
        (SERVER, {"bmc": MANAGED}, 409, "is the machine web-1"),
        (SERVER, {"bmc": SWITCH}, 422, "has shown no IPv4 address"),
        (SERVER, {"bmc": ITS_BMC, "power": {"address": "10.0.0.1"}}, 422, "has the address 192.168.1.203"),
        (SERVER, {"bmc": ITS_BMC, "power": {"kind": "wol"}}, 422, "Wake-on-LAN needs no BMC"),
        (SERVER, {"power": {"kind": "ipmi"}}, 422, "needs the address of the BMC"),
        (SERVER, {"name": "web-1"}, 409, "the name 'web-1' is in use"),
        (SERVER, {"tags": ["no tag"]}, 422, "cannot be a name"),
    ],
)
async def test_what_is_no_machine_is_refused_in_words(
    site: Site, http: aiohttp.ClientSession, mac: str, body: Json, status: int, words: str
) -> None:
    await heard(site)
    told = await call(http, "POST", f"discoveries/{mac}/machine", body, status)
    assert words in told["detail"]


async def test_a_machine_that_waits_since_it_asked_for_a_boot_is_accepted(
    site: Site, http: aiohttp.ClientSession
) -> None:
    waiting = await site.rig.discovered()
    (mac,) = site.rig.region.machine(waiting).macs
    await heard(site)
    await site.rig.core.keeper.take(news([host(mac, "192.168.1.100", vendor="Dell Inc.")]))
    found = await call(http, "GET", f"discoveries/{mac}")
    assert (found["standing"], found["machine"]) == ("waiting", waiting)
    assert await macs(http, machine=waiting) == [mac]
    for wrong in ({"zone": "a b"}, {"pool": ""}, {"tags": ["ok", "a b"]}):
        await call(http, "POST", f"discoveries/{mac}/machine", {"name": "db-1", **wrong}, 422)
        assert not site.rig.region.machine(waiting).accepted
    body: Json = {"name": "db-1", "bmc": ITS_BMC, "tags": ["ssd"]}
    made = await call(http, "POST", f"discoveries/{mac}/machine", body, 201)
    assert (made["id"], made["accepted"], made["name"], made["tags"]) == (waiting, True, "db-1", ["ssd"])
    assert made["power"]["address"] == "192.168.1.203"
    assert site.rig.region.machine(waiting).state is State.NEW


async def test_the_controller_itself_is_told_apart(site: Site, http: aiohttp.ClientSession) -> None:
    own = sorted(own_macs())
    if not own:
        pytest.skip("this machine has no interface but the loopback one")
    await site.rig.core.keeper.take(news([host(own[0])]))
    assert (await call(http, "GET", f"discoveries/{own[0]}"))["standing"] == "controller"
    told = await call(http, "POST", f"discoveries/{own[0]}/machine", {}, 409)
    assert "is the controller itself" in told["detail"]
