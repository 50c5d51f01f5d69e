"""Which addresses of a subnet may be given to whom, whoever has them now."""

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address
from typing import Final

from fibrix.domain.binding import Client
from fibrix.domain.network import Reservation, Subnet

_LONGEST_WITH_BOTH: Final = 30  # bits of prefix; longer ones have no network or broadcast address (RFC 3021)


class AddressPlan:
    """A subnet made ready for quick questions. Addresses are plain numbers here: they are counted and hashed a lot."""

    def __init__(self, subnet: Subnet) -> None:
        self.subnet = subnet
        self._ranges = tuple((int(one.first), int(one.last)) for one in subnet.ranges)
        self._first = int(subnet.network.network_address)
        self._last = int(subnet.network.broadcast_address)
        self._of_the_network = frozenset(_of_the_network(subnet))
        self._by_mac = {one.mac: one for one in subnet.reservations if one.mac}
        self._by_identifier = {one.client_id: one for one in subnet.reservations if one.client_id}
        self._owners = {int(one.address): one for one in subnet.reservations}
        self.size = sum(last - first + 1 for first, last in self._ranges)
        apart = (*self._of_the_network, *self._owners)
        self.apart = frozenset(
            number for number in apart if self._in_range(number)
        )  # in the ranges, and not for anyone
        self.usable = self.size - len(self.apart)  # addresses that anyone may get

    def nth(self, index: int) -> int:
        """The address at a place in the ranges, counted through all of them from 0 to `size` - 1."""
        for first, last in self._ranges:
            if index <= last - first:
                return first + index
            index -= last - first + 1
        raise IndexError(index)

    def stretch(self, index: int, count: int) -> Sequence[int]:
        """So many addresses, at most `size`, from a place on, and on from the first one behind the last."""
        count = min(count, self.size)
        first, last = self._ranges[0] if self._ranges else (0, -1)
        if first + index + count - 1 <= last:  # mostly, and a range is made in no time
            return range(first + index, first + index + count)
        found: list[int] = []
        while len(found) < count:
            for first, last in self._ranges:
                if index > last - first:
                    index -= last - first + 1
                    continue
                start, index = first + index, 0
                found.extend(range(start, min(last + 1, start + count - len(found))))
        return found

    def reservation(self, client: Client) -> Reservation | None:
        """What is reserved for a client: by its MAC, else by its identifier."""
        found = self._by_mac.get(client.mac)
        if found is None and client.identifier and self._by_identifier:
            found = self._by_identifier.get(client.identifier)
        return found

    def is_owner(self, client: Client, number: int) -> bool:
        """Whether an address is this client's by its identifier: then it is the same client, whatever its MAC."""
        owner = self._owners.get(number)
        return owner is not None and bool(owner.client_id) and owner.client_id == client.identifier

    def dynamic(self, number: int) -> bool:
        """Whether anyone may have this address."""
        return number not in self.apart and self._in_range(number)

    def refusal(self, client: Client, number: int) -> str:
        """Why a client may never have an address under this plan; empty when it may."""
        if self.dynamic(number):
            return ""
        if not self._first <= number <= self._last:
            return f"{IPv4Address(number)} is not in {self.subnet.network}"
        if number in self._of_the_network:
            return f"{IPv4Address(number)} belongs to the network itself"
        owner = self._owners.get(number)
        if owner is not None:
            whose = owner.mac or f"client {owner.client_id}"
            return "" if owner is self.reservation(client) else f"{IPv4Address(number)} is reserved for {whose}"
        return f"{IPv4Address(number)} is in no range of {self.subnet.name}"

    def _in_range(self, number: int) -> bool:
        for first, last in self._ranges:  # noqa: SIM110 - asked for every address that is looked at
            if first <= number <= last:
                return True
        return False


def _of_the_network(subnet: Subnet) -> Iterator[int]:
    """Addresses that can be no machine's."""
    for address in (subnet.address, *subnet.routers, *subnet.dns_servers):
        yield int(address)
    if subnet.network.prefixlen <= _LONGEST_WITH_BOTH:
        yield int(subnet.network.network_address)
        yield int(subnet.network.broadcast_address)
