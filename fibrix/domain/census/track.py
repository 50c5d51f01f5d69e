"""What the census keeps of one MAC: numbers and octets, in little room; texts are made when it is told of."""

from collections.abc import Callable, Iterable
from datetime import datetime
from ipaddress import ip_address
from typing import Final, Self

import msgspec

from fibrix.domain.census.host import Host, HostAddress, HostName, HostStep
from fibrix.domain.census.moment import microseconds, moment
from fibrix.domain.census.places import Wander
from fibrix.domain.census.sighting import DhcpClient, Means, Neighbour, NetService, Role
from fibrix.types import MacAddress, mac_from_octets

NEVER: Final = 1 << 62
MOST_ADDRESSES: Final = 16
MOST_SERVICES: Final = 32
MOST_STEPS: Final = 20

NAME_WORTH: Final = (
    Means.LLDP,  # an administrator gave it to the device
    Means.CDP,
    Means.DHCP,
    Means.MDNS,  # may carry a number against clashes: `printer-2`
    Means.LLMNR,
    Means.NBNS,  # 15 characters, upper case
    Means.WSD,
    Means.SSDP,
    Means.SLP,
)
"""Whose name is the best one."""

_STRANGE: Final = len(NAME_WORTH)
_MEANS: Final = {one.value: one for one in Means}
_ROLES: Final = {one.value: one for one in Role}
_WORTH: Final = {means: place for place, means in enumerate(NAME_WORTH)}


class Use(msgspec.Struct, eq=False, gc=False):
    """An address that a host uses. `rival` is cleared when its host is forgotten: no circle is left to be collected."""

    first: int
    last: int
    rival: "Track | None" = None  # who claimed it since; None: nobody


