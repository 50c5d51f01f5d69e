"""Machines over HTTP, as an integrator meets them."""

import aiohttp
import msgspec
import pytest

from fibrix.api.views import BootView, DeploymentView, MachineView
from fibrix.domain.machine import Boot, Deployment, Machine
from fibrix.domain.state import State
from fibrix.domain.trigger import Trigger
from tests.support.site import Site

HIDDEN = {
    Boot: {"session_hash", "asking"},
    Deployment: {"file", "instance", "user_data"},
    Machine: set(),
}
"""What the API does not show; a new field is shown or listed here, never forgotten."""


async def problem(response: aiohttp.ClientResponse) -> dict[str, object]:
    """Read problem details."""
    assert response.content_type == "application/problem+json"
    read: dict[str, object] = await response.json(content_type=None)
    assert read["status"] == response.status
    return read


async def test_an_added_machine_is_found_by_id_name_and_mac(site: Site, http: aiohttp.ClientSession) -> None:
    body = {"macs": ["52-54-00-77-00-01"], "name": "web-1", "power_password": "s3cret"}
    async with http.post("/api/v1/machines", json=body) as response:
        assert response.status == 201
        made = await response.json()
        assert response.headers["Location"] == f"/api/v1/machines/{made['id']}"
        assert "s3cret" not in await response.text()
    for key in (made["id"], "web-1", "52:54:00:77:00:01"):
        async with http.get(f"/api/v1/machines/{key}") as response:
            assert response.status == 200
            assert await response.json() == made


async def test_a_machine_is_shown_with_the_names_of_states_and_times_of_rfc_3339(
    site: Site, http: aiohttp.ClientSession
) -> None:
    await site.put("web-1", State.FAILED_TESTING)
    async with http.get("/api/v1/machines/web-1") as response:
        shown = await response.json()
    assert shown["state"] == "Failed testing"
    assert shown["since"] == "2026-03-01T12:00:00Z"
    assert shown["power"]["kind"] == "manual"


async def test_secrets_and_their_hashes_are_not_shown(site: Site, http: aiohttp.ClientSession) -> None:
    await site.deployable("web-1")
    spec = {"image": "debian-12", "user_data": "password: hunter2"}
    async with http.post("/api/v1/machines/web-1/deploy", json=spec) as response:
        assert response.status == 202
        assert "hunter2" not in await response.text()
    async with http.get("/api/v1/machines/web-1") as response:
        text = await response.text()
    assert "5ecre7" not in text
    assert "hunter2" not in text
    assert msgspec.json.decode(text)["deployment"]["user_data_bytes"] == len("password: hunter2")


@pytest.mark.parametrize(
    ("stored", "shown"), [(Machine, MachineView), (Boot, BootView), (Deployment, DeploymentView)], ids=str
)
def test_every_stored_field_is_shown_or_hidden_on_purpose(
    stored: type[msgspec.Struct], shown: type[msgspec.Struct]
) -> None:
    made_up = {"user_data_bytes"} if shown is DeploymentView else set()
    assert set(shown.__struct_fields__) - made_up == set(stored.__struct_fields__) - HIDDEN[stored]


async def test_the_list_can_be_filtered(site: Site, http: aiohttp.ClientSession) -> None:
    await site.put("a", State.READY)
    await site.put("b", State.FAILED_TESTING)
    await site.put("c", State.DEPLOYED)

    async def names(**query: str) -> list[str]:
        async with http.get("/api/v1/machines", params=query) as response:
            return [machine["name"] for machine in (await response.json())["items"]]

    assert await names() == ["a", "b", "c"]
    assert await names(state="Ready,failed-testing") == ["a", "b"]
    assert await names(name="c") == ["c"]
    assert await names(mac="5254.0000.0002") == ["b"]
    assert await names(mac="5254.0000.0002", state="Ready") == []


