"""Facts that rack-side services see on the wire. High-rate: over the bus, never into the journal."""

from ipaddress import IPv4Address
from typing import ClassVar

from msgspec.structs import replace

from fibrix.domain.census.hiding import Veil
from fibrix.domain.census.host import Host
from fibrix.domain.power import PowerState
from fibrix.domain.rack import BootAction
from fibrix.events.base import Event
from fibrix.types import MacAddress, MachineId


class DiscoverSeen(Event, frozen=True, kw_only=True):
    """A DHCPDISCOVER came from a client. By services.dhcp; for controllers.boot."""

    TYPE: ClassVar[str] = "rack.discover_seen"
    mac: MacAddress
    interface: str
    network_boot: bool  # a PXE, HTTPClient or iPXE client, not an operating system
    vendor_class: str = ""


class LeaseGranted(Event, frozen=True, kw_only=True):
    """A lease is stored, its DHCPACK handed to the socket. By services.dhcp; for controllers.boot, services.sniffer."""

    TYPE: ClassVar[str] = "rack.lease_granted"
    mac: MacAddress
    address: IPv4Address
    subnet: str
    lease_s: int
    hostname: str = ""


class ServerSeen(Event, frozen=True, kw_only=True):
    """A DHCP server that is not ours answered; told of hourly. By services.dhcp; for controllers.wire."""

    TYPE: ClassVar[str] = "rack.dhcp_server_seen"
    address: IPv4Address  # its server identifier
    mac: MacAddress  # of the frame
    interface: str
    subnet: str
    answer: str  # as `OFFER`
    expected: bool  # it gives the addresses where we only say what to boot: nothing is wrong


class ServerChosen(Event, frozen=True, kw_only=True):
    """A client took up the offer of a DHCP server that is not ours. By services.dhcp; for its own watch."""

    TYPE: ClassVar[str] = "rack.dhcp_server_chosen"
    address: IPv4Address  # as the client names it
    interface: str


class ConflictSeen(Event, frozen=True, kw_only=True):
    """An address that nobody was given is in use. By services.dhcp; for controllers.wire."""

    TYPE: ClassVar[str] = "rack.address_conflict_seen"
    address: IPv4Address
    subnet: str
    mac: MacAddress  # who answered; empty: not known
    found: str  # "probe" or "decline"


class TransferEnded(Event, frozen=True, kw_only=True):
    """A file was sent, or its sending ended early. By services.tftp and services.httpboot; for controllers.boot."""

    TYPE: ClassVar[str] = "rack.transfer_ended"
    address: IPv4Address  # of the client
    file: str  # relative to the boot files or the images
    protocol: str  # "tftp" or "http"
    sent_bytes: int
    total_bytes: int
    error: str = ""  # empty: it was sent whole


class BootAsked(Event, frozen=True, kw_only=True):
    """iPXE on a machine asked what to boot, and was told. By services.httpboot; for controllers.boot, .discovery."""

    TYPE: ClassVar[str] = "rack.boot_asked"
    mac: MacAddress
    address: IPv4Address
    subnet: str
    action: BootAction
    known: bool  # there was a boot entry for it
    uefi: bool
    uuid: str = ""  # SMBIOS system UUID as iPXE tells it
    manufacturer: str = ""
    product: str = ""
    serial: str = ""


class PowerRead(Event, frozen=True, kw_only=True):
    """A power state was read, or could not be. By services.power; for controllers.power."""

    TYPE: ClassVar[str] = "rack.power_read"
    machine: MachineId
    state: PowerState
    detail: str


class PowerChangeAsked(Event, frozen=True, kw_only=True):
    """A person is asked to press the button (manual power). By drivers.power.manual; for controllers.power."""

    TYPE: ClassVar[str] = "rack.power_change_asked"
    machine: MachineId
    wanted: str  # a PowerAction's value


class HostTold(Event, frozen=True, kw_only=True):
    """A host as it is known now, and what there is to tell of it. By services.sniffer; for controllers.discoveries.

    Again once in a while without anything to tell, for the time when it was last heard.
    """

    TYPE: ClassVar[str] = "rack.host_told"
    host: Host | None  # None: `said` is of no host
    said: tuple[Event, ...] = ()  # of fibrix.events.discovery, in their order

    def behind(self, veil: Veil) -> "HostTold | None":
        """Give the same without what is hidden; None: nothing of it may be told or kept."""
        if self.host is None or not veil:
            return self
        host = veil.show(self.host)
        if host is None:
            return None
        said = tuple(event for event in self.said if not veil.hides_address(getattr(event, "address", "")))
        return self if host is self.host and said == self.said else replace(self, host=host, said=said)