class Track(msgspec.Struct, eq=False, gc=False):
    """All that is known of one MAC. Changed in place; times are microseconds since 1970.

    The garbage collector does not look at it: with 65,000 of them a collection would take a quarter of a second.
    """

    mac: bytes
    interface: str
    vlan: int
    first: int
    last: int
    own: bool = False
    gone: bool = False
    busy: bool = False  # gone or wandering: more has to be done with each frame than to note its time
    forgotten: bool = False
    addresses: dict[bytes, Use] = msgspec.field(default_factory=dict)  # 4 or 16 octets
    names: dict[Means, tuple[str, int]] | None = None  # with when it was last said
    means: tuple[Means, ...] = ()
    client: DhcpClient | None = None
    asked: DhcpClient | None = None  # what it said last as DHCP client; `client` is with what its firmware said before
    client_kind: str = ""  # by what it says as DHCP client: another one in every step of a boot
    kind: str = ""
    switch: Neighbour | None = None
    services: tuple[NetService, ...] = ()
    roles: tuple[Role, ...] = ()
    router: bytes = b""  # the address whose advertisement alone makes it a gateway
    resigned: bool = False  # it was one by that, and said that it no longer is
    bmc: str = ""
    steps: tuple[HostStep, ...] = ()
    unsaid: tuple[str, ...] = ()  # fields of the discovery that changed since it was told of
    gained: tuple[bytes, ...] = ()  # addresses since then, the newest last
    lost: bool = False  # since then, an address that was told
    named: bytes | None = None  # the address that was told, when that was all that had changed then
    flush: int = 0  # when that is to be told
    flushed: int = 0  # when a change was or is to be told
    changes: int = 0  # told in a row, without a quiet time
    refreshed: int = 0  # when it was told of, for any reason
    alarm: int = NEVER  # when it is to be looked at
    wander: Wander | None = None

    @classmethod
    def of(cls, host: Host) -> Self:
        """Take up a host as it was told before; protocols and roles that a later version has are left out."""
        return cls(
            mac=bytes.fromhex(host.mac.replace(":", "")),
            interface=host.interface,
            vlan=host.vlan,
            first=microseconds(host.first),
            last=microseconds(host.last),
            own=host.own,
            gone=host.gone,
            busy=host.gone,
            addresses={
                ip_address(one.address).packed: Use(microseconds(one.first), microseconds(one.last))
                for one in reversed(host.addresses)
            },
            names={_MEANS[one.means]: (one.name, microseconds(one.last)) for one in host.names if one.means in _MEANS}
            or None,
            means=tuple(_MEANS[one] for one in host.means if one in _MEANS),
            client=host.client,
            kind=host.kind,
            client_kind=host.kind,
            switch=host.switch,
            services=host.services,
            roles=tuple(_ROLES[one] for one in host.roles if one in _ROLES),
            bmc=host.bmc,
            steps=host.history,
            refreshed=microseconds(host.last),
        )

    def host(self, vendor: Callable[[MacAddress], str], shift: int = 0) -> Host:
        """Say all of it. `shift`: by how much the census's clock is ahead of the one that is told."""
        mac = mac_from_octets(self.mac)
        return Host(
            mac=mac,
            interface=self.interface,
            vlan=self.vlan,
            vendor=vendor(mac),
            kind=self.kind,
            own=self.own,
            first=moment(self.first - shift),
            last=moment(self.last - shift),
            gone=self.gone,
            addresses=self._addresses(shift),
            names=self._names(shift),
            means=tuple(one.value for one in self.means),
            client=self.client,
            switch=self.switch,
            services=self.services,
            roles=tuple(one.value for one in self.roles),
            bmc=self.bmc,
            history=self.steps,
        )

    @property
    def newest(self) -> str:
        """The address that it was heard to use last; empty: none."""
        return address_text(self._newest(self.addresses))

    @property
    def reachable(self) -> str:
        """The newest address that others than its link's neighbours can reach; if it has none, the newest."""
        far = [one for one in self.addresses if not ip_address(one).is_link_local]
        return address_text(self._newest(far or self.addresses))

    @property
    def news(self) -> tuple[str, ...]:
        """The fields to tell as changed: without addresses that came and went meanwhile."""
        moot = not self.gained and not self.lost
        return tuple(one for one in self.unsaid if one != "addresses") if moot else self.unsaid

    @property
    def latest(self) -> bytes:
        """The address to name when it is told what has changed: the last one that is new, else the newest."""
        return next((one for one in reversed(self.gained) if one in self.addresses), self._newest(self.addresses))

    @property
    def name(self) -> str:
        """Its best name; empty: none."""
        return next((one.name for one in self._names(0)), "")

    def note(self, *fields: str) -> None:
        """Keep in mind that these fields of the discovery have changed."""
        self.unsaid += tuple(one for one in fields if one not in self.unsaid)

    def gain(self, address: bytes) -> None:
        """Keep in mind that it has a new address."""
        self.note("addresses")
        self.gained = (*(one for one in self.gained if one in self.addresses and one != address), address)

    def lose(self, address: bytes) -> None:
        """Keep in mind that an address is gone."""
        self.note("addresses")
        self.lost = self.lost or address not in self.gained
        self.gained = tuple(one for one in self.gained if one != address)

    def is_told(self) -> None:
        """All of it is told by now."""
        self.unsaid, self.gained, self.lost = (), (), False

    def step(self, at: datetime, what: str) -> None:
        """Add to its history."""
        self.steps = (*self.steps, HostStep(at=at, what=what))[-MOST_STEPS:]

    def serve(self, services: tuple[NetService, ...]) -> bool:
        """Take up what it offers; says whether any of it is new. The newest are kept.

        A message that tells less of a service takes nothing back: WSD has URLs in one kind of answer only.
        """
        known = {(one.kind, one.name): one for one in self.services}
        found = {(one.kind, one.name): _filled(one, known.get((one.kind, one.name))) for one in services}
        fresh = {key: one for key, one in found.items() if known.get(key) != one}
        if not fresh:
            return False
        kept = [one for key, one in known.items() if key not in fresh]
        self.services = (*kept, *fresh.values())[-MOST_SERVICES:]
        return True

    def call(self, means: Means, name: str, at: int) -> bool:
        """Take up a name; says whether it is new."""
        if self.names is None:
            self.names = {}
        known = self.names.get(means)
        self.names[means] = (name, at)
        return known is None or known[0] != name

    def introduce(self, client: DhcpClient) -> bool:
        """Take up what it says as DHCP client; says whether it is new.

        An operating system tells neither UUID nor architecture: those that the firmware told stay.
        """
        if self.client is not None:
            client = msgspec.structs.replace(
                client,
                uuid=client.uuid or self.client.uuid,
                architectures=client.architectures or self.client.architectures,
            )
        changed = client != self.client
        self.client = client
        return changed

    def _newest(self, among: Iterable[bytes]) -> bytes:
        return max(among, key=lambda one: self.addresses[one].last, default=b"")

    def _addresses(self, shift: int) -> tuple[HostAddress, ...]:
        uses = sorted(self.addresses.items(), key=lambda one: (-one[1].last, one[0]))
        return tuple(
            HostAddress(address=address_text(octets), first=moment(use.first - shift), last=moment(use.last - shift))
            for octets, use in uses
        )

    def _names(self, shift: int) -> tuple[HostName, ...]:
        if self.names is None:
            return ()
        best = sorted(self.names.items(), key=lambda one: (_WORTH.get(one[0], _STRANGE), one[0].value))
        return tuple(HostName(name=name, means=means.value, last=moment(last - shift)) for means, (name, last) in best)


def address_text(octets: bytes) -> str:
    """Write an address of 4 or 16 octets; of none: nothing."""
    return str(ip_address(octets)) if octets else ""


def _filled(service: NetService, known: NetService | None) -> NetService:
    """A service with what is known of it in the place of what was not told now."""
    if known is None or (service.port and service.location):
        return service
    return msgspec.structs.replace(
        service, port=service.port or known.port, location=service.location or known.location
    )
