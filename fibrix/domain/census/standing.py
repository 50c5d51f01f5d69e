"""What hosts are to the region: machines, their BMCs, the controller itself, or strangers."""

from collections.abc import Callable, Iterable, Sequence

from fibrix.domain.census.discovery import Discovery, Marks, Standing
from fibrix.domain.census.host import Host
from fibrix.domain.machine import Machine
from fibrix.domain.network_index import Network, NetworkIndex
from fibrix.domain.power import PowerKind
from fibrix.types import MacAddress, MachineId


class Register:
    """What there is besides hosts, made once for looking at many of them."""

    def __init__(
        self,
        machines: Sequence[Machine],
        by_mac: Callable[[MacAddress], Machine | None],
        own: frozenset[MacAddress],
        subnets: Iterable[tuple[Network, str]],
    ) -> None:
        self._by_mac = by_mac
        self._own = own
        self._bmcs = {m.power.address: m for m in machines if m.power.kind is PowerKind.IPMI and m.power.address}
        self._subnets = NetworkIndex(subnets)

    def discovery(self, host: Host, marks: Marks | None) -> Discovery:
        """Tell what a host is."""
        standing, machine = self._standing(host)
        found = (name for each in host.addresses for name in self._subnets.find(each.address))
        return Discovery(
            host=host,
            marks=marks or Marks(id=host.mac),
            standing=standing,
            machine=machine.id if machine else MachineId(""),
            machine_name=machine.name if machine else "",
            subnets=tuple(dict.fromkeys(found)),
        )

    def _standing(self, host: Host) -> tuple[Standing, Machine | None]:
        if host.own or host.mac in self._own:
            return Standing.CONTROLLER, None
        machine = self._by_mac(host.mac)
        if machine is not None:
            return Standing.MACHINE if machine.accepted else Standing.WAITING, machine
        for each in host.addresses:
            if (machine := self._bmcs.get(each.address)) is not None:
                return Standing.BMC, machine
        return Standing.STRANGER, None
