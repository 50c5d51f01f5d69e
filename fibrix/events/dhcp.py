"""What was found on the wire that an operator has to know of. All journaled."""

from typing import ClassVar

from fibrix.events.base import Event


class ForeignDhcpServer(Event, frozen=True, kw_only=True):
    """A DHCP server that is not ours answers on a subnet; again once an hour. By controllers.wire; for the stream."""

    TYPE: ClassVar[str] = "dhcp.foreign_server"
    subnet: str
    interface: str
    address: str  # its server identifier
    mac: str  # of its frames; a relay's where it is behind one
    vendor: str  # who made that network interface; empty: not known
    answer: str  # what it said, as `OFFER`

    @property
    def subject(self) -> str:
        """Its path in the API."""
        return f"subnets/{self.subnet}"


class AddressConflict(Event, frozen=True, kw_only=True):
    """Someone sits on an address that they were not given: it rests. By controllers.wire; for the stream."""

    TYPE: ClassVar[str] = "address.conflict"
    subnet: str
    address: str
    mac: str  # who answered for it; empty: a client found out, and did not say
    found: str  # "probe": we asked; "decline": the client that it was given to told us

    @property
    def subject(self) -> str:
        """Its path in the API."""
        return f"subnets/{self.subnet}"
