"""What the wire shows of machines' boots, matched to the boots that are awaited."""

from collections.abc import Callable
from datetime import datetime

from msgspec.structs import replace

from fibrix.controllers.heard import Heard
from fibrix.controllers.lifecycle import Lifecycle
from fibrix.controllers.ports import Store
from fibrix.domain.machine import Boot, Boots, Machine, Stage
from fibrix.domain.power import PowerKind
from fibrix.domain.progress import is_driven, rank, reach
from fibrix.domain.rack import BootAction
from fibrix.domain.state import PASSING
from fibrix.domain.trigger import Trigger
from fibrix.events.machine import AddressChanged, BootProgressed, MachineEvent
from fibrix.events.rack import BootAsked, DiscoverSeen, LeaseGranted, TransferEnded


class Sightings:
    """Advances boots by the facts that rack-side services publish."""

    def __init__(self, store: Store, lifecycle: Lifecycle, heard: Heard, now: Callable[[], datetime]) -> None:
        self._store = store
        self._lifecycle = lifecycle
        self._heard = heard
        self._now = now

    async def discover(self, event: DiscoverSeen) -> None:
        """A client asked for an address."""
        machine = self._store.by_mac(event.mac)
        if machine is None or not event.network_boot:
            return
        boot = machine.boot
        if boot and machine.state in PASSING and _is_in_agent(boot):
            reason = "it came back to network boot while its agent was at work: it crashed, or somebody restarted it"
            await self._lifecycle.fire(machine.id, Trigger.FAILED, reason, seen=machine.state)
            return
        await self._reach(machine, Stage.DISCOVER, f"from {event.mac} on {event.interface}")

    async def leased(self, event: LeaseGranted) -> None:
        """A client got an address."""
        machine = self._store.by_mac(event.mac)
        if machine is None or machine.address == str(event.address):
            return
        said = AddressChanged(
            at=self._now(), machine=machine.id, name=machine.name, address=str(event.address), subnet=event.subnet
        )
        await self._lifecycle.change(machine.id, lambda m: (replace(m, address=said.address), [said]))

    async def transferred(self, event: TransferEnded) -> None:
        """A boot file was sent, or not to its end."""
        for machine in self._store.machines():
            if machine.address != str(event.address) or machine.boot is None:
                continue
            if event.error:
                await self._fault(machine, f"{event.file} by {event.protocol}: {event.error}")
            elif event.protocol == "tftp" or event.file.endswith((".efi", ".kpxe")):
                await self._reach(machine, Stage.BOOT_FILE, event.file)
            elif event.file.endswith("vmlinuz"):
                await self._reach(machine, Stage.KERNEL, event.file)

    async def asked(self, event: BootAsked) -> None:
        """IPXE on a known machine asked what to boot."""
        machine = self._store.by_mac(event.mac)
        if machine is None:
            return
        if event.action is BootAction.WAIT:
            self._heard.waits(machine.id)
        else:
            await self._reach(machine, Stage.BOOT_SCRIPT, f"told to boot: {event.action.value}")
        if machine.uefi != event.uefi:
            await self._lifecycle.change(machine.id, lambda m: (replace(m, uefi=event.uefi), []))

    async def _reach(self, machine: Machine, stage: Stage, detail: str) -> None:
        await self._lifecycle.change(machine.id, lambda m: self._advance(m, stage, detail))

    def _advance(self, machine: Machine, stage: Stage, detail: str) -> tuple[Machine, list[MachineEvent]]:
        boot = machine.boot
        if boot is None or not _may_show(machine, boot) or rank(stage) <= rank(boot.stage):
            return machine, []
        said = BootProgressed(
            at=self._now(), machine=machine.id, name=machine.name, boot=boot.id, stage=stage.value, detail=detail
        )
        return replace(machine, boot=reach(boot, stage, self._now(), detail)), [said]

    async def _fault(self, machine: Machine, fault: str) -> None:
        def noted(m: Machine) -> tuple[Machine, list[MachineEvent]]:
            if m.boot is None or m.boot.fault == fault or not _may_show(m, m.boot):
                return m, []
            return replace(m, boot=replace(m.boot, fault=fault)), []

        await self._lifecycle.change(machine.id, noted)


def _is_in_agent(boot: Boot) -> bool:
    return boot.boots is Boots.EPHEMERAL and rank(boot.stage) >= rank(Stage.AGENT)


def _may_show(machine: Machine, boot: Boot) -> bool:
    """Whether what the wire shows can belong to this boot: not while it is still to be switched off first."""
    if machine.state not in PASSING or boot.wind_down:
        return False
    return machine.power.kind is not PowerKind.IPMI or not is_driven(boot) or boot.stage is Stage.POWERING_ON
