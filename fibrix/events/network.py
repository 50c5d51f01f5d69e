"""What happened to networks: zones, fabrics, VLANs, subnets and reservations. All journaled."""

from typing import ClassVar

from fibrix.events.base import Event


class AvailabilityZoneEvent(Event, frozen=True, kw_only=True):
    """Something about one zone."""

    name: str

    @property
    def subject(self) -> str:
        """Its path in the API."""
        return f"zones/{self.name}"


class AvailabilityZoneCreated(AvailabilityZoneEvent, frozen=True, kw_only=True):
    """A zone is declared. By controllers.fabrics; for the stream."""

    TYPE: ClassVar[str] = "zone.created"


class AvailabilityZoneUpdated(AvailabilityZoneEvent, frozen=True, kw_only=True):
    """What is written about it changed. By controllers.fabrics; for the stream."""

    TYPE: ClassVar[str] = "zone.updated"
    fields: tuple[str, ...]


class AvailabilityZoneDeleted(AvailabilityZoneEvent, frozen=True, kw_only=True):
    """It is not declared any more. By controllers.fabrics; for the stream."""

    TYPE: ClassVar[str] = "zone.deleted"


class FabricEvent(Event, frozen=True, kw_only=True):
    """Something about one fabric."""

    name: str

    @property
    def subject(self) -> str:
        """Its path in the API."""
        return f"fabrics/{self.name}"


class FabricCreated(FabricEvent, frozen=True, kw_only=True):
    """A fabric is declared. By controllers.fabrics; for the stream."""

    TYPE: ClassVar[str] = "fabric.created"


class FabricUpdated(FabricEvent, frozen=True, kw_only=True):
    """What is written about it changed. By controllers.fabrics; for the stream."""

    TYPE: ClassVar[str] = "fabric.updated"
    fields: tuple[str, ...]


class FabricDeleted(FabricEvent, frozen=True, kw_only=True):
    """It is not declared any more. By controllers.fabrics; for the stream."""

    TYPE: ClassVar[str] = "fabric.deleted"


class VlanEvent(Event, frozen=True, kw_only=True):
    """Something about one VLAN."""

    vlan: str  # its fabric and its number: `default.10`

    @property
    def subject(self) -> str:
        """Its path in the API."""
        return f"vlans/{self.vlan}"


class VlanCreated(VlanEvent, frozen=True, kw_only=True):
    """A VLAN is declared. By controllers.fabrics; for the stream."""

    TYPE: ClassVar[str] = "vlan.created"


class VlanUpdated(VlanEvent, frozen=True, kw_only=True):
    """Its name, interface, MTU or note changed; `fields` says which. By controllers.fabrics; for the stream."""

    TYPE: ClassVar[str] = "vlan.updated"
    fields: tuple[str, ...]


class VlanDeleted(VlanEvent, frozen=True, kw_only=True):
    """It is not declared any more. By controllers.fabrics; for the stream."""

    TYPE: ClassVar[str] = "vlan.deleted"


class SubnetEvent(Event, frozen=True, kw_only=True):
    """Something about one subnet."""

    subnet: str

    @property
    def subject(self) -> str:
        """Its path in the API."""
        return f"subnets/{self.subnet}"


class SubnetCreated(SubnetEvent, frozen=True, kw_only=True):
    """A subnet is there, and served as its mode says. By controllers.subnets; for the stream."""

    TYPE: ClassVar[str] = "subnet.created"
    network: str
    mode: str


class SubnetUpdated(SubnetEvent, frozen=True, kw_only=True):
    """It was changed; `fields` says what. By controllers.subnets; for the stream."""

    TYPE: ClassVar[str] = "subnet.updated"
    fields: tuple[str, ...]


class SubnetDeleted(SubnetEvent, frozen=True, kw_only=True):
    """It is gone, with its reservations, and is served no more. By controllers.subnets; for the stream."""

    TYPE: ClassVar[str] = "subnet.deleted"


class ReservationAdded(SubnetEvent, frozen=True, kw_only=True):
    """An address is reserved for a MAC or a client identifier. By controllers.reservations; for the stream."""

    TYPE: ClassVar[str] = "reservation.added"
    mac: str
    address: str
    client_id: str = ""


class ReservationUpdated(SubnetEvent, frozen=True, kw_only=True):
    """What is reserved for a client changed; `fields` says what. By controllers.reservations; for the stream."""

    TYPE: ClassVar[str] = "reservation.updated"
    mac: str
    address: str
    client_id: str = ""
    fields: tuple[str, ...]


class ReservationDeleted(SubnetEvent, frozen=True, kw_only=True):
    """An address is free again. By controllers.reservations; for the stream."""

    TYPE: ClassVar[str] = "reservation.deleted"
    mac: str
    client_id: str = ""
