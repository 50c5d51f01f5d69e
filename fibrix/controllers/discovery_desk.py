"""Discoveries as the API reads and commands them: listed, named, noted, hidden, ignored, forgotten, made machines."""

from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import datetime
from ipaddress import ip_network
from typing import Final, Protocol

from msgspec.structs import replace

from fibrix.controllers.discoveries import DiscoveryKeeper
from fibrix.controllers.host_store import HostStore, HostUnit
from fibrix.controllers.networks import NetworkBook
from fibrix.domain.census.bmc_guess import BmcGuess, is_bmc, propose
from fibrix.domain.census.discovery import Discovery, Marks, Standing, ipv4_of, is_uefi
from fibrix.domain.census.host import Host
from fibrix.domain.census.sighting import Role
from fibrix.domain.census.standing import Register
from fibrix.domain.edit import check_place
from fibrix.domain.foresee import foresee_thing
from fibrix.domain.machine import Machine
from fibrix.domain.names import check_tags
from fibrix.domain.network_index import NetworkIndex
from fibrix.domain.ports.discoveries import MarkChanges, NewMachine
from fibrix.domain.ports.machines import AcceptSpec, MachineChanges, MachineSpec
from fibrix.domain.power import PowerKind, PowerSettings
from fibrix.errors import ConflictError, InvalidError, NotFoundError
from fibrix.events.marks import DiscoveryForgotten, DiscoveryUpdated
from fibrix.types import MacAddress, MachineId, parse_mac

_BESIDE: Final = 16  # hosts of neighbouring MACs that are looked at for a BMC, on each side
_BMCS: Final = 1000  # and so many of those that are known to be one
_MARKS: Final = ("name", "note", "hidden", "ignored")


class Machines(Protocol):
    """Adding machines."""

    async def add(self, spec: MachineSpec, *, uefi: bool = ..., reason: str = ...) -> Machine:
        """Make one known. Raises InvalidError, ConflictError."""
        ...

    async def accept(self, machine: MachineId, spec: AcceptSpec) -> Machine:
        """Accept a discovered one. Raises NotFoundError, ConflictError, InvalidError."""
        ...

    async def update(self, machine: MachineId, changes: MachineChanges) -> Machine:
        """Edit. Raises NotFoundError, ConflictError, InvalidError."""
        ...


