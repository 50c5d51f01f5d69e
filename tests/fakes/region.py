"""The rest of what the API serves from, in memory."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv4Network

import msgspec

from fibrix.domain.image import ImageManifest, OperatingSystem
from fibrix.domain.network import AddressRange, Reservation, Subnet, SubnetMode
from fibrix.domain.ports.keys import SshKey
from fibrix.domain.ports.networks import SubnetUse
from fibrix.errors import ConflictError, InvalidError, NotFoundError
from fibrix.types import MacAddress

KEY = "a-key-for-tests"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@dataclass
class FakeApiKeys:
    """One key, and who used it."""

    seen: list[str] = field(default_factory=list)

    def hashes(self) -> Mapping[str, str]:
        return {"other": "0" * 64, "admin": hashlib.sha256(KEY.encode()).hexdigest()}

    def used(self, name: str) -> None:
        self.seen.append(name)


@dataclass
class FakeSshKeys:
    """Keys by name."""

    stored: dict[str, SshKey] = field(default_factory=dict)

    def all(self) -> Sequence[SshKey]:
        return [self.stored[name] for name in sorted(self.stored)]

    async def add(self, key: SshKey) -> SshKey:
        if key.name in self.stored:
            raise ConflictError(f"there is an SSH key {key.name!r} already")
        self.stored[key.name] = msgspec.structs.replace(key, created_at=NOW)
        return self.stored[key.name]

    async def delete(self, name: str) -> None:
        if self.stored.pop(name, None) is None:
            raise NotFoundError(f"there is no SSH key {name!r}")


@dataclass
class FakeNetworks:
    """One subnet."""

    reservations: dict[MacAddress, Reservation] = field(default_factory=dict)

    def subnets(self) -> Sequence[Subnet]:
        pool = AddressRange(first=IPv4Address("192.168.1.100"), last=IPv4Address("192.168.1.180"))
        return [
            Subnet(
                name="racks",
                interface="eth1",
                network=IPv4Network("192.168.1.0/24"),
                address=IPv4Address("192.168.1.1"),
                mode=SubnetMode.SERVE,
                ranges=(pool,),
                reservations=tuple(self.reservations.values()),
            )
        ]

    def use(self, subnet: str) -> SubnetUse | None:
        return SubnetUse(addresses=81, leased=3)

    async def reserve(self, subnet: str, reservation: Reservation) -> Reservation:
        if subnet != "racks":
            raise NotFoundError(f"there is no subnet {subnet!r}")
        if reservation.address not in IPv4Network("192.168.1.0/24"):
            raise InvalidError(f"{reservation.address} is not in 192.168.1.0/24", pointer="/address")
        self.reservations[reservation.mac] = reservation
        return reservation

    async def unreserve(self, subnet: str, mac: MacAddress) -> None:
        if self.reservations.pop(mac, None) is None:
            raise NotFoundError(f"{mac} has no reservation in {subnet}")


@dataclass(frozen=True)
class FakeImage:
    """An image, or a broken one."""

    name: str
    manifest: ImageManifest | None = None
    fault: str = ""


def manifest(name: str) -> ImageManifest:
    """Make a manifest."""
    return ImageManifest(
        name=name,
        title="Debian 12",
        file="disk.raw.zst",
        sha256="ab" * 32,
        compressed_bytes=136_000_000,
        size_bytes=1_500_000_000,
        os=OperatingSystem(id="debian", version="12"),
        built_at=NOW,
    )


@dataclass
class FakeImages:
    """Images by name."""

    stored: dict[str, FakeImage] = field(default_factory=dict)

    async def all(self) -> Sequence[FakeImage]:
        return list(self.stored.values())

    async def delete(self, name: str) -> None:
        if self.stored.pop(name, None) is None:
            raise NotFoundError(f"there is no image {name!r}")


@dataclass(frozen=True)
class FakeService:
    """How a service fares."""

    name: str
    state: str = "running"
    restarts: int = 0
    last_error: str = ""


@dataclass
class FakeHealth:
    """Services as a test wants them."""

    services: list[FakeService] = field(default_factory=lambda: [FakeService("store"), FakeService("dhcp")])

    def health(self) -> Sequence[FakeService]:
        return self.services
