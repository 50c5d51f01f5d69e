"""Networks that people hide for good: nothing is kept of the hosts in them."""

from collections.abc import Iterable
from ipaddress import ip_address, ip_network
from typing import Final

import msgspec
from msgspec.structs import replace

from fibrix.domain.census.host import Host
from fibrix.domain.network_index import NetworkIndex
from fibrix.errors import InvalidError

MOST_HIDDEN: Final = 1000
_MOST_TEXT: Final = 64  # characters of an interface's name or a network


class HiddenNetwork(msgspec.Struct, frozen=True, kw_only=True):
    """Addresses, or a place on the wire, whose hosts are nobody's business."""

    id: str
    network: str = ""  # CIDR, IPv4 or IPv6; empty: it is a place
    interface: str = ""
    vlan: int | None = None  # on the interface; 0: untagged frames; None: whatever the tag
    note: str = ""

    @property
    def key(self) -> str:
        """What makes it the same as another."""
        return self.network or (self.interface if self.vlan is None else f"{self.interface} VLAN {self.vlan}")


def check_hidden(hidden: HiddenNetwork) -> HiddenNetwork:
    """Give it as it is kept. Raises InvalidError."""
    if bool(hidden.network) == bool(hidden.interface):
        raise InvalidError("name either a network, as 203.0.113.0/24, or an interface", pointer="/network")
    if len(hidden.interface) > _MOST_TEXT:
        raise InvalidError("no interface has so long a name", pointer="/interface")
    if not hidden.network:
        return hidden
    if hidden.vlan is not None:
        raise InvalidError("a VLAN is of an interface: name that", pointer="/vlan")
    try:
        return replace(hidden, network=str(ip_network(hidden.network[:_MOST_TEXT])))
    except ValueError as exc:
        words = f"not a network, as 203.0.113.0/24 or 2001:db8::/48: {exc}"
        raise InvalidError(words, pointer="/network") from exc


class Veil:
    """All hidden networks, made for looking at many hosts."""

    def __init__(self, hidden: Iterable[HiddenNetwork] = ()) -> None:
        self._hidden = tuple(hidden)
        self._networks = NetworkIndex((ip_network(each.network), True) for each in self._hidden if each.network)
        self._places = {(each.interface, each.vlan) for each in self._hidden if each.interface}

    def __bool__(self) -> bool:
        """Whether anything is hidden."""
        return bool(self._hidden)

    def made_of(self, hidden: Iterable[HiddenNetwork]) -> bool:
        """Whether it was made of these very ones."""
        return self._hidden == tuple(hidden)

    def hides_place(self, interface: str, vlan: int) -> bool:
        """Whether hosts that are heard there are hidden."""
        return bool(self._places) and not self._places.isdisjoint({(interface, None), (interface, vlan)})

    def hides_address(self, address: str) -> bool:
        """Whether an address is hidden."""
        return any(self._networks.find(address))

    def show(self, host: Host) -> Host | None:
        """Give what may be kept of a host; None: nothing.

        One whose every address is hidden is so too; link-local addresses, which everybody has, do not count. One that
        stands in other networks as well is shown without what is hidden.
        """
        if self.hides_place(host.interface, host.vlan):
            return None
        gone = {each.address for each in host.addresses if self.hides_address(each.address)}
        if not gone:
            return host
        left = tuple(each for each in host.addresses if each.address not in gone)
        if all(_is_link_local(each.address) for each in left):
            return None
        history = tuple(step for step in host.history if not any(address in step.what for address in gone))
        return replace(host, addresses=left, history=history)


def _is_link_local(address: str) -> bool:
    return ip_address(address.partition("%")[0]).is_link_local
