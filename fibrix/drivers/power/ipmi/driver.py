"""Power by IPMI over LAN: 1.5 and 2.0, all BMCs of a rack over one socket."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from ipaddress import AddressValueError, IPv4Address
from typing import Final

import structlog

from fibrix.config import PowerConfig
from fibrix.domain.power import Bmc, BootDevice, PowerAction, PowerReading, PowerState
from fibrix.drivers.power.ipmi.datagrams import Datagrams, Peer
from fibrix.drivers.power.ipmi.link import Link, Timing
from fibrix.errors import PowerError
from fibrix.runtime.clock import monotonic_s
from fibrix.wire.ipmi import chassis
from fibrix.wire.ipmi.app import DeviceId
from fibrix.wire.ipmi.chassis import BootSelector, ChassisStatus, Control
from fibrix.wire.ipmi.faults import RefusedError

log = structlog.get_logger()

_CONTROLS: Final = {
    PowerAction.ON: Control.ON,
    PowerAction.OFF: Control.OFF,
    PowerAction.SOFT_OFF: Control.SOFT_OFF,
    PowerAction.CYCLE: Control.CYCLE,
}
_NOT_TWICE: Final = frozenset({PowerAction.CYCLE, PowerAction.SOFT_OFF})
_SELECTORS: Final = {BootDevice.PXE: BootSelector.PXE, BootDevice.DISK: BootSelector.DISK}
_FORGET_S: Final = 600.0  # a link that nobody used for so long belongs to a BMC that is gone


class IpmiDriver:
    """A PowerDriver and a Service: `run` holds the socket, and ends the sessions when it ends."""

    name = "ipmi"

    def __init__(self, config: PowerConfig, *, now: Callable[[], float] = monotonic_s) -> None:
        self._timing = Timing(config.timeout_s, config.retries, config.pace_s)
        self._now = now
        self._datagrams = Datagrams()
        self._links: dict[Peer, Link] = {}

    @property
    def dropped(self) -> Counter[str]:
        """Datagrams thrown away since the start: `malformed`, `stray` (late, doubled), `unawaited`, `unsent`."""
        return self._datagrams.dropped

    async def run(self, ready: asyncio.Event) -> None:
        """Have the socket open until cancelled."""
        with self._datagrams.opened():
            ready.set()
            try:
                await asyncio.Event().wait()
            finally:
                self._close()

    async def status(self, bmc: Bmc) -> PowerReading:
        """Read the power state. Raises PowerError."""
        async with self._link(bmc) as link:
            status = await link.ask(ChassisStatus.request(), ChassisStatus.decode)
            state = PowerState.ON if status.on else PowerState.OFF
            return PowerReading(state=state, detail=", ".join((state.value, f"by {link.how}", *status.faults)))

    async def act(self, bmc: Bmc, action: PowerAction) -> None:
        """Order a change. Raises PowerError: the BMC refuses, as it does to cycle a machine that is off (§28.3).

        What must not be done twice, `cycle` and `soft-off`, is sent once only, in a session that was just heard.
        """
        async with self._link(bmc) as link:
            request = chassis.control(_CONTROLS[action])
            if action in _NOT_TWICE:
                await link.order(request, prove=ChassisStatus.request())
            else:
                await link.ask(request, bytes)

    async def set_boot_device(self, bmc: Bmc, device: BootDevice) -> None:
        """Boot from it next time, once, by the firmware's kind of boot. Raises PowerError."""
        async with self._link(bmc) as link:
            for courtesy in (chassis.keep_boot_flags(), chassis.announce_boot_flags()):
                try:
                    await link.ask(courtesy, bytes)
                except RefusedError as refusal:  # optional parameters: many BMCs do without
                    log.debug("bmc.parameter_refused", machine=bmc.machine, reason=str(refusal))
            await link.ask(chassis.boot_flags(_SELECTORS[device], uefi=bmc.uefi), bytes)

    async def identify(self, bmc: Bmc) -> DeviceId:
        """Ask what the BMC is. Raises PowerError."""
        async with self._link(bmc) as link:
            return await link.ask(DeviceId.request(), DeviceId.decode)

    @asynccontextmanager
    async def _link(self, bmc: Bmc) -> AsyncIterator[Link]:
        """Have the link to a BMC to oneself.

        What fails inside is told without the BMC's address: it becomes a machine's reason, which the tenant that has
        the machine reads, and the network of BMCs is not for tenants to know. The machine's settings name it.
        """
        peer = _peer(bmc)
        if peer not in self._links:
            self._forget()
            self._links[peer] = Link(self._datagrams, peer, bmc, self._timing, self._now)
        link = self._links[peer]
        async with link.lock:
            try:
                link.adopt(bmc)
                yield link
            except PowerError as exc:
                raise PowerError(f"BMC: {exc}") from exc

    def _forget(self) -> None:
        horizon = self._now() - _FORGET_S
        self._links = {peer: link for peer, link in self._links.items() if link.lock.locked() or link.used_at > horizon}

    def _close(self) -> None:
        for link in self._links.values():
            with suppress(PowerError):  # the network is gone; so is the session, a minute later
                link.close()


def _peer(bmc: Bmc) -> Peer:
    settings = bmc.settings
    try:
        return str(IPv4Address(settings.address)), settings.port
    except AddressValueError as exc:
        raise PowerError("the BMC's address is not set, or not an IPv4 address") from exc
