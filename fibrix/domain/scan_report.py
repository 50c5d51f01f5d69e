"""What an active scan found."""

from collections.abc import Mapping
from enum import Enum

import msgspec

from fibrix.domain.scan import UNKNOWN, ScanKind
from fibrix.types import MacAddress


class ScanEnd(Enum):
    """How a scan ended."""

    DONE = "done"
    CANCELLED = "cancelled"
    CUT = "cut"  # a part of it could not be done: `faults` says which and why


class RedfishRoot(msgspec.Struct, frozen=True, kw_only=True):
    """What a BMC says of itself in its service root (DSP0266 §6.2), as printable, short text."""

    version: str = ""  # of the protocol: RedfishVersion
    name: str = ""
    uuid: str = ""
    vendor: str = ""
    product: str = ""


class ScanHost(msgspec.Struct, frozen=True, kw_only=True):
    """A host that answered."""

    subnet: str
    address: str
    mac: MacAddress = UNKNOWN  # empty: not known, as of hosts behind routers
    kinds: tuple[ScanKind, ...]  # that it answered
    redfish: RedfishRoot | None = None


class ScanTally(msgspec.Struct, frozen=True, kw_only=True):
    """How often something was asked and answered."""

    kind: ScanKind
    sent: int  # packets; of Redfish: connections
    answered: int  # hosts


class ScanReport(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a scan, or what it has come to so far."""

    end: ScanEnd | None = None  # None: it goes on
    tallies: tuple[ScanTally, ...] = ()
    hosts: tuple[ScanHost, ...] = ()  # in the order of their addresses; a limited number
    found: int = 0  # hosts, those that are not listed included
    faults: tuple[str, ...] = ()  # what could not be done, and why
    notes: tuple[str, ...] = ()  # what was left out, as ND where there is no IPv6

    def sent(self) -> Mapping[str, int]:
        """How often something was asked, by kind."""
        return {tally.kind.value: tally.sent for tally in self.tallies}

    def answered(self) -> Mapping[str, int]:
        """How many hosts answered, by kind."""
        return {tally.kind.value: tally.answered for tally in self.tallies}

    def words(self) -> str:
        """Say it in a line."""
        told = [f"{tally.kind.value} {tally.answered}" for tally in self.tallies if tally.sent]
        hosts = "1 host answers" if self.found == 1 else f"{self.found} hosts answer"
        return "; ".join((f"{hosts} ({', '.join(told) or 'nothing was sent'})", *self.faults, *self.notes))


class ScanRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A scan, as it is kept with the operation that it is."""

    subnets: tuple[str, ...]
    kinds: tuple[ScanKind, ...]  # that are asked in any of them
    rate: int  # packets a second
    packets: int  # that are sent, at most
    scheduled: bool = False  # nobody asked for it
    report: ScanReport = ScanReport()  # as of its end
