"""Frames and a place to hear them."""

from collections.abc import Iterable
from ipaddress import ip_address
from typing import Any

from fibrix.domain.census.host import Host
from fibrix.domain.census.moment import SECOND
from fibrix.events.base import Event
from fibrix.events.rack import HostTold
from fibrix.services.sniffer.engine import Engine
from fibrix.services.sniffer.settings import CensusSettings
from fibrix.types import MacAddress
from fibrix.wire.ethernet import BROADCAST, mac_octets

START_US = 1_700_000_000 * SECOND
A = MacAddress("00:25:90:00:00:0a")
B = MacAddress("00:25:90:00:00:0b")


def arp(mac: str, address: str, *, operation: int = 1, sender: str = "", to: str = BROADCAST) -> bytes:
    """An ARP packet in a frame, padded to the least that Ethernet has."""
    source = mac_octets(MacAddress(mac))
    says = mac_octets(MacAddress(sender or mac)) + ip_address(address).packed
    head = mac_octets(MacAddress(to)) + source + bytes.fromhex("0806 0001 0800 0604")
    return head + operation.to_bytes(2) + says + bytes(6) + ip_address("10.0.0.254").packed + bytes(18)


def tagged(frame: bytes, vlan: int) -> bytes:
    """The frame with an IEEE 802.1Q tag."""
    return frame[:12] + b"\x81\x00" + vlan.to_bytes(2) + frame[12:]


class Wire:
    """An engine that hears frames at stated seconds; what is due is told before each."""

    def __init__(
        self, settings: CensusSettings | None = None, known: Iterable[Host] = (), start_us: int = START_US
    ) -> None:
        self.engine = Engine(settings, known, vendor=lambda mac: "Supermicro" if mac.startswith("00:25:90") else "")
        self.told: list[HostTold] = []
        self.start_us = start_us

    def hears(self, frame: bytes, at_s: float = 0.0, interface: str = "eth1", vlan: int = 0) -> None:
        """Let a frame come."""
        self.waits(at_s)
        self.told += self.engine.receive(frame, interface, vlan, self.at(at_s))

    def waits(self, until_s: float) -> None:
        """Let time pass."""
        self.told += self.engine.due(self.at(until_s))

    def at(self, at_s: float) -> int:
        return self.start_us + round(at_s * SECOND)

    @property
    def events(self) -> list[Event]:
        return [event for told in self.told for event in told.said]

    @property
    def said(self) -> list[str]:
        """The events in short: type, then what is special to it."""
        return [line(event) for event in self.events]

    def host(self, mac: str) -> Host:
        """A host as it was told last."""
        return next(told.host for told in reversed(self.told) if told.host is not None and told.host.mac == mac)


_COMMON = {"at", "seq", "cause", "tenant", "request"}


def line(event: Event) -> str:
    """An event as one line."""
    return " ".join([event.type, *(written(getattr(event, name)) for name in fields(event))])


def fields(event: Event) -> list[str]:
    return [name for name in event.__struct_fields__ if name not in _COMMON and getattr(event, name) not in ("", 0)]


def written(value: Any) -> str:
    return "+".join(value) if isinstance(value, tuple) else str(value)
