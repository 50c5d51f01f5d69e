"""The lab's network: one namespace for the switch with all that hangs on it, one for the controller; no uplink."""

import os
from pathlib import Path
from typing import Final

from fibrix.errors import LabError
from fibrix.lab.process import Daemon, daemon_of, run, stop
from fibrix.lab.spec import CONTROLLER_ADDRESS, SUBNET, MachinePlan

BRIDGE: Final = "br0"
RACKS: Final = "racks"  # the controller's interface to the machines
WAN: Final = "wan"  # the controller's other interface: up, addressed, and connected to nothing
_WAN_ADDRESS: Final = "198.51.100.2/24"  # RFC 5737: documentation only
_PREFIX: Final = 24
_TABLES: Final = 100  # routing tables of the BMCs, from here on
_OWN_ARP: Final = "for each in all default; do echo 1 > /proc/sys/net/ipv4/conf/$each/arp_ignore; done"
_NAMED: Final = Path("/run/netns")


class Network:
    """The two namespaces of one lab. Interface names live inside them, so labs cannot clash."""

    def __init__(self, lab: str) -> None:
        self.switch = f"fx-{lab}-net"
        self.server = f"fx-{lab}-srv"

    @property
    def in_switch(self) -> tuple[str, ...]:
        """What to put in front of a command that runs where the machines and BMCs are."""
        return ("ip", "netns", "exec", self.switch)

    @property
    def in_server(self) -> tuple[str, ...]:
        """What to put in front of a command that runs where the controller is."""
        return ("ip", "netns", "exec", self.server)

    @property
    def exists(self) -> bool:
        """Tell whether any part of it is there."""
        return any((_NAMED / name).exists() for name in (self.switch, self.server))

    async def create(self) -> None:
        """Make namespaces, switch and the controller's interfaces. Raises LabError (also when it is there)."""
        for namespace in (self.switch, self.server):
            await run("ip", "netns", "add", namespace)
            await run("ip", "-n", namespace, "link", "set", "lo", "up")
        await run(*self.in_switch, "sh", "-c", _OWN_ARP)  # each BMC's address is answered for by its own interface
        await self._switch("link", "add", BRIDGE, "type", "bridge", "stp_state", "0", "forward_delay", "0")
        await self._switch("link", "set", BRIDGE, "up")
        await self._cable("uplink", RACKS, f"{CONTROLLER_ADDRESS}/{_PREFIX}")
        await self._switch("link", "set", "uplink", "master", BRIDGE)
        await self._cable("nowhere", WAN, _WAN_ADDRESS)

    async def _cable(self, end: str, interface: str, address: str) -> None:
        """Join the switch's namespace with an interface of the controller's."""
        await self._switch("link", "add", end, "type", "veth", "peer", "name", interface, "netns", self.server)
        await self._switch("link", "set", end, "up")
        await run("ip", "-n", self.server, "addr", "add", address, "dev", interface)
        await run("ip", "-n", self.server, "link", "set", interface, "up")

    async def _switch(self, *words: str) -> None:
        await run("ip", "-n", self.switch, *words)

    async def attach(self, plan: MachinePlan) -> None:
        """Give a machine its cable, and its BMC a cable and an address of its own."""
        await self._switch("tuntap", "add", plan.tap, "mode", "tap")
        await self._switch("link", "set", plan.tap, "master", BRIDGE, "up")
        interface, port, address = plan.bmc_interface, f"{plan.bmc_interface}-port", str(plan.bmc_address)
        end = ("type", "veth", "peer", "name", port)
        await self._switch("link", "add", interface, "address", plan.bmc_mac, *end)
        await self._switch("link", "set", port, "master", BRIDGE, "up")
        await self._switch("link", "set", interface, "up")
        await self._switch("addr", "add", f"{address}/32", "dev", interface)
        table = str(_TABLES + plan.number)  # what the BMC says leaves by its own cable
        await self._switch("route", "add", SUBNET, "dev", interface, "src", address, "table", table)
        await self._switch("rule", "add", "from", address, "lookup", table)

    async def set_cable(self, plan: MachinePlan, *, plugged: bool) -> None:
        """Plug a machine's network cable in, or pull it."""
        await self._switch("link", "set", plan.tap, "up" if plugged else "down")

    async def processes(self) -> list[Daemon]:
        """Everything that runs in the namespaces, but this process itself."""
        pids: list[int] = []
        for namespace in (self.switch, self.server):
            if (_NAMED / namespace).exists():
                pids += map(int, (await run("ip", "netns", "pids", namespace)).split())
        return [daemon_of(pid) for pid in pids if pid != os.getpid()]

    async def remove(self) -> None:
        """End what still runs inside and delete the namespaces, with all interfaces in them. Again does nothing."""
        await stop(await self.processes())
        for namespace in (self.switch, self.server):
            if (_NAMED / namespace).exists():
                await run("ip", "netns", "delete", namespace)
        if self.exists:
            raise LabError(f"namespaces {self.switch}, {self.server} could not be deleted")
