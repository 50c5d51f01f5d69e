"""A controller that is killed at any moment carries on, on a machine that really boots: the spine's hardest promise."""

import asyncio
import json
import shutil
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fibrix.lab.controller import LabController
from fibrix.lab.process import Daemon, gone, run
from fibrix.lab.rack import Rack
from fibrix.lab.spec import BMC_PASSWORD, BMC_USER, MachinePlan
from fibrix.runtime.client import Client
from tests.lab.labs import lab, needs_root
from tests.support.built import STATE_DIR, debian_image, ephemeral_os

pytestmark = [pytest.mark.e2e, needs_root]
POWER = {"kind": "ipmi", "username": BMC_USER}


@dataclass
class Mortal:
    """A lab's controller that can be killed and started again."""

    rack: Rack
    controller: LabController
    daemon: Daemon
    client: Client

    @classmethod
    async def born(cls, rack: Rack) -> "Mortal":
        controller = LabController(rack)
        controller.configure()
        daemon = await controller.start_background()
        return cls(rack, controller, daemon, await controller.client(daemon))

    async def die_and_live(self, absent_s: float) -> None:
        """Kill it as a power failure would, and start it again after a while."""
        self.daemon.signal(signal.SIGKILL)
        assert await gone([self.daemon], within_s=5)
        await asyncio.sleep(absent_s)
        self.daemon = await self.controller.start_background()
        self.client = await self.controller.client(self.daemon)

    async def machine(self, key: str) -> dict[str, Any]:
        found: dict[str, Any] = await self.client.get(f"machines/{key}")
        return found

    async def until(self, key: str, seen: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait until a machine is so; a failure ends the waiting, with the controller's own reason."""
        while True:
            found = await self.machine(key)
            if seen(found):
                return found
            assert not found["state"].startswith("Failed"), found["reason"]
            await asyncio.sleep(0.3)

    async def reaches(self, key: str, state: str) -> dict[str, Any]:
        return await self.until(key, lambda m: m["state"] == state)

    async def in_mid_script(self, key: str, script: str) -> None:
        """Wait until a script runs and has said something or worked for a moment."""
        while True:
            runs = (await self.client.get(f"machines/{key}/runs"))["items"]
            if any(r["script"] == script and r["status"] == "running" for r in runs):
                await asyncio.sleep(2)
                return
            await asyncio.sleep(0.3)


async def discovered(mortal: Mortal, plan: MachinePlan) -> str:
    while True:
        for found in (await mortal.client.get("machines"))["items"]:
            if plan.mac in found["macs"]:
                return str(found["id"])
        await asyncio.sleep(0.5)


@pytest.mark.timeout(1800)
async def test_a_controller_killed_in_every_passing_state_brings_the_machine_where_it_should_be(tmp_path: Path) -> None:
    await ephemeral_os()
    await debian_image()
    key = tmp_path / "key"
    await run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
    async with lab("t-kill", STATE_DIR, bmc="1.5") as rack:
        mortal, plan = await Mortal.born(rack), rack.plans[0]
        await rack.power(plan.name, "plug")
        machine = await discovered(mortal, plan)
        power = {**POWER, "address": str(plan.bmc_address)}
        accepted = {"name": "box1", "power": power, "power_password": BMC_PASSWORD}
        await mortal.client.post(f"machines/{machine}/accept", accepted)

        await commissioned(mortal, machine)
        await moved(mortal, machine, tmp_path / "backup")
        await deployed(mortal, machine, key)
        await released(mortal, machine)
        chassis = [
            line.split(" ", 1)[1] for line in (rack.paths.machine(plan) / "chassis.log").read_text().splitlines()
        ]
        # plugged in by hand; deploy; the installed system; release. Never one more, and never a reset.
        assert chassis.count("goes on") == 4
        assert not [line for line in chassis if "reset" in line]
        await the_journal_is_whole(mortal)


async def commissioned(mortal: Mortal, machine: str) -> None:
    await mortal.client.post(f"machines/{machine}/commission", {})
    await mortal.die_and_live(1)  # before anything was done about it
    await mortal.in_mid_script(machine, "inventory")
    await mortal.die_and_live(5)
    await mortal.reaches(machine, "Testing")
    await mortal.in_mid_script(machine, "memory-test")
    await mortal.die_and_live(5)
    await mortal.reaches(machine, "Ready")


async def moved(mortal: Mortal, machine: str, file: Path) -> None:
    """Its disk is lost: a backup that was taken while it was at work makes an empty state folder go on from there."""
    async with asyncio.TaskGroup() as group:
        load = group.create_task(edits_without_end(mortal.client, machine), name="load")
        made = json.loads(await run(*mortal.controller.fibrix("backup", str(file), "--with-key", "--json")))
        load.cancel()
    before = await told_events(mortal)
    known = await mortal.machine(machine)
    mortal.daemon.signal(signal.SIGKILL)
    assert await gone([mortal.daemon], within_s=5)
    shutil.rmtree(mortal.rack.paths.controller)
    mortal.controller.configure()
    await run(*mortal.controller.fibrix("restore", str(file), "--yes"))
    mortal.daemon = await mortal.controller.start_background()
    mortal.client = await mortal.controller.client(mortal.daemon)
    after = await told_events(mortal)
    assert len(before) > made["head"] > 0
    assert after[: made["head"]] == before[: made["head"]]
    assert int(after[made["head"]]["id"]) == made["head"] + 1
    restored = await mortal.machine(machine)
    assert {k: restored[k] for k in ("id", "name", "state", "hardware")} == {
        k: known[k] for k in ("id", "name", "state", "hardware")
    }
    assert await power_in_the_end(mortal, machine) == "off"  # its BMC's password came along


async def power_in_the_end(mortal: Mortal, machine: str) -> str:
    """What its BMC says once the machine, which was Ready before it was off, has switched itself off."""
    while True:
        read = await mortal.client.get(f"machines/{machine}/power")
        if read["state"] != "on":
            return str(read["state"])
        await asyncio.sleep(0.5)


async def edits_without_end(client: Client, machine: str) -> None:
    """Have something written all the time."""
    while True:
        for zone in ("a", "b"):
            await client.patch(f"machines/{machine}", {"zone": zone})


async def told_events(mortal: Mortal) -> list[dict[str, Any]]:
    """All events, as the command line prints them."""
    printed = await run(*mortal.controller.fibrix("events", "--since", "0", "--json"))
    return [json.loads(line) for line in printed.splitlines()]


async def deployed(mortal: Mortal, machine: str, key: Path) -> None:
    await mortal.client.post("ssh-keys", {"name": "me", "key": key.with_suffix(".pub").read_text()})
    await mortal.client.post(f"machines/{machine}/deploy", {"image": "debian-12"})
    await mortal.until(machine, lambda m: m["boot"]["stage"] not in ("asked", "powering off", "off"))
    await mortal.die_and_live(3)
    await mortal.in_mid_script(machine, "write-image")
    await mortal.die_and_live(5)
    await mortal.until(machine, lambda m: m["boot"]["boots"] == "installed" and m["boot"]["stage"] == "powered on")
    await mortal.die_and_live(5)
    await mortal.reaches(machine, "Deployed")
    boot_id = await ssh(mortal, key, machine, "cat /proc/sys/kernel/random/boot_id")
    await mortal.die_and_live(1)
    answer = await mortal.client.post(f"machines/{machine}/power", {"action": "on"})
    assert answer["changed"] is False
    assert await ssh(mortal, key, machine, "cat /proc/sys/kernel/random/boot_id") == boot_id


async def released(mortal: Mortal, machine: str) -> None:
    await mortal.client.post(f"machines/{machine}/release", {})
    await mortal.in_mid_script(machine, "disk-wipe-quick")
    await mortal.die_and_live(3)
    await mortal.reaches(machine, "Ready")


async def ssh(mortal: Mortal, key: Path, machine: str, command: str) -> str:
    address = (await mortal.machine(machine))["address"]
    options = ("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "ConnectTimeout=20")
    return await run(*mortal.rack.network.in_server, "ssh", "-q", "-i", key, *options, f"debian@{address}", command)


async def the_journal_is_whole(mortal: Mortal) -> None:
    """The list of events, the command line and a stream that is cut off and resumed tell the same, without a hole."""
    told = await told_events(mortal)
    assert [int(event["id"]) for event in told] == list(range(1, len(told) + 1))
    streamed: list[str] = []
    for piece in (7, 20, len(told)):
        async for text in mortal.client.follow_texts(len(streamed), {}):
            streamed.append(text)
            if len(streamed) >= piece:
                break
    assert [json.loads(text) for text in streamed] == told
    acted = [e["data"]["action"] for e in told if e["type"] == "fibrix.machine.power_acted"]
    assert acted.count("on") == 3
    assert "cycle" not in acted


@pytest.mark.timeout(120)
async def test_a_machine_whose_cable_is_out_says_what_it_waits_for_and_until_when() -> None:
    await ephemeral_os()
    async with lab("t-why", STATE_DIR, memory_mb=256) as rack:
        mortal, plan = await Mortal.born(rack), rack.plans[0]
        await rack.power(plan.name, "unplug-nic")
        power = {**POWER, "address": str(plan.bmc_address)}
        await mortal.client.post(
            "machines", {"name": "box1", "macs": [plan.mac], "power": power, "power_password": BMC_PASSWORD}
        )
        await mortal.client.post("machines/box1/commission", {})
        await mortal.until("box1", lambda m: (m["boot"] or {}).get("stage") == "powered on")
        told = json.loads(await run(*mortal.controller.fibrix("machine", "why", "box1", "--json")))
        assert told["last_seen"]["what"] == "powered on"
        assert told["awaited"]["what"] == f"a DHCPDISCOVER from {plan.mac} (network boot)"
        assert told["awaited"]["at"] > told["last_seen"]["at"]
        assert "abort" in told["next_steps"]
