"""Finds the networks that an address is in, however many there are: one look per length of prefix."""

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Generic, TypeAlias, TypeVar

T = TypeVar("T")

Network: TypeAlias = IPv4Network | IPv6Network


class NetworkIndex(Generic[T]):
    """What belongs to networks, by address."""

    def __init__(self, entries: Iterable[tuple[Network, T]]) -> None:
        self._tables: dict[int, dict[int, dict[int, list[T]]]] = {
            4: {},
            6: {},
        }  # by version, bits of the host part, prefix
        for network, value in entries:
            host_bits = network.max_prefixlen - network.prefixlen
            prefix = int(network.network_address) >> host_bits
            self._tables[network.version].setdefault(host_bits, {}).setdefault(prefix, []).append(value)

    def __bool__(self) -> bool:
        """Whether there is any network."""
        return any(self._tables.values())

    def find(self, address: str) -> Iterator[T]:
        """Give what belongs to the networks that an address is in; nothing for what is no address."""
        if not self:
            return
        try:
            read = ip_address(address.partition("%")[0])
        except ValueError:
            return
        number = int(read)
        for host_bits, table in self._tables[read.version].items():
            yield from table.get(number >> host_bits, ())
