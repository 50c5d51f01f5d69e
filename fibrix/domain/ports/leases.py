"""What the region asks of the rack about its leases."""

from collections.abc import Sequence
from typing import Protocol

from fibrix.domain.binding import Binding


class LeaseBook(Protocol):
    """The rack's bindings, as of now. Reading waits for nobody and copies: it is for lists, not for every packet."""

    def bindings(self, subnet: str = "") -> Sequence[Binding]:
        """Those of a subnet, or all; expired and released ones too."""
        ...

    @property
    def kept(self) -> bool:
        """Whether there is anybody who keeps bindings."""
        ...
