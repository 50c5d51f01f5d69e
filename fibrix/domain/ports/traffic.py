"""What is asked of the rack about DHCP and DNS as they go. All of it is bounded."""

from datetime import datetime
from typing import Protocol

import msgspec

from fibrix.types import MacAddress, MachineId

Counts = dict[str, int]
"""How often, by name, since the service was started."""


class Unserved(msgspec.Struct, frozen=True, kw_only=True):
    """A place that should be served and is not."""

    where: str  # an interface, or an address
    reason: str


class OtherServer(msgspec.Struct, frozen=True, kw_only=True):
    """A DHCP server that is not ours, and was heard within the last hour."""

    address: str
    mac: MacAddress
    interface: str
    subnet: str
    expected: bool  # it gives the addresses where Fibrix only says what to boot
    answer: str  # what it said, as `OFFER`; `REQUEST`: a client named it
    heard_at: datetime


class Talker(msgspec.Struct, frozen=True, kw_only=True):
    """A sender of DHCP messages, and how many there were within the last one or two minutes."""

    mac: MacAddress
    messages: int
    machine: MachineId = MachineId("")  # empty: it is none that is known
    machine_name: str = ""


class Conflicts(msgspec.Struct, frozen=True, kw_only=True):
    """Addresses that somebody sits on who was not given them."""

    probed: int = 0  # found by asking ahead of need
    declined: int = 0  # found by clients
    resting: int = 0  # addresses that rest for that now


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """What is seen and done on the links besides answering."""

    counts: Counts = {}
    deaf: tuple[Unserved, ...] = ()  # interfaces that cannot be listened on


class PxePortTraffic(msgspec.Struct, frozen=True, kw_only=True):
    """Port 4011, on the addresses of subnets in proxy mode."""

    counts: Counts = {}
    serving: tuple[str, ...] = ()
    closed: tuple[Unserved, ...] = ()


class DhcpTraffic(msgspec.Struct, frozen=True, kw_only=True):
    """DHCP as it goes."""

    running: bool = False  # false: there is no rack here, and nothing is counted
    received: Counts = {}  # by message type
    sent: Counts = {}  # by message type
    verdicts: Counts = {}  # what became of messages
    faults: Counts = {}  # `dropped`: too many waited; `malformed`; `withheld`: not stored, so not said; `unsent`
    deciding: int = 0  # messages that wait to be decided about
    storing: int = 0  # outcomes that wait for the disk
    serving: tuple[str, ...] = ()  # interfaces
    closed: tuple[Unserved, ...] = ()
    conflicts: Conflicts = Conflicts()
    link: Link = Link()
    pxe_port: PxePortTraffic = PxePortTraffic()
    servers: tuple[OtherServer, ...] = ()
    talkers: tuple[Talker, ...] = ()  # the loudest first, 20 at most


class Forwarding(msgspec.Struct, frozen=True, kw_only=True):
    """Questions about other zones."""

    forwarded: int = 0  # asked of the forwarders
    cache_hits: int = 0  # answered from what they said before
    failed: int = 0  # nobody could say
    kept: int = 0  # answers of theirs that are remembered now


class DnsTraffic(msgspec.Struct, frozen=True, kw_only=True):
    """DNS as it goes."""

    running: bool = False  # false: nobody is answered here
    queries: Counts = {}  # by type; `none`: could not be read; `other`: a type without a name
    answers: Counts = {}  # by RCODE
    kept_hits: int = 0  # of the answers, those that were given as they were made before
    limited: int = 0  # over the limit of their network
    slipped: int = 0  # of those, told to come by TCP; the rest were not answered
    transfers: int = 0
    notified: int = 0  # NOTIFYs sent
    notify_answered: int = 0  # secondaries that said that they know
    forwarding: Forwarding = Forwarding()
    faults: Counts = {}
    unusable_records: int = 0  # that cannot be written as their type is, and are left out
    serving: tuple[str, ...] = ()  # addresses
    closed: tuple[Unserved, ...] = ()
    zone_faults: dict[str, str] = {}  # zones and keys that cannot be used, with the reason


class Traffic(Protocol):
    """The rack's services, read as of now. Reading waits for nobody."""

    def dhcp(self) -> DhcpTraffic:
        """What the DHCP services know."""
        ...

    def dns(self) -> DnsTraffic:
        """What the DNS service knows."""
        ...
