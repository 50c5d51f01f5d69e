"""Power by Wake-on-LAN: it can wake a machine, and do nothing else."""

import asyncio
import socket
from collections.abc import Callable, Sequence
from datetime import datetime
from ipaddress import AddressValueError, IPv4Address
from typing import Final

from fibrix.domain.power import Bmc, BootDevice, PowerAction, PowerReading, PowerState
from fibrix.domain.rack import RackSnapshot
from fibrix.errors import PowerError
from fibrix.runtime.cell import Cell
from fibrix.runtime.clock import utc_now
from fibrix.types import MachineId
from fibrix.wire.wol import UDP_PORT, MagicPacket

_FRESH_S: Final = 60  # a machine that was seen so lately counts as on
_COPIES: Final = 3  # nobody acknowledges a magic packet
_GAP_S: Final = 0.1
_ANY: Final = IPv4Address(0)


class WolDriver:
    """A PowerDriver for machines without a BMC. `seen` tells when a machine was last seen on the wire."""

    def __init__(
        self,
        rack: Cell[RackSnapshot],
        seen: Callable[[MachineId], datetime | None],
        *,
        clock: Callable[[], datetime] = utc_now,
        port: int = UDP_PORT,
    ) -> None:
        self._rack = rack
        self._seen = seen
        self._clock = clock
        self._port = port

    async def status(self, bmc: Bmc) -> PowerReading:
        """Tell what the wire shows: it can show that a machine is on, never that it is off. Never raises."""
        at = self._seen(bmc.machine)
        if at is None:
            return PowerReading(state=PowerState.UNKNOWN, detail="never seen on the wire, and nothing else can tell")
        ago_s = max(0, round((self._clock() - at).total_seconds()))
        state = PowerState.ON if ago_s <= _FRESH_S else PowerState.UNKNOWN
        return PowerReading(state=state, detail=f"seen on the wire {ago_s} s ago")

    async def act(self, bmc: Bmc, action: PowerAction) -> None:
        """Wake every MAC of the machine. Raises PowerError for all but `on`, and when nothing can be sent."""
        if action is not PowerAction.ON:
            raise PowerError(
                f"{action.value}: a machine cannot be switched off by Wake-on-LAN: "
                "shut it down by hand or through its operating system"
            )
        if not bmc.macs:
            raise PowerError("no MAC address is known to wake the machine by")
        ways = self._ways(bmc)
        for copy in range(_COPIES):
            if copy:
                await asyncio.sleep(_GAP_S)
            for source, target in ways:
                self._send(bmc, source, target)

    async def set_boot_device(self, bmc: Bmc, device: BootDevice) -> None:
        """Do nothing: the boot order is set in the machine's firmware."""

    def _ways(self, bmc: Bmc) -> Sequence[tuple[IPv4Address, IPv4Address]]:
        """Own address to send from, which chooses the interface, and broadcast address to send to."""
        if bmc.settings.address:
            try:
                return ((_ANY, IPv4Address(bmc.settings.address)),)
            except AddressValueError as exc:
                raise PowerError(f"the broadcast address is not an IPv4 address: {bmc.settings.address!r}") from exc
        ways = [(subnet.address, subnet.network.broadcast_address) for subnet in self._rack.value.subnets]
        if not ways:
            raise PowerError("no subnet is configured to send the magic packet to, and no broadcast address is set")
        return ways

    def _send(self, bmc: Bmc, source: IPv4Address, target: IPv4Address) -> None:
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sender:
                sender.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
                sender.bind((str(source), 0))
                for mac in bmc.macs:
                    sender.sendto(MagicPacket(mac).encode(), (str(target), self._port))
        except OSError as exc:
            raise PowerError(f"the magic packet cannot be sent to {target}: {exc.strerror}") from exc