async def test_pages_hold_every_machine_once_even_when_one_is_deleted_between_them(
    site: Site, http: aiohttp.ClientSession
) -> None:
    for number in range(5):
        await site.put(f"n{number}")
    async with http.get("/api/v1/machines?limit=2") as response:
        first = await response.json()
    await site.rig.machines.delete(first["items"][-1]["id"])
    async with http.get("/api/v1/machines", params={"limit": 2, "after": first["next"]}) as response:
        second = await response.json()
    async with http.get("/api/v1/machines", params={"limit": 2, "after": second["next"]}) as response:
        third = await response.json()
    names = [machine["name"] for page in (first, second, third) for machine in page["items"]]
    assert names == ["n0", "n1", "n2", "n3", "n4"]
    assert third["next"] == ""


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("state=Reddy", "Reddy"),
        ("limit=0", "limit"),
        ("limit=x", "limit"),
        ("after=tomorrow", "next"),
        ("mac=zz", "MAC"),
        ("colour=red", "colour"),
    ],
)
async def test_a_wrong_query_is_refused_in_words(http: aiohttp.ClientSession, query: str, words: str) -> None:
    async with http.get(f"/api/v1/machines?{query}") as response:
        assert response.status == 422
        assert words in str((await problem(response))["detail"])


@pytest.mark.parametrize(
    ("action", "before", "after", "status"),
    [
        ("commission", State.NEW, "Commissioning", 202),
        ("test", State.READY, "Testing", 202),
        ("allocate", State.READY, "Allocated", 200),
        ("release", State.DEPLOYED, "Releasing", 202),
        ("abort", State.COMMISSIONING, "New", 200),
        ("mark-broken", State.READY, "Broken", 200),
        ("mark-fixed", State.BROKEN, "New", 200),
        ("override", State.FAILED_TESTING, "Ready", 200),
        ("retire", State.READY, "Retired", 200),
    ],
)
async def test_actions_move_a_machine_and_tell_its_new_state(
    site: Site, http: aiohttp.ClientSession, action: str, before: State, after: str, status: int
) -> None:
    machine = await site.put("web-1", before)
    async with http.post(f"/api/v1/machines/{machine.id}/{action}") as response:
        assert response.status == status
        told = await response.json()
    assert told["machine_state" if status == 202 else "state"] == after


async def test_the_reason_that_was_given_is_kept(site: Site, http: aiohttp.ClientSession) -> None:
    await site.put("web-1")
    async with http.post("/api/v1/machines/web-1/mark-broken", json={"reason": "fan is loud"}) as response:
        assert (await response.json())["reason"] == "fan is loud"


async def test_an_action_that_the_state_does_not_allow_is_a_conflict_that_says_what_is_allowed(
    site: Site, http: aiohttp.ClientSession
) -> None:
    await site.deployable("web-1", State.DEPLOYED)
    async with http.post("/api/v1/machines/web-1/deploy", json={"image": "debian-12"}) as response:
        assert response.status == 409
        told = await problem(response)
    assert "release" in str(told["detail"])
    assert told["type"] == "/api/v1/problems/conflict"


async def test_accepting_sets_name_and_power_in_one_call(site: Site, http: aiohttp.ClientSession) -> None:
    machine = await site.put("new-1", State.NEW, accepted=False)
    body = {
        "name": "web-1",
        "power": {"kind": "ipmi", "address": "192.168.1.201", "username": "admin", "protocol": "1.5"},
        "power_password": "s3cret",
    }
    async with http.post(f"/api/v1/machines/{machine.id}/accept", json=body) as response:
        shown = await response.json()
    assert (shown["name"], shown["accepted"], shown["power"]["protocol"]) == ("web-1", True, "1.5")
    assert site.rig.region.password(machine.id) == "s3cret"


