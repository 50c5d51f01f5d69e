"""What the API asks of the region about subnets."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from fibrix.domain.network import Reservation, Subnet
from fibrix.types import MacAddress


class SubnetUse(msgspec.Struct, frozen=True, kw_only=True):
    """How full a subnet's dynamic ranges are."""

    addresses: int  # in the ranges
    leased: int  # of those, now
    declined: int = 0  # of those, in quarantine


class Networks(Protocol):
    """Reading subnets, and their reservations. NotFoundError: no such subnet."""

    def subnets(self) -> Sequence[Subnet]:
        """All subnets with their reservations, in the order of the configuration."""
        ...

    def use(self, subnet: str) -> SubnetUse | None:
        """How full it is; None where the rack does not serve addresses. Raises NotFoundError."""
        ...

    async def reserve(self, subnet: str, reservation: Reservation) -> Reservation:
        """Keep an address for a MAC. Raises NotFoundError, InvalidError (not of the subnet), ConflictError."""
        ...

    async def unreserve(self, subnet: str, mac: MacAddress) -> None:
        """Give a reserved address back. Raises NotFoundError."""
        ...