class DiscoveryDesk:
    """Fits `domain.ports.discoveries.Discoveries`."""

    def __init__(
        self,
        *,
        store: HostStore,
        keeper: DiscoveryKeeper,
        book: NetworkBook,
        machines: Machines,
        own_macs: Callable[[], frozenset[MacAddress]],
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._keeper = keeper
        self._book = book
        self._machines = machines
        self._own_macs = own_macs
        self._now = now

    async def pages(self, after: str) -> AsyncGenerator[Sequence[Discovery], None]:
        """All of them by MAC, from behind a MAC on, some at a time. Raises StoreError."""
        register = self._register()
        while hosts := await self._store.hosts.page(after):
            after = hosts[-1].mac
            yield self._known(hosts, register)

    async def some(self, macs: Sequence[MacAddress]) -> Sequence[Discovery]:
        """Those of these that are there, in any order. Raises StoreError."""
        return self._known(await self._store.hosts.some(macs), self._register())

    def in_subnet(self, subnet: str) -> Callable[[Discovery], bool]:
        """Make the test of having an address in a subnet, by its name or CIDR. Raises InvalidError."""
        if any(listed.kept.name == subnet for listed in self._book.all()):
            return lambda discovery: subnet in discovery.subnets
        try:
            index = NetworkIndex([(ip_network(subnet), True)])
        except ValueError as exc:
            words = "neither the name of a subnet nor a network, as 10.20.0.0/24"
            raise InvalidError(f"subnet: {subnet[:60]!r} is {words}", pointer="/subnet") from exc
        return lambda discovery: any(any(index.find(each.address)) for each in discovery.host.addresses)

    async def get(self, mac: str) -> Discovery:
        """One of them. Raises NotFoundError, InvalidError, StoreError."""
        wanted = parse_mac(mac)
        stored = await self._store.hosts.get(wanted) or self._keeper.heard.get(wanted)
        known = self._known([stored] if stored is not None else [], self._register())
        if not known:
            raise NotFoundError(f"there is no discovery {wanted}: it was not heard, or nothing is kept of it")
        return known[0]

    async def candidates(self, discovery: Discovery) -> Sequence[BmcGuess]:
        """Hosts that may be its BMC, and are not another machine's, the likeliest first. Raises StoreError."""
        host, hosts = discovery.host, self._store.hosts
        if discovery.standing in {Standing.CONTROLLER, Standing.BMC} or _cannot_be_machine(host):
            return ()
        near = {each.mac: each for each in await hosts.bmcs(_BMCS)}
        near |= {each.mac: each for each in [host, *await hosts.beside(host.mac, _BESIDE)]}
        free = [each.host for each in self._known(list(near.values()), self._register()) if _is_free(each, discovery)]
        if not discovery.machine:
            return propose((host.mac,), free)
        machine = self._store.machine(discovery.machine)
        serial = machine.hardware.serial if machine.hardware is not None else ""
        return propose(machine.macs, free, uuid=machine.uuid, serial=serial)

    async def mark(self, mac: str, changes: MarkChanges) -> Discovery:
        """Say something of it. Raises NotFoundError, InvalidError, StoreError."""
        found = await self.get(mac)
        given = {name: value for name in _MARKS if (value := getattr(changes, name)) is not None}

        def work(unit: HostUnit) -> Marks:
            rows = unit.of(Marks)
            stored = rows.by_key(found.host.mac)
            before = stored or Marks(id=found.host.mac)
            after = replace(before, **given)
            fields = tuple(name for name in _MARKS if getattr(before, name) != getattr(after, name))
            if not fields:
                return before
            if stored is None:
                rows.insert(after)
            elif after.said:
                rows.update(after)
            else:
                rows.delete(after.id)
            unit.append(DiscoveryUpdated(at=self._now(), mac=after.id, fields=fields))
            unit.foresee(lambda: foresee_thing("discovery", "discoveries", before, after, _MARKS))
            return after

        return replace(found, marks=await self._store.change(work))

    async def forget(self, mac: str) -> None:
        """Forget it, until it is heard again. Raises NotFoundError, InvalidError, StoreError."""
        found = await self.get(mac)
        wanted = found.host.mac

        def work(unit: HostUnit) -> bool:
            unit.hosts.drop([wanted])
            if unit.of(Marks).by_key(wanted) is not None:
                unit.of(Marks).delete(wanted)
            unit.append(DiscoveryForgotten(at=self._now(), mac=wanted))
            unit.foresee(lambda: foresee_thing("discovery", "discoveries", found.marks, None, ()))
            return True

        await self._store.change(work)
        self._keeper.forget(wanted)

    async def add_machine(self, mac: str, spec: NewMachine) -> Machine:
        """Make a machine of it. Raises NotFoundError, ConflictError, InvalidError, StoreError."""
        found = await self.get(mac)
        _refuse(found)
        power = await self._power(found, spec)
        if found.standing is Standing.WAITING:
            return await self._accept(found, spec, power)
        made = MachineSpec(
            macs=(found.host.mac,),
            name=spec.name,
            power=power or PowerSettings(),
            power_password=spec.power_password,
            zone=spec.zone or "default",
            pool=spec.pool or "default",
            tags=spec.tags or (),
        )
        reason = f"it was added from its discovery on {found.host.interface}"
        return await self._machines.add(made, uefi=is_uefi(found.host) or False, reason=reason)

    async def _accept(self, found: Discovery, spec: NewMachine, power: PowerSettings | None) -> Machine:
        """Accept the machine that waits for it. Where it is to stand is checked before, or half of it would be done."""
        place = MachineChanges(zone=spec.zone, pool=spec.pool, tags=spec.tags)
        check_place(place)
        check_tags(spec.tags or ())
        password = spec.power_password or None
        words = AcceptSpec(name=spec.name, power=power, power_password=password)
        machine = await self._machines.accept(found.machine, words)
        return machine if place == MachineChanges() else await self._machines.update(found.machine, place)

    async def _power(self, found: Discovery, spec: NewMachine) -> PowerSettings | None:
        """Say how it is powered: as the caller says, by the address of the BMC that the caller names."""
        if not spec.bmc:
            return spec.power
        try:
            bmc = await self.get(spec.bmc)
        except (NotFoundError, InvalidError) as exc:
            raise InvalidError(f"its BMC: {exc}", pointer="/bmc") from exc
        address = ipv4_of(bmc.host)
        if bmc.host.mac == found.host.mac:
            raise InvalidError("a machine is not its own BMC: name that one's MAC", pointer="/bmc")
        if bmc.standing is not Standing.STRANGER and bmc.machine != found.machine:
            words = _IS[bmc.standing].format(bmc)
            raise ConflictError(f"{bmc.host.mac} {words}: it cannot be the BMC of this one")
        if not address:
            raise InvalidError(f"{bmc.host.mac} has shown no IPv4 address: say power.address", pointer="/bmc")
        given = spec.power or PowerSettings()
        if given.address not in {"", address}:
            raise InvalidError(
                f"{bmc.host.mac} has the address {address}: leave this one out", pointer="/power/address"
            )
        if given.kind is PowerKind.WOL:
            raise InvalidError("Wake-on-LAN needs no BMC: leave `bmc` out, or say ipmi", pointer="/power/kind")
        return replace(given, kind=PowerKind.IPMI, address=address)  # who names a BMC means IPMI

    def _known(self, hosts: Sequence[Host], register: Register) -> list[Discovery]:
        marks = self._store.of(Marks)
        return [register.discovery(host, marks.by_key(host.mac)) for host in self._keeper.shown(hosts)]

    def _register(self) -> Register:
        subnets = [(listed.subnet.network, listed.kept.name) for listed in self._book.all()]
        return Register(self._store.machines(), self._store.by_mac, self._own_macs(), subnets)


_IS: Final = {
    Standing.CONTROLLER: "is the controller itself",
    Standing.MACHINE: "is the machine {0.machine_name} ({0.machine}) already",
    Standing.WAITING: "is the machine {0.machine_name} ({0.machine}), which waits to be accepted",
    Standing.BMC: "is the BMC of the machine {0.machine_name} ({0.machine})",
}


def _cannot_be_machine(host: Host) -> bool:
    return is_bmc(host) or Role.SWITCH.value in host.roles


def _is_free(found: Discovery, wanted: Discovery) -> bool:
    """Whether a host may be this one's BMC, or is the very same: nobody else's machine or BMC."""
    return found.standing is Standing.STRANGER or found.machine == wanted.machine != ""


def _refuse(found: Discovery) -> None:
    """Refuse to make a machine of what is none. Raises ConflictError."""
    mac, host = found.host.mac, found.host
    if found.standing not in {Standing.STRANGER, Standing.WAITING}:
        raise ConflictError(f"{mac} {_IS[found.standing].format(found)}")
    if _cannot_be_machine(host):
        what = "a switch" if Role.SWITCH.value in host.roles else f"a BMC ({host.bmc})" if host.bmc else "a BMC"
        words = "if it is a machine all the same, add it by its MAC: fibrix machine add"
        raise ConflictError(f"{mac} showed that it is {what}, and no machine: {words}")
