"""What happened to active scans. Journaled, with the operation that they are."""

from typing import ClassVar

from fibrix.domain.scan_report import ScanReport
from fibrix.events.base import Event
from fibrix.types import MacAddress, OperationId


class ScanEvent(Event, frozen=True, kw_only=True):
    """Something about one scan."""

    operation: OperationId
    subnets: tuple[str, ...]

    @property
    def subject(self) -> str:
        """Its path in the API."""
        return f"operations/{self.operation}"


class ScanStarted(ScanEvent, frozen=True, kw_only=True):
    """A scan of subnets began, asked for or by schedule. By controllers.scans; for the stream."""

    TYPE: ClassVar[str] = "scan.started"
    kinds: tuple[str, ...]  # that are asked in any of them: "arp", "nd", "ping", "rmcp", "redfish"
    packets: int  # that it sends, at most
    rate: int  # packets a second


class ScanEnded(ScanEvent, frozen=True, kw_only=True):
    """A scan is over. By controllers.scans; for the stream."""

    TYPE: ClassVar[str] = "scan.ended"
    state: str  # `succeeded`, `failed`, `cancelled`
    detail: str
    hosts: int  # that answered anything
    sent: dict[str, int]  # by kind: packets; of redfish connections
    answered: dict[str, int]  # by kind: hosts


class ScanFinished(Event, frozen=True, kw_only=True):
    """The rack is done with a scan. By services.scan; for controllers.scans."""

    TYPE: ClassVar[str] = "rack.scan_finished"
    operation: OperationId
    report: ScanReport


class RedfishSeen(Event, frozen=True, kw_only=True):
    """A host gave its Redfish service root. By services.scan; for services.sniffer."""

    TYPE: ClassVar[str] = "rack.redfish_seen"
    address: str
    mac: MacAddress  # empty: it is behind routers
    interface: str
    subnet: str
    version: str = ""  # of the protocol
    name: str = ""
    uuid: str = ""
    vendor: str = ""
    product: str = ""
