"""One machine's way through the demo."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from fibrix.domain.state import State
from fibrix.errors import LabError
from fibrix.lab.bmc import RMCP_PORT
from fibrix.lab.process import run, until
from fibrix.lab.progress import Progress
from fibrix.lab.rack import Rack
from fibrix.lab.spec import BMC_PASSWORD, BMC_USER, MachinePlan
from fibrix.lab.timeline import Timeline
from fibrix.lab.watch import Watch
from fibrix.runtime.client import Client

_DISCOVERED_S = 300  # UEFI under TCG, many at a time
_SSH_TRIES = 10
_OFF_S = 120  # the ephemeral system shuts itself down
_SETTLE_S = 5.0  # a power cycle would show within this
_BOOT_ID = "/proc/sys/kernel/random/boot_id"  # random(4): another one after each boot
_SSH_OPTIONS = (
    *("-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-o", "LogLevel=ERROR"),
    *("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"),  # its host key is minutes old
)


@dataclass(slots=True)
class Walk:
    """Plugged in, discovered, accepted, commissioned, tested, deployed, logged in to, released."""

    rack: Rack
    plan: MachinePlan
    client: Client
    watch: Watch
    progress: Progress
    timeline: Timeline
    ssh_key: Path
    image_built: asyncio.Event
    id: str = ""  # of the controller, once it saw the machine

    async def all_of_it(self) -> None:
        """Do every step in turn. Raises LabError, ClientError."""
        for name, doing, step in (
            ("discovered", "plugged in; waits to be discovered", self._discovered),
            ("accepted", "is accepted, with its BMC's settings", self._accepted),
            ("commissioned", "is commissioned", self._commissioned),
            ("tested", "is tested", self._tested),
            ("image there", "waits for the image to be built", self.image_built.wait),
            ("deployed", "is deployed", self._deployed),
            ("logged in", "is logged in to", self._logged_in),
            ("kept running", "is told to power on while it runs", self._kept_running),
            ("released", "is released", self._released),
        ):
            self.progress.step(self.plan.name, doing)
            with self.timeline.step(self.plan.name, name):
                await step()

    async def _discovered(self) -> None:
        await self.rack.power(self.plan.name, "plug")
        try:
            async with asyncio.timeout(_DISCOVERED_S):
                self.id = await self.watch.discovered(self.plan.mac)
        except TimeoutError as exc:
            raise LabError(f"not discovered within {_DISCOVERED_S} s of being plugged in") from exc
        machine = await self.client.get(f"machines/{self.id}")
        if machine["state"] != State.NEW.value or machine["accepted"]:
            raise LabError(f"was to be New and not accepted when discovered; is {machine['state']}")

    async def _accepted(self) -> None:
        power = {
            "kind": "ipmi",
            "address": str(self.plan.bmc_address),
            "port": RMCP_PORT,
            "username": BMC_USER,
            "protocol": "auto",
        }
        spec = {"name": self.plan.name, "power": power, "power_password": BMC_PASSWORD}
        await self.client.post(f"machines/{self.id}/accept", spec)

    async def _commissioned(self) -> None:
        await self.client.post(f"machines/{self.id}/commission", {})
        await self.watch.reaches(self.id, State.TESTING)

    async def _tested(self) -> None:
        await self.watch.reaches(self.id, State.READY)

    async def _deployed(self) -> None:
        images = [image["name"] for image in (await self.client.get("images"))["items"] if not image["fault"]]
        if not images:
            raise LabError("there is no image to deploy")
        await self.client.post(f"machines/{self.id}/deploy", {"image": images[0], "ssh_keys": ["demo"]})
        await self.watch.reaches(self.id, State.DEPLOYED)

    async def _logged_in(self) -> None:
        for _ in range(_SSH_TRIES - 1):
            try:
                output = await self._ssh("uname -a")
            except LabError as exc:  # it may report in before its sshd listens
                self.progress.line(self.plan.name, f"ssh: {exc}; again")
                await asyncio.sleep(2)
            else:
                break
        else:
            output = await self._ssh("uname -a")
        self.progress.line(self.plan.name, f"ssh: {output}")

    async def _kept_running(self) -> None:
        """Power on of a running machine must not restart it."""
        before = await self._ssh(f"cat {_BOOT_ID}")
        await self.client.post(f"machines/{self.id}/power", {"action": "on"})
        await asyncio.sleep(_SETTLE_S)
        after = await self._ssh(f"cat {_BOOT_ID}")
        if before != after:
            raise LabError(f"`power on` restarted a running machine: boot id {before}, then {after}")
        self.progress.line(self.plan.name, f"boot id {before} before and after `power on`")

    async def _released(self) -> None:
        await self.client.post(f"machines/{self.id}/release", {})
        await self.watch.reaches(self.id, State.READY)
        machine = self.rack.machine(self.plan)
        if not await until(lambda: not machine.is_on, within_s=_OFF_S):
            raise LabError(f"is Ready after its release, but its power is still on after {_OFF_S} s")

    async def _ssh(self, command: str) -> str:
        address = (await self.client.get(f"machines/{self.id}"))["address"]
        argv = ("ssh", "-i", self.ssh_key, *_SSH_OPTIONS, f"debian@{address}", command)
        return (await run(*self.rack.network.in_server, *argv)).strip()
