"""DHCP and DNS as they go, with the names that the region has for who is seen there."""

from collections.abc import Callable

from msgspec.structs import replace

from fibrix.domain.machine import Machine
from fibrix.domain.ports.traffic import DhcpTraffic, DnsTraffic, Talker, Traffic
from fibrix.types import MacAddress


class TrafficController:
    """Fits `domain.ports.traffic.Traffic`, by what the rack says."""

    def __init__(self, rack: Traffic, by_mac: Callable[[MacAddress], Machine | None]) -> None:
        self._rack = rack
        self._by_mac = by_mac

    def dhcp(self) -> DhcpTraffic:
        """What the DHCP services know; talkers by their machines' names."""
        told = self._rack.dhcp()
        return replace(told, talkers=tuple(map(self._named, told.talkers)))

    def dns(self) -> DnsTraffic:
        """What the DNS service knows."""
        return self._rack.dns()

    def _named(self, talker: Talker) -> Talker:
        machine = self._by_mac(talker.mac)
        return talker if machine is None else replace(talker, machine=machine.id, machine_name=machine.name)
