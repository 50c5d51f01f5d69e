"""The last boots of a machine over HTTP: from its events, and to a tenant its own only."""

from typing import Any

import aiohttp

from fibrix.domain.machine import Boot, Boots
from fibrix.domain.ports.machines import MachineSpec
from fibrix.domain.power import PowerKind, PowerSettings
from fibrix.domain.state import State
from fibrix.domain.trigger import Trigger
from fibrix.events.machine import BootProgressed, ScriptEnded, ScriptStarted, StateChanged
from fibrix.types import BootId, RunId
from tests.controllers.rig import INVENTORY, MAC
from tests.support.site import ACME, GLOBEX, Site


async def boots(http: aiohttp.ClientSession, machine: str, **query: str) -> list[dict[str, Any]]:
    async with http.get(f"/api/v1/machines/{machine}/boots", params=query) as response:
        assert response.status == 200, await response.text()
        items: list[dict[str, Any]] = (await response.json())["items"]
        return items


async def test_a_boot_is_there_from_when_it_is_asked_for_to_how_it_ended(
    site: Site, http: aiohttp.ClientSession
) -> None:
    power = PowerSettings(kind=PowerKind.IPMI, address="192.168.1.201", username="admin")
    spec = MachineSpec(name="box1", macs=(MAC,), power=power, power_password="x")
    machine = (await site.rig.machines.add(spec)).id
    assert await boots(http, "box1") == []
    await site.rig.machines.request(machine, Trigger.COMMISSION, reason="a new one")
    (begun,) = await boots(http, "box1")
    present = site.rig.region.machine(machine).boot
    assert present is not None
    assert (begun["id"], begun["boots"], begun["outcome"]) == (present.id, "ephemeral", "under way")
    await site.rig.tick(machine, 4)
    secret = await site.rig.hello(await site.rig.boot_from_network())
    site.rig.clock.pass_(2)
    await site.rig.finish(secret, INVENTORY)
    site.rig.clock.pass_(3)
    await site.rig.machines.request(machine, Trigger.ABORT, reason="never mind")
    (boot,) = await boots(http, MAC)
    assert (boot["states"], boot["outcome"], boot["reason"]) == (["Commissioning", "Testing"], "abort", "never mind")
    assert boot["took_s"] == 9.0
    stages = [step["stage"] for step in boot["steps"]]
    assert stages[0] == "asked"
    assert stages[-4:] == ["DHCPDISCOVER", "boot script", "agent", "scripts"]
    assert boot["steps"][0]["detail"] == "a new one"
    assert boot["steps"][-1]["detail"].startswith("inventory, 1 of ")
    assert boot["steps"][-1]["detail"].endswith(": passed")
    await site.rig.machines.request(machine, Trigger.COMMISSION)
    newest, before = await boots(http, "box1")
    assert (newest["outcome"], before) == ("under way", boot)
    assert [one["outcome"] for one in await boots(http, "box1", limit="1")] == ["under way"]
    assert await boots(http, "box1", filter="outcome=abort") == [boot]
    async with http.get("/api/v1/machines/nobody/boots") as response:
        assert response.status == 404


async def test_a_tenant_sees_the_boots_since_a_machine_is_theirs_and_nothing_of_others(site: Site) -> None:
    machine = await site.put("web-1", State.DEPLOYING, tenant=ACME, allocated_at=site.rig.clock())
    about: dict[str, Any] = {"at": site.rig.clock(), "machine": machine.id, "name": machine.name}
    asked = StateChanged(**about, before=State.READY, after=State.DEPLOYING, trigger="deploy", reason="for acme")
    seen = BootProgressed(**about, boot=BootId("b1"), stage="agent", detail="of acme")
    done = StateChanged(**about, before=State.DEPLOYING, after=State.DEPLOYED, trigger="succeeded", reason="")
    await site.say(asked, seen, done)
    async with site.client("acme") as acme, site.client("globex") as globex, site.client() as admin:
        assert [boot["id"] for boot in await boots(acme, "web-1")] == ["b1"]
        async with globex.get("/api/v1/machines/web-1/boots") as response:
            assert response.status == 404
        present = Boot(id=BootId("b2"), boots=Boots.EPHEMERAL)
        await site.change(machine.id, tenant=GLOBEX, boot=present)
        assert await boots(globex, "web-1") == []
        assert [boot["id"] for boot in await boots(admin, "web-1")] == ["b1"]


async def test_any_number_of_events_are_gone_through_and_a_hundred_boots_are_shown(
    site: Site, http: aiohttp.ClientSession
) -> None:
    machine = await site.put("web-1")
    about: dict[str, Any] = {"at": site.rig.clock(), "machine": machine.id, "name": machine.name}
    for number in range(300):
        boot, run = BootId(f"b{number}"), RunId(f"r{number}")
        await site.say(
            StateChanged(**about, before=State.NEW, after=State.COMMISSIONING, trigger="commission", reason=""),
            BootProgressed(**about, boot=boot, stage="agent", detail=""),
            ScriptStarted(**about, run=run, script="inventory", position=1, count=1),
            ScriptEnded(**about, run=run, script="inventory", status="passed", exit_status=0, reason=""),
            StateChanged(**about, before=State.COMMISSIONING, after=State.NEW, trigger="abort", reason=""),
        )
    found = await boots(http, "web-1", limit="1000")
    assert [boot["id"] for boot in found] == [f"b{number}" for number in range(299, 199, -1)]
