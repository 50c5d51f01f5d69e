"""What the sniffer tells of hosts on the wire. Journaled by the region; a replay prints the same."""

from typing import ClassVar

from fibrix.events.base import Event


class HostEvent(Event, frozen=True, kw_only=True):
    """Something about one host."""

    mac: str
    interface: str
    vlan: int = 0

    @property
    def subject(self) -> str:
        """Its path in the API."""
        return f"discoveries/{self.mac}"


class HostSeen(HostEvent, frozen=True, kw_only=True):
    """A host was heard for the first time. By services.sniffer; for the stream."""

    TYPE: ClassVar[str] = "host.seen"
    means: str  # by which protocol
    vendor: str
    address: str = ""  # empty: it has shown none yet


class HostChanged(HostEvent, frozen=True, kw_only=True):
    """Something new is known of a host; `fields` says what. By services.sniffer; for the stream."""

    TYPE: ClassVar[str] = "host.changed"
    fields: tuple[str, ...]  # of the discovery: "addresses", "names", "kind", "client", "switch", "services", "roles"
    address: str = ""  # one that is new, else the one that it used last
    name: str = ""
    kind: str = ""


class HostMoved(HostEvent, frozen=True, kw_only=True):
    """A host is heard on another interface or VLAN than before. By services.sniffer; for the stream."""

    TYPE: ClassVar[str] = "host.moved"
    from_interface: str
    from_vlan: int = 0


class HostGone(HostEvent, frozen=True, kw_only=True):
    """A host was not heard for long. By services.sniffer; for the stream."""

    TYPE: ClassVar[str] = "host.gone"
    silent_s: int


class HostReturned(HostEvent, frozen=True, kw_only=True):
    """A host that was gone is heard again. By services.sniffer; for the stream."""

    TYPE: ClassVar[str] = "host.returned"
    away_s: int


class AddressContested(HostEvent, frozen=True, kw_only=True):
    """Two hosts use one address. By services.sniffer; for the stream."""

    TYPE: ClassVar[str] = "address.contested"
    address: str
    other: str  # the MAC that has it as well


class MacDuplicated(HostEvent, frozen=True, kw_only=True):
    """One MAC is heard in two places in turns. By services.sniffer; for the stream."""

    TYPE: ClassVar[str] = "host.duplicate"
    other_interface: str
    other_vlan: int = 0


class BmcSeen(HostEvent, frozen=True, kw_only=True):
    """A host is a BMC. By services.sniffer; for the stream."""

    TYPE: ClassVar[str] = "bmc.seen"
    address: str
    evidence: str  # how it showed that


class DhcpServerSeen(HostEvent, frozen=True, kw_only=True):
    """A host gives addresses by DHCP. By services.sniffer; for the stream."""

    TYPE: ClassVar[str] = "dhcp.server_seen"
    address: str


class GatewaySeen(HostEvent, frozen=True, kw_only=True):
    """A host is a gateway. By services.sniffer; for the stream."""

    TYPE: ClassVar[str] = "gateway.seen"
    address: str


class CensusFull(Event, frozen=True, kw_only=True):
    """More hosts are heard than are kept: the longest silent are forgotten. By services.sniffer; for the stream."""

    TYPE: ClassVar[str] = "census.full"
    kept: int
    forgotten: int


class NewcomersRefused(Event, frozen=True, kw_only=True):
    """New MACs come faster than hosts do: these were not taken up. By services.sniffer; for the stream."""

    TYPE: ClassVar[str] = "census.flooded"
    refused: int  # since it was told last
