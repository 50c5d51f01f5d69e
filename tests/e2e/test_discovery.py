"""A server that nobody declared: heard on the wire, found together with its BMC, made a machine by one command."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fibrix.lab.controller import LabController
from fibrix.lab.process import run
from fibrix.lab.spec import BMC_PASSWORD, BMC_USER, MachinePlan
from tests.lab.labs import lab, needs_root
from tests.support.built import STATE_DIR, ephemeral_os

pytestmark = [pytest.mark.e2e, needs_root]


class Operator:
    """Somebody at the command line."""

    def __init__(self, controller: LabController) -> None:
        self._controller = controller

    async def says(self, *words: str) -> str:
        return await run(*self._controller.fibrix(*words))

    async def reads(self, *words: str) -> Any:
        return json.loads(await self.says(*words, "--json"))

    async def waits(self, *words: str, until: Callable[[Any], bool]) -> Any:
        """Ask again and again until the answer is so."""
        while True:
            shown = await self.reads(*words)
            if until(shown):
                return shown
            await asyncio.sleep(0.5)


async def heard(operator: Operator, plan: MachinePlan) -> dict[str, Any]:
    """Wait until the machine is among the discoveries and has said what it is."""
    found: list[dict[str, Any]] = await operator.waits(
        "discovery", "list", until=lambda shown: any(d["mac"] == plan.mac and d["kind"] and d["subnets"] for d in shown)
    )
    return next(d for d in found if d["mac"] == plan.mac)


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("firmware", "kind"), [("bios", "iPXE"), ("uefi", "UEFI")])
async def test_an_undeclared_server_is_heard_added_by_one_command_and_goes_on_to_ready(
    tmp_path: Path, firmware: str, kind: str
) -> None:
    await ephemeral_os()
    password = tmp_path / "password"
    password.write_text(BMC_PASSWORD)
    async with lab(f"t-heard-{firmware}", STATE_DIR, firmware=firmware) as rack:
        controller, plan = LabController(rack), rack.plans[0]
        controller.configure()
        await controller.client(await controller.start_background())
        operator = Operator(controller)
        await rack.power(plan.name, "plug")

        host = await heard(operator, plan)
        assert host["vendor"] == "virtual: QEMU"
        assert kind in host["kind"]
        assert host["subnets"] == ["racks"]

        await operator.says("discovery", "scan", "racks", "--kind", "arp,rmcp")
        shown = await operator.waits("discovery", "show", plan.mac, until=lambda shown: shown["bmc_candidates"])
        assert shown["bmc_candidates"][0]["mac"] == plan.bmc_mac
        assert shown["bmc_candidates"][0]["address"] == str(plan.bmc_address)

        bmc = ("--bmc", plan.bmc_mac, "--bmc-user", BMC_USER, "--bmc-password-file", str(password))
        await operator.says("discovery", "add", plan.mac, "--name", "box1", *bmc)
        machine = await operator.reads("machine", "show", "box1")
        assert machine["macs"] == [plan.mac]
        assert machine["power"]["address"] == str(plan.bmc_address)

        await operator.says("machine", "commission", "box1")
        await operator.waits("machine", "show", "box1", until=lambda shown: shown["state"] == "Ready")
