"""The whole lab: built, shown, worked and taken down."""

import os
import shutil
from pathlib import Path
from typing import Final, Literal, Self

import msgspec

from fibrix.errors import LabError
from fibrix.lab import accelerator
from fibrix.lab.bmc import SimulatedBmc
from fibrix.lab.machine import LabMachine
from fibrix.lab.network import Network
from fibrix.lab.process import Daemon, stop
from fibrix.lab.spec import BMC_PASSWORD, BMC_USER, LabPaths, LabSpec, MachinePlan

PowerVerb = Literal["on", "off", "plug", "unplug", "plug-nic", "unplug-nic"]

_PROGRAMS: Final = {
    "ip": "iproute2",
    "qemu-system-x86_64": "qemu-system-x86",
    "qemu-img": "qemu-utils",
    "ipmi_sim": "openipmi",
}


class MachineStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What `lab status` tells of a machine."""

    name: str
    mac: str
    power: Literal["on", "off"]
    bmc: Literal["up", "down"]
    bmc_address: str
    bmc_user: str
    bmc_password: str
    bmc_version: str
    console: str  # path of the serial log


class Rack:
    """A lab that is up, or was, or is about to be."""

    def __init__(self, spec: LabSpec, state_dir: Path) -> None:
        self.spec = spec
        self.paths = LabPaths(state_dir.resolve(), spec.name)
        self.network = Network(spec.name)

    @classmethod
    def load(cls, name: str, state_dir: Path) -> Self:
        """Find a lab that was built. Raises LabError."""
        path = LabPaths(state_dir.resolve(), name).spec
        try:
            return cls(msgspec.json.decode(path.read_bytes(), type=LabSpec), state_dir)
        except FileNotFoundError as exc:
            raise LabError(f"there is no lab {name!r} in {state_dir}: make one with `fibrix lab up`") from exc
        except msgspec.DecodeError as exc:
            raise LabError(f"{path}: {exc}; `fibrix lab down --name {name}` clears it away") from exc

    @property
    def plans(self) -> tuple[MachinePlan, ...]:
        """Its machines' plans, numbered from 1."""
        return self.spec.plans()

    def plan(self, name: str) -> MachinePlan:
        """Find a machine by name. Raises LabError."""
        for plan in self.plans:
            if plan.name == name:
                return plan
        raise LabError(f"lab {self.spec.name!r} has no machine {name!r}: {', '.join(p.name for p in self.plans)}")

    def machine(self, plan: MachinePlan) -> LabMachine:
        """The machine of a plan."""
        return LabMachine(self.spec, plan, self.paths.machine(plan), self.network.in_switch)

    def bmc(self, plan: MachinePlan) -> SimulatedBmc:
        """The BMC of a plan."""
        return SimulatedBmc(plan, self.paths.machine(plan), self.spec.bmc, self.network.in_switch)

    async def up(self, *, owned: bool = False) -> None:
        """Build it, all machines off. What was begun is taken down again when it fails. Raises LabError.

        `owned`: it belongs to this process, so that what a killed one left is cleared away by the next.
        """
        self.spec.check()
        _check_host()
        if self.paths.root.exists() or self.network.exists:
            await self._clear_left_over()
        try:
            self.spec = msgspec.structs.replace(self.spec, accelerator=await accelerator.choose())
            await self._build()
            if owned:
                Daemon.own().write(self.paths.owner)
        except BaseException:
            await self.down()
            raise

    async def _build(self) -> None:
        self.paths.root.mkdir(parents=True, mode=0o700)
        self.paths.spec.write_bytes(msgspec.json.format(msgspec.json.encode(self.spec)))
        await self.network.create()
        for plan in self.plans:
            await self.network.attach(plan)
            await self.machine(plan).create()
            bmc = self.bmc(plan)
            bmc.write_files()
            await bmc.start()

    async def _clear_left_over(self) -> None:
        """Take away what a killed run left; refuse a lab that someone uses or wants to stay."""
        owner = Daemon.read(self.paths.owner)
        if owner and owner.alive:
            raise LabError(f"lab {self.spec.name!r} is in use by process {owner.pid}")
        if self.paths.spec.exists() and not owner and self.network.exists:
            raise LabError(f"lab {self.spec.name!r} is up already: `fibrix lab down --name {self.spec.name}` ends it")
        await self.down()

    async def down(self, *, keep_logs: bool = False) -> None:
        """End all that was started, delete the namespaces and the folder; whatever is left of it. Raises LabError.

        `keep_logs`: the folder stays, without the disks, until the next lab of this name.
        """
        controller = Daemon.read(self.paths.root / "controller.pid")
        if controller:  # it has machines to let go of in good order: first, and with patience
            await stop([controller], grace_s=20.0)
        await self.network.remove()
        if keep_logs:
            for disk in self.paths.root.glob("*/disk.qcow2"):
                disk.unlink()
        elif self.paths.root.exists():
            shutil.rmtree(self.paths.root)

    def status(self) -> tuple[MachineStatus, ...]:
        """Tell of every machine: power, BMC, console."""
        return tuple(
            MachineStatus(
                name=plan.name,
                mac=plan.mac,
                power="on" if self.machine(plan).is_on else "off",
                bmc="up" if self.bmc(plan).alive else "down",
                bmc_address=str(plan.bmc_address),
                bmc_user=BMC_USER,
                bmc_password=BMC_PASSWORD,
                bmc_version=self.spec.bmc,
                console=str(self.paths.serial_log(plan)),
            )
            for plan in self.plans
        )

    async def power(self, name: str, verb: PowerVerb) -> None:
        """Do by hand what a person beside the rack can do. Raises LabError.

        `plug` puts mains on, BMC and machine alike; `unplug` takes both away; `on` and `off` are the machine's button.
        """
        plan = self.plan(name)
        match verb:
            case "on" | "off":
                await self.machine(plan).power(on=verb == "on")
            case "plug":
                if not self.bmc(plan).alive:
                    await self.bmc(plan).start()
                await self.machine(plan).power(on=True)
            case "unplug":
                await self.machine(plan).power(on=False)
                await self.bmc(plan).stop()
            case "plug-nic" | "unplug-nic":
                await self.network.set_cable(plan, plugged=verb == "plug-nic")


def _check_host() -> None:
    """Refuse a host that cannot run a lab, saying what to install."""
    if os.geteuid() != 0:
        raise LabError("a lab needs root: it makes network namespaces")
    missing = [f"{program} (package {package})" for program, package in _PROGRAMS.items() if not shutil.which(program)]
    if missing:
        raise LabError(f"a lab needs {', '.join(missing)}")
