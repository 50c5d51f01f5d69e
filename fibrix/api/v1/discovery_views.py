"""Discoveries as the API shows them, and which of them a list is of."""

from collections.abc import Callable
from datetime import datetime

import msgspec

from fibrix.api.listing import ListQuery
from fibrix.api.lists.grammar import Word
from fibrix.api.lists.shape import Shape, Sort
from fibrix.api.lists.values import read
from fibrix.api.views import Time
from fibrix.domain.census.bmc_guess import BmcGuess
from fibrix.domain.census.discovery import Discovery, Standing, is_uefi
from fibrix.domain.census.host import HostAddress, HostName, HostStep
from fibrix.domain.census.sighting import DhcpClient, Neighbour, NetService
from fibrix.domain.ports.networks import Vid
from fibrix.errors import InvalidError
from fibrix.types import MacAddress, MachineId

Choose = Callable[[Discovery], bool]


class DiscoveryView(msgspec.Struct, frozen=True, kw_only=True):
    """A host that was heard on the wire: what people say, what it is to the region, what it showed of itself."""

    mac: MacAddress
    name: str
    note: str
    hidden: bool
    ignored: bool
    standing: Standing
    machine: MachineId  # that it is an interface, or the BMC, of; empty: none
    machine_name: str
    interface: str
    vlan: int
    subnets: tuple[str, ...]
    vendor: str
    kind: str
    uefi: bool | None  # by DHCP; null: it never said
    first: Time
    last: Time
    gone: bool
    addresses: tuple[HostAddress, ...]
    names: tuple[HostName, ...]
    means: tuple[str, ...]
    client: DhcpClient | None
    switch: Neighbour | None
    services: tuple[NetService, ...]
    roles: tuple[str, ...]
    bmc: str
    history: tuple[HostStep, ...]


class DiscoveryDetail(DiscoveryView, frozen=True, kw_only=True):
    """The same, with hosts that may be its BMC: an offer, nothing is done by it."""

    bmc_candidates: tuple[BmcGuess, ...]


class DiscoveryQuery(ListQuery, frozen=True, forbid_unknown_fields=True):
    """Which hosts, with short cuts for what is asked most. What is given must all fit."""

    subnet: str = ""  # name or CIDR
    vlan: Vid | None = None
    interface: str = ""
    vendor: str = ""  # a part of it, in any case
    kind: str = ""  # a part of it, in any case
    role: str = ""
    known: bool | None = None  # whether it is a machine, the BMC of one, or the controller
    machine: str = ""  # id or name of the machine that it is an interface, or the BMC, of
    since: str = ""  # heard since: a time, or as -1d
    all: bool = False  # those too that are hidden or ignored

    def choice(self, now: datetime, in_subnet: Callable[[str], Choose]) -> Choose:
        """Make the test of the short cuts. Raises InvalidError."""
        tests = list(self._tests())
        if self.subnet:
            tests.append(in_subnet(self.subnet))
        if self.since:
            since = _moment(self.since, now)
            tests.append(lambda found: found.host.last.timestamp() * 1e6 >= since)
        return lambda found: all(test(found) for test in tests)

    def _tests(self) -> list[Choose]:
        vendor, kind = self.vendor.casefold(), self.kind.casefold()
        asked: tuple[tuple[bool, Choose], ...] = (
            (not self.all, lambda found: not (found.marks.hidden or found.marks.ignored)),
            (self.vlan is not None, lambda found: found.host.vlan == self.vlan),
            (bool(self.interface), lambda found: found.host.interface == self.interface),
            (bool(vendor), lambda found: vendor in found.host.vendor.casefold()),
            (bool(kind), lambda found: kind in found.host.kind.casefold()),
            (bool(self.role), lambda found: self.role in found.host.roles),
            (self.known is not None, lambda found: (found.standing is not Standing.STRANGER) is self.known),
            (bool(self.machine), lambda found: self.machine in {found.machine, found.machine_name}),
        )
        return [test for wanted, test in asked if wanted]


def discovery_view(found: Discovery) -> DiscoveryView:
    """Show one."""
    host, marks = found.host, found.marks
    return DiscoveryView(
        mac=host.mac,
        name=marks.name,
        note=marks.note,
        hidden=marks.hidden,
        ignored=marks.ignored,
        standing=found.standing,
        machine=found.machine,
        machine_name=found.machine_name,
        interface=host.interface,
        vlan=host.vlan,
        subnets=found.subnets,
        vendor=host.vendor,
        kind=host.kind,
        uefi=is_uefi(host),
        first=host.first,
        last=host.last,
        gone=host.gone,
        addresses=host.addresses,
        names=host.names,
        means=host.means,
        client=host.client,
        switch=host.switch,
        services=host.services,
        roles=host.roles,
        bmc=host.bmc,
        history=host.history,
    )


def discovery_detail(found: Discovery, candidates: tuple[BmcGuess, ...]) -> DiscoveryDetail:
    """Show one with hosts that may be its BMC."""
    view = discovery_view(found)
    fields = {name: getattr(view, name) for name in view.__struct_fields__}
    return DiscoveryDetail(**fields, bmc_candidates=candidates)


def _moment(text: str, now: datetime) -> float:
    """Read a time, in microseconds. Raises InvalidError."""
    try:
        found = read(Word(text), Shape(Sort.TIME), now)
    except InvalidError:
        found = None
    if not isinstance(found, int | float):
        words = "write 2026-01-02T03:04:05Z, or -90m, -12h, -1d"
        raise InvalidError(f"since: {text[:60]!r} is not a time: {words}", pointer="/since")
    return found
