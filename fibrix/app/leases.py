"""The rack's leases as the region reads them, from the DHCP service's memory."""

from collections.abc import Sequence
from dataclasses import dataclass

from fibrix.domain.binding import Binding
from fibrix.services.dhcp.service import DhcpService


@dataclass(frozen=True, slots=True)
class RackLeases:
    """Fits `domain.ports.leases.LeaseBook`; None: there is no rack."""

    dhcp: DhcpService | None = None

    @property
    def kept(self) -> bool:
        """Whether there is a service."""
        return self.dhcp is not None

    def bindings(self, subnet: str = "") -> Sequence[Binding]:
        """Those of a subnet, or all; none before the first start."""
        found = self.dhcp.leases.all() if self.dhcp is not None else ()
        return [binding for binding in found if binding.subnet == subnet] if subnet else list(found)