async def test_an_edit_and_a_deletion_are_carried_out(site: Site, http: aiohttp.ClientSession) -> None:
    machine = await site.put("web-1")
    async with http.get("/api/v1/machines/web-1") as response:
        version = {"If-Match": response.headers["ETag"]}
    async with http.patch("/api/v1/machines/web-1", json={"name": "web-2"}, headers=version) as response:
        assert (await response.json())["name"] == "web-2"
    async with http.delete(f"/api/v1/machines/{machine.id}") as response:
        assert (response.status, await response.read()) == (204, b"")
    async with http.get(f"/api/v1/machines/{machine.id}") as response:
        assert response.status == 404


async def test_why_tells_the_last_thing_seen_and_the_next_awaited(site: Site, http: aiohttp.ClientSession) -> None:
    machine = await site.put("web-1", State.NEW)
    await site.rig.machines.request(machine.id, Trigger.COMMISSION)
    async with http.get("/api/v1/machines/web-1/why") as response:
        told = await response.json()
    assert told["last_seen"]["at"] == "2026-03-01T12:00:00Z"
    assert told["awaited"]["at"] > told["last_seen"]["at"]
    assert "abort" in told["next_steps"]


async def test_power_is_asked_told_and_confirmed(site: Site, http: aiohttp.ClientSession) -> None:
    await site.put("web-1")
    path = "/api/v1/machines/web-1/power"
    async with http.post(path, json={"action": "on"}) as response:
        assert (await response.json())["changed"] is True
    async with http.post(path, json={"action": "on"}) as response:
        assert (await response.json())["changed"] is False
    async with http.get(path) as response:
        assert (await response.json())["state"] == "on"
    async with http.post(path, json={"confirm": "off"}) as response:
        assert response.status == 200
    async with http.post(path, json={"boot_device": "pxe"}) as response:
        assert response.status == 200
    assert [device.value for device in site.rig.power.devices] == ["pxe"]


@pytest.mark.parametrize("body", [{}, {"action": "on", "confirm": "on"}, {"action": "explode"}])
async def test_a_power_order_must_be_exactly_one_thing(
    site: Site, http: aiohttp.ClientSession, body: dict[str, str]
) -> None:
    await site.put("web-1")
    async with http.post("/api/v1/machines/web-1/power", json=body) as response:
        assert response.status == 422


async def test_a_dead_bmc_is_a_bad_gateway_in_the_drivers_words(site: Site, http: aiohttp.ClientSession) -> None:
    await site.put("web-1")
    site.rig.power.broken = "192.168.1.201:623 did not answer 3 requests"
    async with http.get("/api/v1/machines/web-1/power") as response:
        assert response.status == 502
        assert "did not answer" in str((await problem(response))["detail"])


async def test_runs_are_shown_and_their_output_comes_byte_for_byte(site: Site, http: aiohttp.ClientSession) -> None:
    machine = await site.put("web-1")
    text = await site.put_run(machine.id, "Größe: 1\n".encode(), values={"cpu_count": msgspec.Raw(b"2")})
    binary = await site.put_run(
        machine.id, b"\x00\xff\x01", parameters={"metadata_url": "http://x/5ecre7", "disk": "sda"}
    )
    path = "/api/v1/machines/web-1/runs"
    async with http.get(path) as response:
        assert [run["id"] for run in (await response.json())["items"]] == [binary.id, text.id]
    async with http.get(f"{path}/{text.id}") as response:
        assert (await response.json())["values"] == {"cpu_count": 2}
    async with http.get(f"{path}/{binary.id}") as response:
        assert (await response.json())["parameters"] == {"metadata_url": "(hidden)", "disk": "sda"}
    async with http.get(f"{path}/{text.id}/output") as response:
        assert (response.content_type, await response.read()) == ("text/plain", "Größe: 1\n".encode())
    async with http.get(f"{path}/{binary.id}/output") as response:
        assert (response.content_type, await response.read()) == ("application/octet-stream", b"\x00\xff\x01")
    async with http.get(f"{path}/r99/output") as response:
        assert response.status == 404
