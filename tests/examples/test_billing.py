"""The billing exporter: what it counts stays right when it is killed at any time."""

import asyncio
import csv
from pathlib import Path

from fibrix.domain.state import State
from fibrix.domain.trigger import Trigger
from tests.examples.process import running
from tests.support.site import ACME, Site, key_of, served


async def test_every_stretch_is_counted_once_though_the_exporter_is_killed(tmp_path: Path) -> None:
    async with served(tmp_path / "state") as site:
        folder = tmp_path / "billing"
        for round_ in range(3):
            machine = await site.put(f"web-{round_}")
            async with site.client("operator") as http:
                path = f"/api/v1/machines/{machine.id}/allocate"
                async with http.post(path, json={"tenant": ACME}) as response:
                    assert response.status == 200
            async with running("billing_exporter.py", site.url, str(folder), key=key_of("auditor")):
                await until_worked_in(site, folder)
            await let_go(site, machine.name)
        async with running("billing_exporter.py", site.url, str(folder), key=key_of("auditor")):
            await until_worked_in(site, folder)
        with (folder / "usage.csv").open(newline="") as file:
            rows = list(csv.reader(file))
    assert [(row[0], row[2]) for row in rows] == [(ACME, f"web-{number}") for number in range(3)]


async def let_go(site: Site, name: str) -> None:
    """Release a machine and let the release succeed."""
    machine = site.rig.region.find(name)
    await site.rig.machines.request(machine.id, Trigger.RELEASE)
    if site.rig.region.machine(machine.id).state is State.RELEASING:
        await site.rig.core.lifecycle.fire(machine.id, Trigger.SUCCEEDED, "wiped")


async def until_worked_in(site: Site, folder: Path) -> None:
    """Wait until the exporter has seen the newest event of a machine."""
    async with asyncio.timeout(8):
        machine_events = await site.rig.region.journal.since(0, limit=1000)
        newest = max(entry.seq for entry in machine_events if entry.type.startswith("machine."))
        state = folder / "state.json"
        while True:
            if state.exists() and f'"seq": {newest},' in state.read_text():
                return
            await asyncio.sleep(0.05)
