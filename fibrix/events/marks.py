"""What people say and decide about what is heard on the wire. All journaled."""

from typing import ClassVar

from fibrix.events.base import Event


class DiscoveryEvent(Event, frozen=True, kw_only=True):
    """Something about one discovery."""

    mac: str

    @property
    def subject(self) -> str:
        """Its path in the API."""
        return f"discoveries/{self.mac}"


class DiscoveryUpdated(DiscoveryEvent, frozen=True, kw_only=True):
    """Someone named, noted, hid or ignored it; `fields` says what. By controllers.discovery_desk; for the stream."""

    TYPE: ClassVar[str] = "discovery.updated"
    fields: tuple[str, ...]


class DiscoveryForgotten(DiscoveryEvent, frozen=True, kw_only=True):
    """Someone had it forgotten; it comes back when it is heard. By controllers.discovery_desk; for the stream."""

    TYPE: ClassVar[str] = "discovery.forgotten"


class HiddenNetworkEvent(Event, frozen=True, kw_only=True):
    """Something about one hidden network."""

    id: str
    hides: str  # a network, or an interface with its VLAN

    @property
    def subject(self) -> str:
        """Its path in the API."""
        return f"hidden-networks/{self.id}"


class HiddenNetworkCreated(HiddenNetworkEvent, frozen=True, kw_only=True):
    """Nothing is kept of the hosts in it from now on. By controllers.hidden_networks; for the stream."""

    TYPE: ClassVar[str] = "hidden_network.created"


class HiddenNetworkDeleted(HiddenNetworkEvent, frozen=True, kw_only=True):
    """The hosts in it are told of again. By controllers.hidden_networks; for the stream."""

    TYPE: ClassVar[str] = "hidden_network.deleted"


class HostsUntold(Event, frozen=True, kw_only=True):
    """A storm of events about hosts: so many were not journaled. By controllers.discoveries; for the stream."""

    TYPE: ClassVar[str] = "host.untold"
    count: int
